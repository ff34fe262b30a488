"""Work that nobody waits for: off the caller's path, once at a time, never an error of anybody."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from eventlog.errors import EventLogError

_log: Final = logging.getLogger("eventlog.background")


class Background:
    """The work of one handle. A task lives only as long as its work."""

    def __init__(self) -> None:
        self._tasks: dict[tuple[asyncio.AbstractEventLoop, object], asyncio.Task[None]] = {}

    def start(self, key: object, work: Callable[[], Awaitable[None]]) -> None:
        """Begin `work` in the running loop, unless work of that key is still under way."""
        loop = asyncio.get_running_loop()
        for ended in [known for known in self._tasks if known[0].is_closed()]:
            del self._tasks[ended]
        here = (loop, key)
        if here in self._tasks:
            return
        task = self._tasks[here] = loop.create_task(_quietly(work))
        # A program may end, and leave its loop open, in the middle of this: nothing is lost.
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001
        task.add_done_callback(lambda _: self._tasks.pop(here, None))

    async def finish(self) -> None:
        """Wait for what is under way in the running loop."""
        loop = asyncio.get_running_loop()
        mine = [task for (owner, _), task in tuple(self._tasks.items()) if owner is loop]
        if mine:
            await asyncio.wait(mine)


async def _quietly(work: Callable[[], Awaitable[None]]) -> None:
    try:
        await work()
    except EventLogError as error:
        _log.info("work in the background was given up: %s", error)
