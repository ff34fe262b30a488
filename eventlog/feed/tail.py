"""One task for each event loop that follows the feed, for all subscriptions of the loop.

It lives from the first waiter to the last. It assigns positions where no other process does, reads
the last position, and wakes the waiters.
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
from eventlog.feed.trail import Trail, check_reached
from eventlog.retrying import Backoff
from eventlog.store.contract.feed import FeedSource

EAGER: Final = 0.02
"""Seconds between polls for a while after the feed has moved, unless another process sequences."""

EAGERNESS: Final = 2.0
"""Seconds that this while lasts."""

CALM: Final = 0.004
"""Minimum seconds between polls, so that events that come at once are sequenced together."""

LONGEST_PAUSE: Final = 5.0
"""Maximum seconds between polls while the database cannot be reached."""

Source = Callable[[Callable[[], None]], Awaitable[None]]
"""Calls its argument at each notification until cancelled; returns where there are none."""

_log: Final = logging.getLogger("eventlog.feed.notifier")


class FeedTail:
    """Polls the last position of the feed for the waiters of one event loop."""

    def __init__(
        self,
        feed: FeedSource,
        announce: Callable[[], None],
        sources: Sequence[Source],
        poll_interval: float,
        on_end: "Callable[[FeedTail], None]",
        on_move: Callable[[int], None],
    ) -> None:
        self.loop: Final = asyncio.get_running_loop()
        self.process: Final = os.getpid()
        self.position = 0
        self._feed = feed
        self._server = feed.server
        self._sequencer = Sequencer(feed, announce)
        self._sources = sources
        self._poll_interval = poll_interval
        self._on_end = on_end
        self._on_move = on_move
        self._is_leaving = False
        self._poll_now = asyncio.Event()
        self._waiters: set[Waiter] = set()
        self._moved_at = 0.0
        self._outage = Backoff(min(poll_interval, LONGEST_PAUSE), LONGEST_PAUSE)
        self._task = self.loop.create_task(self._run(), name="eventlog-tail")
        self._task.add_done_callback(self._ended)

    @property
    def is_stopping(self) -> bool:
        """Whether it has ended or is about to: a new waiter needs a new tail."""
        return self._task.done() or self._is_leaving

    def notify(self) -> None:
        """Poll now; from any thread."""
        if self._poll_now.is_set():  # Cleared before a poll: one is still to come.
            return
        with contextlib.suppress(RuntimeError):  # A closed loop has no waiters.
            if asyncio.get_running_loop() is self.loop:
                self._poll_now.set()
            else:
                self.loop.call_soon_threadsafe(self._poll_now.set)

    def join(self) -> "Waiter":
        """Return a new waiter, which must leave."""
        waiter = Waiter(self)
        self._waiters.add(waiter)
        return waiter

    async def remove(self, waiter: "Waiter") -> None:
        """Remove a waiter; the last one ends the task."""
        self._waiters.discard(waiter)
        if not self._waiters and not self._task.done():
            if not self._is_leaving:
                self._is_leaving = True  # Drivers have been seen to swallow a cancellation.
                self._poll_now.set()
                self._task.cancel()
            await asyncio.wait((self._task,))

    def check(self) -> None:
        """Raise what ended the task, if anything did."""
        if self._task.done() and not self._task.cancelled():
            self._task.result()

    async def _run(self) -> None:
        sources = [asyncio.ensure_future(source(self._poll_now.set)) for source in self._sources]
        try:
            while not self._is_leaving:
                self._poll_now.clear()
                pause = await self._poll()
                await asyncio.sleep(CALM)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._poll_now.wait()
        finally:
            await _end(sources)

    async def _poll(self) -> float:
        """Read the last position; return the seconds to wait for a notification until the next."""
        try:
            position = await self._sequencer.advance()
            await check_reached(self._feed, self.position, position, "This process")
        except UnavailableError as error:
            if self._outage.is_fresh:
                _log.warning("the feed waits for its database: %s", error)
            return self._outage.next()
        self._outage.reset()
        if self._server != self._feed.server:
            self._server = self._feed.server
            self._wake()  # Each looks whether what it has read is there.
        if position > self.position:
            self.position = position
            self._on_move(position)
            self._moved_at = time.monotonic()
            self._wake()
        recently = time.monotonic() - self._moved_at < EAGERNESS
        if recently and not self._sequencer.left_to_another:
            return min(EAGER, self._poll_interval)
        return self._poll_interval

    def _wake(self) -> None:
        for waiter in self._waiters:
            waiter.news.set()

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled():
            task.exception()  # Retrieved: the waiters raise it.
        self._on_end(self)
        self._wake()


class Waiter:
    """Waits for the feed to grow, on behalf of one reader."""

    def __init__(self, tail: FeedTail) -> None:
        self.news = asyncio.Event()
        self.has_left = False
        self.trail: Trail | None = None
        """What the reader has read, if it was events: it is told when they are gone."""
        self._tail = tail

    async def wait_beyond(self, position: int) -> int | None:
        """Return the last position once it is beyond `position`; None once it has left.

        Raises BeyondEndError or HistoryLostError.
        """
        while not self.has_left:
            self.news.clear()
            if self._tail.position > position:
                return self._tail.position
            self._tail.check()
            if self.trail is not None:
                with contextlib.suppress(UnavailableError):  # The tail will find another server.
                    await self.trail.check()
            await self.news.wait()
        return None

    async def watch(self, stop: asyncio.Event) -> None:
        """Return when `stop` is set; raise what ended the tail before that."""
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
        """End waiting, from any loop. Idempotent."""
        self.has_left = True
        loop = self._tail.loop
        if asyncio.get_running_loop() is loop:
            self.news.set()
            await self._tail.remove(self)
        elif loop.is_running() and os.getpid() == self._tail.process:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self.leave(), loop))


async def _end(tasks: Iterable["asyncio.Future[None]"]) -> None:
    """Cancel tasks until they have ended: redis-py takes one cancellation for a lost connection."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=0.05)
