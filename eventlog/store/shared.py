"""Handles of one process on one database share one store."""

import os
import threading
import weakref
from typing import Final, NamedTuple

from eventlog.errors import InvalidOptionError
from eventlog.store.addresses.log import Address, PostgresAddress, SqliteAddress
from eventlog.store.contract.log import Store
from eventlog.store.contract.options import Options

MAX_IDLE: Final = 8
"""Stores that nobody closed and nobody holds any more: the oldest beyond these are dropped."""


class _Shared(NamedTuple):
    store: Store
    options: Options
    handles: "weakref.WeakSet[object]"


_shared: Final[dict[str, _Shared]] = {}
_stores: Final["weakref.WeakSet[Store]"] = weakref.WeakSet()
_lock = threading.Lock()


def lease(address: Address, options: Options, handle: object) -> Store:
    """Return the store of `address` for `handle`. Raises InvalidOptionError for other options."""
    if isinstance(address, SqliteAddress) and address.path is None:
        return _new_store(address, options)
    with _lock:
        key = _key(address)
        shared = _shared.get(key)
        if shared is None:
            shared = _Shared(_new_store(address, options), options, weakref.WeakSet())
            _drop_idle()
            _shared[key] = shared
        elif shared.options != options:
            raise InvalidOptionError(
                f"{address} is open in this process with other options ({shared.options})."
                " Open it with the same ones, or close the other log first."
            )
        shared.handles.add(handle)
        return shared.store


async def release(address: Address, store: Store, handle: object) -> None:
    """Take `handle` off the store; the last handle closes it."""
    with _lock:
        key = _key(address)
        shared = _shared.get(key)
        if shared is not None and shared.store is store:
            shared.handles.discard(handle)
            if shared.handles:
                return
            del _shared[key]
    await store.close()


def _new_store(address: Address, options: Options) -> Store:
    store: Store
    if isinstance(address, PostgresAddress):
        store = _postgres_store(address, options)
    else:
        from eventlog.store.sqlite.store import SqliteStore

        store = SqliteStore(address, options)
    _stores.add(store)
    return store


def _postgres_store(address: PostgresAddress, options: Options) -> Store:
    try:
        from eventlog.store.postgres.store import PostgresStore
    except ImportError as error:
        raise InvalidOptionError(
            f"PostgreSQL needs a driver that is not installed ({error.name}):"
            " pip install 'conversation-eventlog[postgres]'."
        ) from error
    return PostgresStore(address, options)


def _key(address: Address) -> str:
    if isinstance(address, PostgresAddress):
        return f"{address.dsn}#{address.schema}"
    return str(address)


def _drop_idle() -> None:
    idle = [key for key, shared in _shared.items() if not shared.handles]
    for key in idle[: max(0, len(idle) - MAX_IDLE + 1)]:
        del _shared[key]


def _forget_all() -> None:
    # Runs in the child right after fork(): the lock may be held by a thread that is not there.
    global _lock  # noqa: PLW0603
    _lock = threading.Lock()
    for store in list(_stores):
        store.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
