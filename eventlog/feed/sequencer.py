"""Gives committed events their positions, where the commit does not.

Rule: any number of sequencers at once place every event once, in the order of its stream. The lease
only keeps them from doing the same work; nothing is wrong when it is late, lost or ignored. One
whose role may not place waits a moment for those that may, and goes on with what has a position.
"""

import asyncio
import functools
import os
import time
import uuid
from collections.abc import AsyncGenerator, Callable
from typing import Final

from eventlog.store.contract.feed import FeedSource, Placed, Queue

BATCH: Final = 2000
LARGEST_BATCH: Final = 64_000
"""Batches double while they come back full: each costs a look at the whole queue."""

LEASE: Final = 0.6
"""Seconds. With a poll each 0.25 s, another process takes over within one."""

RENEWAL: Final = LEASE / 2
PATIENCE: Final = 0.05
"""How long, in seconds, a reader leaves its events to the process that is at it."""

TRUST: Final = 0.25
"""How long one that may not place waits for a process that may."""


class Sequencer:
    """One user of the feed; `announce` is called after each batch that moved something."""

    def __init__(self, feed: FeedSource, announce: Callable[[], None]) -> None:
        self._feed = feed
        self._announce = announce
        self._batch = BATCH
        self._held_until = 0.0
        self.left_to_another = False
        """Whether another process was at it when this one last looked."""

    async def catching_up(self) -> AsyncGenerator[int]:
        """Yield the last position, growing, until all that was committed before is in the feed.

        Where the role may not place, until what others placed within TRUST is.
        """
        queue = self._feed.queue
        if queue is None:
            yield await self._feed.position()
            return
        progress = await queue.progress(holder())
        may = not progress.waiting or await queue.may_place()
        deadline = time.monotonic() + (PATIENCE if may else TRUST)
        while progress.waiting and (progress.at_it or not may) and time.monotonic() < deadline:
            await asyncio.sleep(PATIENCE / 10)
            progress = await queue.progress(holder())
        yield progress.position
        more = progress.waiting and may
        while more:
            limit = self._batch
            placed = await self._place(queue)
            yield placed.position
            more = placed.seen == limit

    async def advance(self) -> int:
        """Place a batch, unless another process is at it, and return the last position."""
        queue = self._feed.queue
        if queue is None:
            return await self._feed.position()
        if time.monotonic() >= self._held_until:
            progress = await queue.progress(holder())
            self.left_to_another = progress.at_it
            if not progress.waiting or progress.at_it or not await queue.may_place():
                return progress.position
            if not await queue.hold(holder(), LEASE):
                return progress.position
            self._held_until = time.monotonic() + RENEWAL
        return (await self._place(queue)).position

    async def _place(self, queue: Queue) -> Placed:
        placed = await queue.place(self._batch)
        full = placed.seen == self._batch
        self._batch = min(2 * self._batch, LARGEST_BATCH) if full else BATCH
        if placed.moved:
            self._announce()
        return placed


def holder() -> str:
    """Return the name of this process in the lease."""
    return _holder(os.getpid())


@functools.cache
def _holder(_pid: int) -> str:
    return uuid.uuid4().hex
