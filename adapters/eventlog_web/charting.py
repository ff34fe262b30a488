"""Charts of a conversation: tokens, context, cost and tools, as numbers with places to draw at."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from eventlog import ItemsReplaced, StoreError
from eventlog_projections import Conversation, HistoryTail
from eventlog_projections.history.tool_figures import tool_figures
from eventlog_projections.views import Views, tool_calls, turns
from eventlog_projections.views.queries import Turn
from eventlog_web.viewer import page, viewer_of

MOST: Final = 200
"""Turns that are drawn, the last ones."""

WIDTH: Final = 720.0
HEIGHT: Final = 150.0


class Bar(NamedTuple):
    """A rectangle of a chart, and what it says."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    said: str


class Curve(NamedTuple):
    """A line of a chart: points of SVG, and the largest value."""

    points: str
    most: float


async def show(request: Request) -> Response:
    """Answer with the page of charts."""
    viewer = viewer_of(request)
    chat, row = await viewer.find(request)
    views = Views(viewer.log)
    try:
        every = await turns(views, chat.name, branch=chat.branch, stale=True)
        calls = await tool_calls(views, chat.name, branch=chat.branch, stale=True)
    except StoreError:
        every, calls = [], []
    found = every[-MOST:]
    compacted = await _compacted(chat, found)
    contexts = [turn.context_tokens for turn in found]
    values = {
        "chat": chat,
        "turns": found,
        "all": len(every),
        "tools": tool_figures(calls),
        "bars": _stacked(found),
        "most": max((turn.total_tokens for turn in found), default=0),
        "context": _curve(contexts),
        "running": _curve([turn.running_tokens for turn in found]),
        "compacted": [_middle(index, len(found)) for index in compacted],
        "cost": _costs(found),
        "most_cost": max((turn.cost.total for turn in found), default=0),
        "width": WIDTH,
        "height": HEIGHT,
        "head": row.head.version,
    }
    return page(request, "charts.html", values)


def _stacked(found: Sequence[Turn]) -> list[Bar]:
    """Return the tokens of each turn by kind, one upon the other."""
    most = max((turn.total_tokens for turn in found), default=0) or 1
    bars: list[Bar] = []
    for index, turn in enumerate(found):
        used = turn.usage
        kinds = (
            ("cached input", used.cached_input_tokens),
            ("input", used.input_tokens - used.cached_input_tokens),
            ("reasoning", used.reasoning_tokens),
            ("output", used.output_tokens - used.reasoning_tokens),
        )
        top = HEIGHT
        for kind, tokens in kinds:
            height = max(0, tokens) / most * HEIGHT
            top -= height
            bars.append(_bar(index, len(found), top, height, kind, f"{tokens:,} {kind}"))
    return bars


def _costs(found: Sequence[Turn]) -> list[Bar]:
    most = float(max((turn.cost.total for turn in found), default=0)) or 1.0
    return [
        _bar(
            index,
            len(found),
            HEIGHT - float(turn.cost.total) / most * HEIGHT,
            float(turn.cost.total) / most * HEIGHT,
            "cost",
            f"${turn.cost.total:,.4f}",
        )
        for index, turn in enumerate(found)
    ]


def _bar(index: int, count: int, y: float, height: float, kind: str, said: str) -> Bar:
    wide = WIDTH / max(1, count)
    name = kind.replace(" ", "-")
    return Bar(index * wide + wide * 0.1, y, wide * 0.8, height, name, f"turn {index + 1}: {said}")


def _curve(values: Sequence[int | None]) -> Curve:
    most = max((value for value in values if value is not None), default=0)
    points = [
        f"{_middle(index, len(values)):.1f},{HEIGHT - value / (most or 1) * HEIGHT:.1f}"
        for index, value in enumerate(values)
        if value is not None
    ]
    return Curve(" ".join(points), most)


def _middle(index: int, count: int) -> float:
    wide = WIDTH / max(1, count)
    return index * wide + wide / 2


async def _compacted(chat: Conversation, found: Sequence[Turn]) -> list[int]:
    """Return the turns in which the list was compacted, by index."""
    marks: list[int] = []
    async for event in HistoryTail(chat.log, chat.name, chat.branch).more():
        if not isinstance(event.event, ItemsReplaced) or event.recorded_at is None:
            continue
        at = event.recorded_at
        begun = sum(turn.begun_at is not None and turn.begun_at <= at for turn in found)
        if begun:  # Otherwise it was before the turns that are drawn.
            marks.append(begun - 1)
    return marks
