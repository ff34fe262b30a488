"""Long work in a terminal: a bar with the time that is left. In a pipe nothing is drawn."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from typing import Final

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from eventlog.errors import ReadOnlyError
from eventlog.operations.backup import working_copy
from eventlog_cli.running import Invocation
from eventlog_cli.terminal import open_console
from eventlog_projections.views import Views

SOON: Final = 0.3
"""Seconds after which somebody who waits wants to know for how long."""

LOOK: Final = 0.2


class Bar:
    """One bar; how far it is may be told from any thread."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def step(self, *_: object) -> None:
        """Say that one more is done."""
        self._progress.advance(self._task)

    def move(self, done: float, total: float | None = None) -> None:
        """Say how much is done, and of how much, where that has changed."""
        self._progress.update(self._task, completed=done, total=total)


def is_drawn() -> bool:
    """Tell whether bars are drawn; otherwise their totals need not be computed."""
    return open_console(stderr=True).is_terminal


@contextlib.contextmanager
def bar(what: str, total: float | None = None) -> Generator[Bar]:
    """Draw a bar on stderr while the block runs; it is gone afterwards."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    console = open_console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        yield Bar(progress, progress.add_task(what, total=total))


async def caught_up(at: Invocation, *names: str) -> Views:
    """Return the views of the log, those of these names caught up with the feed.

    What is taken is kept batch by batch: when it is interrupted, the next one goes on there. Of a
    file that cannot be written, where they are behind, they are filled in a copy, which is removed.
    """
    try:
        return await _caught_up(Views(at.log), names)
    except ReadOnlyError:
        folder = at.until_done.enter_context(tempfile.TemporaryDirectory(prefix="eventlog-"))
        copy = await working_copy(at.log, folder)
        if copy is None:
            raise
    log = at.settings._replace(db=copy).open()
    return await _caught_up(Views(await at.until_done.enter_async_context(log)), names)


async def _caught_up(views: Views, names: Sequence[str]) -> Views:
    async def look() -> tuple[float, float]:
        moved = [each for each in await views.status() if each.view in names]
        return sum(each.position for each in moved), sum(
            each.position + each.behind for each in moved
        )

    await watched(views.catch_up(*names), "Reading new events", look)
    return views


async def watched(
    work: Awaitable[None], what: str, look: Callable[[], Awaitable[tuple[float, float]]]
) -> None:
    """Await the work; once that takes long, draw how far it is, as `look` tells it."""
    task = asyncio.ensure_future(work)
    try:
        async for _ in _until(task, SOON):
            with bar(what) as drawn:
                async for _ in _until(task, LOOK):
                    drawn.move(*await look())
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _until(task: "asyncio.Future[None]", seconds: float) -> AsyncGenerator[None]:
    """Come back every so many seconds until the task is done."""
    while not task.done():
        await asyncio.wait((task,), timeout=seconds)
        if not task.done():
            yield
