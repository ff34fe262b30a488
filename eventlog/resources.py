"""What the handles of one process on one database share, leased to each of them."""

import threading
import weakref
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, cast

from eventlog import os_fork
from eventlog.addresses.log import Address, PostgresAddress, SqliteAddress
from eventlog.cache import Cache
from eventlog.counters import counters_of
from eventlog.errors import InvalidOptionError
from eventlog.feed.notifier import Notifier
from eventlog.keys.data_keys import DataKeys
from eventlog.keys.ring import KeyRing
from eventlog.redis.address import RedisAddress
from eventlog.store.contract.options import Options
from eventlog.store.opening import open_store

if TYPE_CHECKING:
    from eventlog.redis.notifier import RedisNotifier
    from eventlog.redis.shared_cache import SharedCache

MAX_IDLE: Final = 8
"""Databases that nobody closed and no handle is left of: the oldest beyond these are dropped."""


class Resources:
    """The store of one database, and one of each object that works on it."""

    def __init__(self, address: Address, options: Options) -> None:
        self.options: Final = options
        self.handles: Final[weakref.WeakSet[object]] = weakref.WeakSet()
        self.store: Final = open_store(address, options)
        self.cache: Final[Cache[object, Any]] = Cache(options.cache_bytes)
        self.counters: Final = counters_of(self)
        keyring = cast("KeyRing | None", options.keyring)  # The store knows no keyrings.
        self.keys: Final = DataKeys(
            self.store,
            keyring,
            compresses=options.compress,
            max_inflated_bytes=options.max_inflated_bytes,
        )
        shared, notifier = (None, None) if options.redis is None else _redis(options.redis, address)
        self.shared_cache: Final = shared
        self.notifier: Final = Notifier(self.store, options.poll_interval, notifier)


def _redis(redis: RedisAddress, address: Address) -> "tuple[SharedCache, RedisNotifier]":
    """Return what goes through Redis; a start without it loads none of it."""
    from eventlog.redis.link import RedisLink
    from eventlog.redis.notifier import RedisNotifier
    from eventlog.redis.shared_cache import SharedCache

    link, name = RedisLink(redis), redis_name(address)
    return SharedCache(link, name), RedisNotifier(link, name)


class _Registry:
    """The resources of every database that this process has open, but of private ones."""

    def __init__(self) -> None:
        self.leased: Final[dict[str, Resources]] = {}
        self._lock = threading.Lock()
        os_fork.register(self)

    def lease(self, address: Address, options: Options, handle: object) -> Resources:
        with self._lock:
            key = key_of(address)
            found = self.leased.get(key)
            if found is None or _is_over(found):
                found = Resources(address, options)
                self._drop_idle()
                self.leased[key] = found
            elif found.options != options:
                raise InvalidOptionError(
                    f"{address} is open in this process with other options ({found.options})."
                    " Open it with the same ones, or close the other log first."
                )
            found.handles.add(handle)
            return found

    def give_back(self, address: Address, resources: Resources, handle: object) -> bool:
        """Return whether nobody else has them."""
        with self._lock:
            key = key_of(address)
            resources.handles.discard(handle)
            if resources.handles:
                return False
            if self.leased.get(key) is resources:
                del self.leased[key]
            return True

    def reset_after_fork(self) -> None:
        self._lock = threading.Lock()

    def _drop_idle(self) -> None:
        idle = [key for key, resources in self.leased.items() if not resources.handles]
        for key in idle[: max(0, len(idle) - MAX_IDLE + 1)]:
            del self.leased[key]


def _is_over(found: Resources) -> bool:
    """Tell whether a new handle needs others: the database of these is not the one of that name.

    Where nothing has the name, and somebody has it open, a new handle is told, and creates nothing.
    """
    return found.store.is_replaced or (not found.handles and found.store.is_gone)


_registry: Final = _Registry()

# A program may end with its loop open: a task that waits must not be finalized after the loop.
os_fork.keep_alive(_registry)


def lease(address: Address, options: Options, handle: object) -> Resources:
    """Return what handles on `address` share. Raises InvalidOptionError for other options."""
    if isinstance(address, SqliteAddress) and address.path is None:
        return Resources(address, options)
    return _registry.lease(address, options, handle)


async def release(address: Address, resources: Resources, handle: object) -> None:
    """Take `handle` off the resources; the last handle closes the store."""
    if _registry.give_back(address, resources, handle):
        await resources.store.close()


def is_open(address: SqliteAddress) -> bool:
    """Tell whether a handle of this process has the file open, by whatever name."""
    return any(
        key.partition("\0")[0] == address.path and bool(found.handles)
        for key, found in tuple(_registry.leased.items())
    )


def key_of(address: Address) -> str:
    """Return what tells databases apart in this process. Has the password in it."""
    if isinstance(address, PostgresAddress):
        return f"{address.dsn}#{address.schema}"
    # Another way to the same file may lead elsewhere tomorrow: it is watched by its own store.
    return f"{address.path}\0{address.link or ''}"


def redis_name(address: Address) -> str:
    """Return the database's name in Redis, alike on every machine: hosts have several names."""
    if isinstance(address, PostgresAddress):
        name = f"postgresql\0{address.url.database}\0{address.schema}"
    else:
        name = f"sqlite\0{address.path}"
    return f"eventlog:{sha256(name.encode(errors='surrogateescape')).hexdigest()[:16]}"
