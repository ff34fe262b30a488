"""Assigning positions to committed events, where the commit does not.

Rule: any number of sequencers at once assign one position to each event, in the order of its
stream. The lease only keeps them from doing the same work: a late, lost or ignored lease breaks
nothing. A process whose role may not assign positions waits a moment for one that may.
"""

import asyncio
import functools
import os
import time
import uuid
from collections.abc import AsyncGenerator, Callable
from typing import Final

from eventlog.errors import ReadOnlyError
from eventlog.store.contract.feed import LEASE, FeedSource, Placed, Queue

BATCH: Final = 2000
LARGEST_BATCH: Final = 64_000
"""Batches double while they are full: each batch reads the whole queue."""

RENEWAL: Final = LEASE / 2
PATIENCE: Final = 0.05
"""Seconds that a reader waits for the process that holds the lease before it assigns positions."""

TRUST: Final = 0.25
"""Seconds that a process that may not assign positions waits for one that may."""


class Sequencer:
    """Assigns positions for one reader; calls `announce` after each batch that moved the feed."""

    def __init__(self, feed: FeedSource, announce: Callable[[], None]) -> None:
        self._feed = feed
        self._announce = announce
        self._batch = BATCH
        self._held_until = 0.0
        self.left_to_another = False
        """Whether another process held the lease at the last look."""

    async def catching_up(self) -> AsyncGenerator[int]:
        """Yield the last position, growing, until all that was committed before has one.

        Where the role may not assign positions, others have TRUST seconds to do so.
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
            placed = await self._assign(queue)
            yield placed.position
            more = placed.seen == limit

    async def advance(self) -> int:
        """Assign a batch, unless another process holds the lease; return the last position.

        A server that only reads, perhaps since a fail-over, leaves that to another process too.
        """
        queue = self._feed.queue
        if queue is None:
            return await self._feed.position()
        if time.monotonic() >= self._held_until:
            progress = await queue.progress(holder())
            self.left_to_another = progress.at_it
            if not progress.waiting or progress.at_it or not await queue.may_place():
                return progress.position
        try:
            if time.monotonic() >= self._held_until:
                if not await queue.hold(holder(), LEASE):
                    return await self._feed.position()
                self._held_until = time.monotonic() + RENEWAL
            return (await self._assign(queue)).position
        except ReadOnlyError:
            self._held_until = 0.0
            self.left_to_another = True
            return await self._feed.position()

    async def _assign(self, queue: Queue) -> Placed:
        placed = await queue.place(self._batch)
        full = placed.seen == self._batch
        self._batch = min(2 * self._batch, LARGEST_BATCH) if full else BATCH
        if placed.moved:
            self._announce()
        return placed


def holder() -> str:
    """Return the name that this process has in the lease."""
    return _holder(os.getpid())


@functools.cache
def _holder(_pid: int) -> str:
    return uuid.uuid4().hex
