"""The pulse of a log: wakes whoever shows something of it when there is more."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Final

from eventlog import EventLog, RecordedEvent, StoreError

TICK: Final = 0.2
"""Seconds after which one looks anyway: where nobody gives events their positions, as on a database
that is opened read-only, the feed tells of none."""


class Listener:
    """Collects what has moved until it is asked."""

    def __init__(self) -> None:
        self._moved: set[str] = set()
        self._woken = asyncio.Event()

    def note(self, event: RecordedEvent) -> None:
        """Take down to which conversation an event came."""
        self._moved.add(event.stream)
        self.wake()

    def wake(self) -> None:
        """End the wait."""
        self._woken.set()

    async def wait(self) -> set[str]:
        """Return which conversations moved since the last call, at the latest after a tick."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TICK):
                await self._woken.wait()
        self._woken.clear()
        moved, self._moved = self._moved, set()
        return moved


class Pulse:
    """One subscription to the feed, for as long as anybody listens."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._listeners: set[Listener] = set()
        self._task: asyncio.Task[None] | None = None
        self._is_closed = False

    def close(self) -> None:
        """Let every listener go: nothing more is told."""
        self._is_closed = True
        for listener in self._listeners:
            listener.wake()

    def has_closed(self) -> bool:
        """Tell whether there is nothing more to listen to."""
        return self._is_closed

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncGenerator[Listener]:
        """Give a listener, which hears of all that comes from now on."""
        listener = Listener()
        self._listeners.add(listener)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="eventlog-pulse")
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            if not self._listeners:
                await self._end()

    async def _end(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))

    async def _run(self) -> None:
        # A database that cannot be reached now is one that is looked at again at the next tick.
        with contextlib.suppress(StoreError):
            events = self._log.subscribe(await self._log.position())
            async with contextlib.aclosing(events):
                async for event in events:
                    for listener in self._listeners:
                        listener.note(event)
