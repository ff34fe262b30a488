"""What became of the calls of each tool: counted, and durations by nearest rank."""

import pytest

from eventlog_projections.history.tool_figures import ToolFigures, nearest_rank, tool_figures
from eventlog_projections.views.tools import ToolCallRow


def call(name: str | None, seconds: float | None = None, *, error: bool = False) -> ToolCallRow:
    return ToolCallRow(
        stream_id=b"",
        version=1,
        item=0,
        place=0,
        turn=0,
        call_id="c",
        tenant="t",
        name=name,
        called_at=None if name is None else 1,
        answered_at=None if seconds is None else 2,
        duration=None if seconds is None else int(seconds * 1e6),
        is_error=error,
    )


def test_each_tool_is_counted_the_most_called_first() -> None:
    """Errors, calls without a result, and durations that are known."""
    rows = [call("find", 1), call("find", 3, error=True), call("find"), call("pay", 2)]
    assert tool_figures(rows) == [
        ToolFigures("find", 3, 1, 1, 2, 1.0, 3.0),
        ToolFigures("pay", 1, 0, 0, 1, 2.0, 2.0),
    ]


def test_results_without_a_call_are_nobody_s() -> None:
    """They say nothing of a tool."""
    assert tool_figures([call(None, 1)]) == []


@pytest.mark.parametrize(
    ("values", "percent", "then"),
    [([], 50, None), ([5], 95, 5), ([1, 2, 3, 4], 50, 2), (list(range(1, 101)), 95, 95)],
)
def test_nearest_rank(values: list[float], percent: int, then: float | None) -> None:
    """The least value that so many percent do not exceed."""
    assert nearest_rank(values, percent) == then
