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
        self._tasks: dict[object, asyncio.Task[None]] = {}

    def start(self, key: object, work: Callable[[], Awaitable[None]]) -> None:
        """Begin `work` in the running loop, unless work of that key is still under way."""
        under_way = self._tasks.get(key)
        if under_way is not None and not under_way.get_loop().is_closed():
            return
        task = asyncio.get_running_loop().create_task(_quietly(work))
        self._tasks[key] = task
        task.add_done_callback(lambda _: self._tasks.pop(key, None))

    async def finish(self) -> None:
        """Wait for what is under way in the running loop."""
        loop = asyncio.get_running_loop()
        mine = [task for task in self._tasks.values() if task.get_loop() is loop]
        if mine:
            await asyncio.wait(mine)


async def _quietly(work: Callable[[], Awaitable[None]]) -> None:
    try:
        await work()
    except EventLogError as error:
        _log.info("work in the background was given up: %s", error)
