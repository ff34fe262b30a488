"""Notifying those who follow the feed that it may have grown: tails, and processes through Redis.

Rule: a notification is a hint. A waiter registers first, reads then, and polls in any case.
"""

from eventlog.feed.tail import FeedTail, Waiter
from eventlog.loops import PerLoop
from eventlog.redis.notifier import RedisNotifier
from eventlog.store.contract.log import Store


class Notifier:
    """Wakes all who follow the feed of one database, in this process and others."""

    def __init__(self, store: Store, poll_interval: float, redis: RedisNotifier | None) -> None:
        self._store = store
        self._poll_interval = poll_interval
        self._redis = redis
        self._tails: PerLoop[FeedTail] = PerLoop()
        self.furthest = 0
        """The last position that anybody here has seen: what is not there any more was lost."""

    def see(self, position: int) -> None:
        """Remember that the feed was at a position."""
        self.furthest = max(self.furthest, position)

    def announce(self) -> None:
        """Say that the log may have grown. Never waits, never fails."""
        for tail in self._tails.values():
            tail.notify()
        if self._redis is not None:
            self._redis.send()

    def join(self) -> Waiter:
        """Return a new waiter of the running loop, which must leave."""
        tail = self._tails.peek()
        if tail is not None and tail.is_stopping:
            self._tails.pop()
        return self._tails.get(self._new_tail).join()

    async def close(self) -> None:
        """Close the Redis client of this loop, unless somebody follows; who needs it reconnects."""
        if self._redis is not None and self._tails.peek() is None:
            await self._redis.close()

    def _new_tail(self) -> FeedTail:
        feed = self._store.feed
        sources = [feed.listen] if self._redis is None else [feed.listen, self._redis.listen]
        return FeedTail(feed, self.announce, sources, self._poll_interval, self._drop, self.see)

    def _drop(self, tail: FeedTail) -> None:
        if self._tails.peek() is tail:
            self._tails.pop()
