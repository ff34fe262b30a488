"""What became of the calls of each tool of a conversation: how many, how often wrong, how long."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from eventlog_projections.views.tools import ToolCallRow


class ToolFigures(NamedTuple):
    """A tool. Durations are seconds, by nearest rank, of the calls whose duration is known."""

    name: str
    calls: int
    errors: int
    unanswered: int
    timed: int
    p50: float | None
    p95: float | None


def tool_figures(calls: Iterable[ToolCallRow]) -> list[ToolFigures]:
    """Return the figures of each tool, the most called first; results without a call are left out.

    Pure.
    """
    by_name: dict[str, list[ToolCallRow]] = {}
    for call in calls:
        if call.name is not None and call.called_at is not None:
            by_name.setdefault(call.name, []).append(call)
    found = [_figures(name, rows) for name, rows in by_name.items()]
    return sorted(found, key=lambda each: (-each.calls, each.name))


def _figures(name: str, rows: Sequence[ToolCallRow]) -> ToolFigures:
    took = sorted(row.duration / 1e6 for row in rows if row.duration is not None)
    return ToolFigures(
        name,
        len(rows),
        sum(row.is_error for row in rows),
        sum(row.answered_at is None for row in rows),
        len(took),
        nearest_rank(took, 50),
        nearest_rank(took, 95),
    )


def nearest_rank(ordered: Sequence[float], percent: int) -> float | None:
    """Return the least value that so many percent of the values do not exceed; None of none."""
    return ordered[-(-len(ordered) * percent // 100) - 1] if ordered else None
