"""Who is told that the log has grown: the tails of this process, and Redis if there is one.

Rule: a wake-up is a hint. Whoever waits registers first, reads then, and polls behind it.
"""

import asyncio
import os
from asyncio import AbstractEventLoop
from hashlib import sha256
from typing import Final
from weakref import WeakKeyDictionary

from eventlog.feed.tail import FeedTail, Waiter
from eventlog.redis.link import RedisLink
from eventlog.redis.notifier import RedisNotifier
from eventlog.redis.shared_cache import SharedCache
from eventlog.store.addresses.log import Address, PostgresAddress
from eventlog.store.contract.log import Store
from eventlog.store.contract.options import Options


class Notifier:
    """What all handles on one store share. Costs nothing while nobody follows."""

    def __init__(self, address: Address, options: Options) -> None:
        self._poll_interval = options.poll_interval
        self._tails: dict[AbstractEventLoop, FeedTail] = {}
        self._redis = options.redis
        self._name = _name(address)
        self._connect()

    def announce(self) -> None:
        """Say that the log may have grown. Never waits, never fails."""
        for tail in tuple(self._tails.values()):
            tail.notify()
        if self._hints is not None:
            self._hints.send()

    def join(self, store: Store) -> Waiter:
        """Return a new reader in the running loop; who joins must leave."""
        loop = asyncio.get_running_loop()
        tail = self._tails.get(loop)
        if tail is None or tail.is_stopping:
            tail = self._tails[loop] = self._new_tail(store)
        return tail.join()

    def _connect(self) -> None:
        self._link = None if self._redis is None else RedisLink(self._redis)
        self._hints = None if self._link is None else RedisNotifier(self._link, self._name)
        self.shared = None if self._link is None else SharedCache(self._link, self._name)
        """What processes remember together, if there is a Redis."""

    def _new_tail(self, store: Store) -> FeedTail:
        sources = [store.feed.listen]
        if self._hints is not None:
            sources.append(self._hints.listen)
        return FeedTail(store.feed, self.announce, sources, self._poll_interval, self._forget)

    def _forget(self, tail: FeedTail) -> None:
        # It knows the store, which must not live as long as what is kept here.
        if self._tails.get(tail.loop) is tail:
            del self._tails[tail.loop]

    def forget(self) -> None:
        """Drop, without touching them, what another process follows (after a fork)."""
        _of_another_process.append((self._tails, self._hints, self._link))
        self._tails = {}
        self._connect()

    async def close(self) -> None:
        """Let go of Redis in this loop, unless somebody follows; who needs it connects anew."""
        if self._hints is None or self._link is None:
            return
        if asyncio.get_running_loop() not in self._tails:
            await self._hints.close()
            await self._link.close()


_of_another_process: Final[list[object]] = []
_notifiers: Final[WeakKeyDictionary[Store, Notifier]] = WeakKeyDictionary()


def of(store: Store, address: Address, options: Options) -> Notifier:
    """Return the wake-ups that every handle on `store` shares."""
    return _notifiers.setdefault(store, Notifier(address, options))


def _forget_all() -> None:
    # Loops and connections of the parent process: its own, and not running here.
    for notifier in _notifiers.values():
        notifier.forget()


def _name(address: Address) -> str:
    """Name the database alike from every machine: hosts have several names."""
    if isinstance(address, PostgresAddress):
        name = f"postgresql\0{address.url.database}\0{address.schema}"
    else:
        name = f"sqlite\0{address.path}"
    return f"eventlog:{sha256(name.encode(errors='surrogateescape')).hexdigest()[:16]}"


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
