"""Work in the background: one task a key at a time, whose errors are logged and not raised."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from eventlog.errors import EventLogError
from eventlog.loops import PerLoop

_log: Final = logging.getLogger("eventlog.background")


class Background:
    """The tasks of one handle. A task lives only as long as its work."""

    def __init__(self) -> None:
        self._tasks: PerLoop[dict[object, asyncio.Task[None]]] = PerLoop()

    def start(self, key: object, work: Callable[[], Awaitable[None]]) -> None:
        """Begin `work` in the running loop, unless work of that key is still under way."""
        tasks = self._tasks.get(dict)
        if key in tasks:
            return
        task = tasks[key] = asyncio.get_running_loop().create_task(_quietly(work))
        # A program may end, and leave its loop open, in the middle of this: nothing is lost.
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001
        task.add_done_callback(lambda _: tasks.pop(key, None))

    async def finish(self) -> None:
        """Wait for what is under way in the running loop."""
        if tasks := self._tasks.peek():
            await asyncio.wait(tuple(tasks.values()))


async def _quietly(work: Callable[[], Awaitable[None]]) -> None:
    try:
        await work()
    except EventLogError as error:
        _log.info("work in the background was given up: %s", error)
