"""Who is told that the log has grown: the followers of this process, and Redis if there is one.

Rule: a wake-up is a hint. Whoever waits registers first, reads then, and polls behind it.
"""

import asyncio
import os
from asyncio import AbstractEventLoop
from hashlib import sha256
from typing import Final
from weakref import WeakKeyDictionary

from eventlog.feed.tail import Follower, Reader
from eventlog.redis.link import RedisLink
from eventlog.redis.notifier import Hints
from eventlog.redis.shared_cache import SharedCache
from eventlog.store.addresses.log import Address, PostgresAddress
from eventlog.store.contract.log import Options, Store


class Wakeups:
    """What all handles on one store share. Costs nothing while nobody follows."""

    def __init__(self, address: Address, options: Options) -> None:
        self._poll_interval = options.poll_interval
        self._followers: dict[AbstractEventLoop, Follower] = {}
        self._redis = options.redis
        self._name = _name(address)
        self._connect()

    def announce(self) -> None:
        """Say that the log may have grown. Never waits, never fails."""
        for follower in tuple(self._followers.values()):
            follower.ring()
        if self._hints is not None:
            self._hints.send()

    def join(self, store: Store) -> Reader:
        """Return a new reader in the running loop; who joins must leave."""
        loop = asyncio.get_running_loop()
        follower = self._followers.get(loop)
        if follower is None or follower.is_stopping:
            follower = self._followers[loop] = self._new_follower(store)
        return follower.join()

    def _connect(self) -> None:
        self._link = None if self._redis is None else RedisLink(self._redis)
        self._hints = None if self._link is None else Hints(self._link, self._name)
        self.shared = None if self._link is None else SharedCache(self._link, self._name)
        """What processes remember together, if there is a Redis."""

    def _new_follower(self, store: Store) -> Follower:
        sources = [store.feed.listen]
        if self._hints is not None:
            sources.append(self._hints.listen)
        return Follower(store.feed, self.announce, sources, self._poll_interval, self._forget)

    def _forget(self, follower: Follower) -> None:
        # It knows the store, which must not live as long as what is kept here.
        if self._followers.get(follower.loop) is follower:
            del self._followers[follower.loop]

    def forget(self) -> None:
        """Drop, without touching them, what another process follows (after a fork)."""
        _of_another_process.append((self._followers, self._hints, self._link))
        self._followers = {}
        self._connect()

    async def close(self) -> None:
        """Let go of Redis in this loop, unless somebody follows; who needs it connects anew."""
        if self._hints is None or self._link is None:
            return
        if asyncio.get_running_loop() not in self._followers:
            await self._hints.close()
            await self._link.close()


_of_another_process: Final[list[object]] = []
_wakeups: Final[WeakKeyDictionary[Store, Wakeups]] = WeakKeyDictionary()


def of(store: Store, address: Address, options: Options) -> Wakeups:
    """Return the wake-ups that every handle on `store` shares."""
    return _wakeups.setdefault(store, Wakeups(address, options))


def _forget_all() -> None:
    # Loops and connections of the parent process: its own, and not running here.
    for wakeups in _wakeups.values():
        wakeups.forget()


def _name(address: Address) -> str:
    """Name the database alike from every machine: hosts have several names."""
    if isinstance(address, PostgresAddress):
        name = f"postgresql\0{address.url.database}\0{address.schema}"
    else:
        name = f"sqlite\0{address.path}"
    return f"eventlog:{sha256(name.encode(errors='surrogateescape')).hexdigest()[:16]}"


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
