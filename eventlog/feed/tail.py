"""One task for each event loop that follows the feed, for all subscriptions of the loop.

It lives from the first reader to the last. It places events where no other process does, learns how
far the feed is, and wakes the readers.
"""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

from eventlog.errors import UnavailableError
from eventlog.feed.sequencer import Sequencer
from eventlog.store.contract.feed import FeedSource

EAGER: Final = 0.02
"""Seconds between looks for a while after the feed has moved, unless somebody else places."""

EAGERNESS: Final = 2.0
CALM: Final = 0.004
"""Seconds between two looks at least, so that what comes at once is placed together."""

LONGEST_PAUSE: Final = 5.0

Source = Callable[[Callable[[], None]], Awaitable[None]]
"""Rings until it is cancelled, or returns where it cannot tell."""

_log: Final = logging.getLogger("eventlog.feed.notifier")


class FeedTail:
    """Knows how far the feed is while anybody reads."""

    def __init__(
        self,
        feed: FeedSource,
        announce: Callable[[], None],
        sources: Sequence[Source],
        poll_interval: float,
        on_end: "Callable[[FeedTail], None]",
    ) -> None:
        self.loop: Final = asyncio.get_running_loop()
        self.process: Final = os.getpid()
        self.position = 0
        self._sequencer = Sequencer(feed, announce)
        self._sources = sources
        self._poll_interval = poll_interval
        self._on_end = on_end
        self._is_leaving = False
        self._bell = asyncio.Event()
        self._readers: set[Waiter] = set()
        self._moved_at = 0.0
        self._outage = 0.0
        self._task = self.loop.create_task(self._run(), name="eventlog-tail")
        self._task.add_done_callback(self._ended)

    @property
    def is_stopping(self) -> bool:
        """Whether it has ended or is about to: a new reader needs a new tail."""
        return self._task.done() or self._is_leaving

    def notify(self) -> None:
        """Look at once; from any thread."""
        with contextlib.suppress(RuntimeError):  # A loop that was closed has nobody who waits.
            if asyncio.get_running_loop() is self.loop:
                self._bell.set()
            else:
                self.loop.call_soon_threadsafe(self._bell.set)

    def join(self) -> "Waiter":
        """Return a new reader; who joins must leave."""
        reader = Waiter(self)
        self._readers.add(reader)
        return reader

    async def leave(self, reader: "Waiter") -> None:
        """Take a reader off; the last one ends the task."""
        self._readers.discard(reader)
        if not self._readers and not self._task.done():
            if not self._is_leaving:
                self._is_leaving = True  # Drivers have been seen to swallow a cancellation.
                self._bell.set()
                self._task.cancel()
            await asyncio.wait((self._task,))

    def check(self) -> None:
        """Raise what ended the task, if anything did."""
        if self._task.done() and not self._task.cancelled():
            self._task.result()

    async def _run(self) -> None:
        sources = [asyncio.ensure_future(source(self._bell.set)) for source in self._sources]
        try:
            while not self._is_leaving:
                self._bell.clear()
                await self._look()
                await asyncio.sleep(CALM)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._pause()):
                        await self._bell.wait()
        finally:
            await _end(sources)

    async def _look(self) -> None:
        try:
            position = await self._sequencer.advance()
        except UnavailableError as error:
            if not self._outage:
                _log.warning("the feed waits for its database: %s", error)
            self._outage = min(2 * self._outage or self._poll_interval, LONGEST_PAUSE)
            return
        self._outage = 0.0
        if position > self.position:
            self.position = position
            self._moved_at = time.monotonic()
            self._wake()

    def _pause(self) -> float:
        if self._outage:
            return self._outage
        recently = time.monotonic() - self._moved_at < EAGERNESS
        if recently and not self._sequencer.left_to_another:
            return min(EAGER, self._poll_interval)
        return self._poll_interval

    def _wake(self) -> None:
        for reader in self._readers:
            reader.news.set()

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled():
            task.exception()  # Seen: the readers raise it.
        self._on_end(self)
        self._wake()


class Waiter:
    """One who waits for the feed to move."""

    def __init__(self, tail: FeedTail) -> None:
        self.news = asyncio.Event()
        self.has_left = False
        self._tail = tail

    async def wait_beyond(self, position: int) -> int | None:
        """Return the last position once it is beyond `position`; None if the reader has left."""
        while not self.has_left:
            self.news.clear()
            if self._tail.position > position:
                return self._tail.position
            self._tail.check()
            await self.news.wait()
        return None

    async def watch(self, stop: asyncio.Event) -> None:
        """Return when `stop` is set; raise what ends the tail before that."""
        stopping = asyncio.ensure_future(stop.wait())
        try:
            while not stopping.done():
                news = asyncio.ensure_future(self.wait_beyond(self._tail.position))
                await asyncio.wait((stopping, news), return_when=asyncio.FIRST_COMPLETED)
                if news.done():
                    news.result()
                news.cancel()
        finally:
            stopping.cancel()

    async def leave(self) -> None:
        """Wait no more; from any loop. Idempotent."""
        self.has_left = True
        loop = self._tail.loop
        if asyncio.get_running_loop() is loop:
            self.news.set()
            await self._tail.leave(self)
        elif loop.is_running() and os.getpid() == self._tail.process:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self.leave(), loop))


async def _end(tasks: Iterable["asyncio.Future[None]"]) -> None:
    """Cancel tasks until they have ended: redis takes a cancellation for a broken connection."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=0.05)
