"""Events as the scrubber takes them: one short JSON object each, the same live and in a file.

A row says what `HistoryEvent` says. What is in the list at a version follows from `out` and `back`
alone, so stepping from one version to another asks nobody.
"""

from typing import Any, Final

import msgspec

from eventlog import ItemsAdded
from eventlog.events import UsageRecorded
from eventlog.format.envelope import to_microseconds
from eventlog_projections import HistoryEvent
from eventlog_projections.history.pairs import Pairs
from eventlog_projections.items.calls import is_answer, is_call, is_hosted
from eventlog_projections.items.parts import fields_of
from eventlog_projections.items.turns import starts
from eventlog_web import words

EXCERPT: Final = 120
"""Characters of an item that a row shows."""


class Face(msgspec.Struct, frozen=True, omit_defaults=True, rename={"answers": "p", "open": "q"}):
    """What a row shows of an item. `type` is one of FACES."""

    t: str
    s: str
    answers: tuple[int, int] | None = None
    """The version and index of the call that it answers."""
    open: bool = False
    """Whether it is a call that another item has to answer."""


class EventRow(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An event. Names are short because there are many.

    v version, k kind, t microseconds UTC, a actor, g agent, r run, s seen_version, d what it did,
    w why, i items, n number of items where they cannot be shown, o spans that left the list by it,
    b spans that came back, c items that the list has then, x whether its content was erased,
    u whether it begins a turn, e what is wrong with it, z tokens that it says were used.
    """

    v: int
    k: str
    t: int | None
    c: int
    a: str | None = None
    g: str | None = None
    r: str | None = None
    s: int | None = None
    d: str | None = None
    w: str | None = None
    i: tuple[Face, ...] = ()
    n: int = 0
    o: tuple[tuple[int, int, int], ...] = ()
    b: tuple[tuple[int, int, int], ...] = ()
    x: bool = False
    u: bool = False
    e: str | None = None
    z: int = 0


class Rows:
    """Makes rows of events, one after the other, from the first."""

    def __init__(self) -> None:
        self._pairs = Pairs()

    def take(self, event: HistoryEvent) -> EventRow:
        """Return the row of the next event."""
        items = [each.item for each in event.items]
        answers = {
            pair.answer.item: (pair.call.version, pair.call.item)
            for pair in self._pairs.take(event.version, items)
        }
        context, happened = event.context, event.event
        is_erased = event.error is None and happened is None
        return EventRow(
            v=event.version,
            k=event.kind,
            t=None if event.recorded_at is None else to_microseconds(event.recorded_at),
            c=event.total,
            a=_line(getattr(happened, "by", None) or event.actor),
            g=None if context is None else _line(context.agent),
            r=None if context is None else _line(context.run_id),
            s=None if context is None else context.seen_version,
            d=None if isinstance(happened, ItemsAdded) else words.deed(happened),
            w=_line(event.reason),
            i=tuple(_face(item, answers.get(n)) for n, item in enumerate(items)),
            n=0 if items else event.brought,
            o=event.removed,
            b=event.restored,
            x=is_erased,
            u=bool(starts(items)) and not getattr(happened, "inner", False),
            e=None if event.error is None else words.line(str(event.error)),
            z=happened.total_tokens if isinstance(happened, UsageRecorded) else 0,
        )


def _face(item: Any, answers: tuple[int, int] | None) -> Face:
    is_open = is_call(item) and not is_hosted(item)
    return Face(face_of(item), words.excerpt(item, EXCERPT), answers, is_open)


def face_of(item: Any) -> str:
    """Return the kind of item that decides its colour."""
    kind = fields_of(item).get("type")
    if is_call(item):
        return "call"
    if is_answer(item):
        return "output"
    if kind == "reasoning":
        return "reasoning"
    role = fields_of(item).get("role")
    return role if role in ("user", "assistant", "system", "developer") else "item"


def _line(text: str | None) -> str | None:
    return None if text is None else words.line(text)
