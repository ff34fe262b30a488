"""What a process remembers of a log, up to so many bytes, and how often that helped.

Rule: all of it can be forgotten at any moment, and is checked against the log when it is used.
"""

import os
import threading
from collections import OrderedDict
from typing import Any, Final
from weakref import WeakKeyDictionary, WeakSet, finalize

import msgspec

from eventlog.store.contract.log import Store


class Counters(msgspec.Struct):
    """How often reads were helped, since the process opened the log. Only ever grow."""

    cache_hits: int = 0
    cache_misses: int = 0
    """Nothing was remembered, or what was is not on the chain any more."""
    shared_hits: int = 0
    """Redis had what this process did not remember."""
    shared_misses: int = 0
    """Redis did not have it, or what it had could not be used."""
    shared_failures: int = 0
    """Redis did not answer."""
    snapshot_hits: int = 0
    snapshot_misses: int = 0
    """There was no snapshot up to the version that was asked for."""
    snapshots_refused: int = 0
    """A snapshot was there and not on the chain, or could not be read."""
    snapshots_written: int = 0
    snapshots_failed: int = 0
    """A snapshot could not be written."""


_every: Final["WeakSet[Cache]"] = WeakSet()

_of_the_past: Final = Counters()
"""What the caches counted that are gone."""


class Cache:
    """Forgets first what was used least lately. For any number of threads."""

    def __init__(self, limit: int) -> None:
        self.counters: Final = Counters()
        self._limit = limit
        self._size = 0
        self._kept: OrderedDict[object, tuple[Any, int]] = OrderedDict()
        self._lock = threading.Lock()
        _every.add(self)
        finalize(self, _add, _of_the_past, self.counters).atexit = False

    @property
    def size(self) -> int:
        """How many bytes are remembered, as their owners counted them."""
        return self._size

    def get(self, key: object) -> Any:
        """Return what is remembered under `key`, or None."""
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            self._kept.move_to_end(key)
            return found[0]

    def put(self, key: object, value: object, size: int) -> None:
        """Remember `value`, which takes `size` bytes; what is larger than the limit is not kept."""
        with self._lock:
            self._forget(key)
            if size > self._limit:
                return
            self._kept[key] = (value, size)
            self._size += size
            while self._size > self._limit:
                self._forget(next(iter(self._kept)))

    def forget(self, key: object) -> None:
        """Forget what is remembered under `key`."""
        with self._lock:
            self._forget(key)

    def unlock(self) -> None:
        """Take a lock of our own, after a fork: who held it may not be in this process."""
        self._lock = threading.Lock()

    def _forget(self, key: object) -> None:
        found = self._kept.pop(key, None)
        if found is not None:
            self._size -= found[1]


_caches: Final[WeakKeyDictionary[Store, Cache]] = WeakKeyDictionary()


def of(store: Store, limit: int) -> Cache:
    """Return the cache that every handle on `store` shares."""
    return _caches.setdefault(store, Cache(limit))


def totals() -> Counters:
    """Return what was counted in this process, for all logs that it ever opened."""
    total = Counters()
    for counters in (_of_the_past, *[kept.counters for kept in _every]):
        _add(total, counters)
    return total


def _add(total: Counters, counted: Counters) -> None:
    for name in Counters.__struct_fields__:
        setattr(total, name, getattr(total, name) + getattr(counted, name))


def _unlock_all() -> None:
    for kept in _every:
        kept.unlock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock_all)
