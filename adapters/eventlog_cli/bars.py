"""Bars of progress, drawn by rich: imported where one is drawn."""

import contextlib
from collections.abc import Generator

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class Drawing:
    """A bar that is drawn."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def step(self) -> None:
        """Draw that one more is done."""
        self._progress.advance(self._task)

    def move(self, done: float, total: float | None) -> None:
        """Draw how much is done, and of how much."""
        self._progress.update(self._task, completed=done, total=total)


@contextlib.contextmanager
def drawing(what: str, total: float | None) -> Generator[Drawing]:
    """Draw a bar on stderr while the block runs; it is gone afterwards."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    console = Console(highlight=False, markup=False, emoji=False, stderr=True)
    with Progress(*columns, console=console, transient=True) as progress:
        yield Drawing(progress, progress.add_task(what, total=total))
