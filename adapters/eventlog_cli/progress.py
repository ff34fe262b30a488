"""Long work in a terminal: a bar with the time that is left. In a pipe nothing is drawn."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from typing import TYPE_CHECKING, Final

from eventlog.errors import ReadOnlyError
from eventlog_cli.running import Invocation
from eventlog_cli.terminal import is_watched

if TYPE_CHECKING:
    from eventlog_cli.bars import Drawing
    from eventlog_projections.views.views import Views

SOON: Final = 0.3
"""Seconds after which somebody who waits wants to know for how long."""

LOOK: Final = 0.2


class Bar:
    """One bar; how far it is may be told from any thread."""

    def __init__(self, drawing: "Drawing | None") -> None:
        self._drawing = drawing

    def step(self, *_: object) -> None:
        """Say that one more is done."""
        if self._drawing is not None:
            self._drawing.step()

    def move(self, done: float, total: float | None = None) -> None:
        """Say how much is done, and of how much, where that has changed."""
        if self._drawing is not None:
            self._drawing.move(done, total)


@contextlib.contextmanager
def bar(what: str, total: float | None = None) -> Generator[Bar]:
    """Draw a bar on stderr while the block runs; it is gone afterwards."""
    if not is_watched():
        yield Bar(None)
        return
    from eventlog_cli.bars import drawing  # It loads rich.

    with drawing(what, total) as drawn:
        yield Bar(drawn)


async def caught_up(at: Invocation, *names: str) -> "Views":
    """Return the views of the log, those of these names caught up with the feed.

    What is taken is kept batch by batch: when it is interrupted, the next one goes on there. Of a
    file that cannot be written, where they are behind, they are filled in a copy, which is removed.
    """
    from eventlog_projections.views.views import Views  # Few commands ask views.

    try:
        return await _caught_up(Views(at.log), names)
    except ReadOnlyError:
        copy = await _copied(at)
        if copy is None:
            raise
    log = at.settings.having("db", copy).open()
    return await _caught_up(Views(await at.until_done.enter_async_context(log)), names)


async def _copied(at: Invocation) -> str | None:
    """Return the path of a copy of the log, which is removed; None where there can be none."""
    import tempfile

    from eventlog.operations.backup import working_copy

    folder = at.until_done.enter_context(tempfile.TemporaryDirectory(prefix="eventlog-"))
    return await working_copy(at.log, folder)


async def _caught_up(views: "Views", names: Sequence[str]) -> "Views":
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
