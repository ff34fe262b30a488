"""A memory with a bound: what was used least lately is evicted first.

Rule: all of it can be evicted at any moment, so whoever uses it can do without, or asks the log.
"""

import threading
from collections import OrderedDict
from typing import Final, Generic, TypeVar

from eventlog import os_fork

K = TypeVar("K")
V = TypeVar("V")


class Cache(Generic[K, V]):
    """Up to `limit` entries, or bytes if each entry says how many it takes. For any thread."""

    def __init__(self, limit: int) -> None:
        self.limit: Final = limit
        self._size = 0
        self._entries: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._lock = threading.Lock()
        os_fork.register(self)

    @property
    def size(self) -> int:
        """The sum of the sizes of its entries."""
        return self._size

    def get(self, key: K) -> V | None:
        """Return the value of `key`, or None."""
        with self._lock:
            found = self._entries.get(key)
            if found is None:
                return None
            self._entries.move_to_end(key)
            return found[0]

    def put(self, key: K, value: V, size: int = 1) -> None:
        """Store `value`; one that is larger than the limit is not kept."""
        with self._lock:
            self._evict(key)
            if size > self.limit:
                return
            self._entries[key] = (value, size)
            self._size += size
            while self._size > self.limit:
                self._evict(next(iter(self._entries)))

    def evict(self, key: K) -> None:
        """Remove the value of `key`, if there is one."""
        with self._lock:
            self._evict(key)

    def reset_after_fork(self) -> None:
        """Take a lock of our own: who held it may not be in this process."""
        self._lock = threading.Lock()

    def _evict(self, key: K) -> None:
        found = self._entries.pop(key, None)
        if found is not None:
            self._size -= found[1]
