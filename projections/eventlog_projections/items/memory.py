"""The newest known state of a list in memory: in the cache of this process, and in Redis.

Rule: what is returned from here is not yet compared with the chain.
"""

import asyncio
from typing import Any, Final

from eventlog import EventLog
from eventlog.snapshots import StreamSnapshots
from eventlog_projections.items.blocks import decode
from eventlog_projections.items.copies import Copies, copy
from eventlog_projections.items.segments import SCHEMA
from eventlog_projections.items.state import State, dump, load

MOST_SHARED: Final = 32 * 1024 * 1024
"""Bytes, uncompressed: larger lists are read from the database."""

MOST_COPIED: Final = 1 / 4
"""Of the cache: copies of a larger list would evict the list itself."""

TOMBSTONE: Final = b"erased"
"""What is in Redis in place of a list that was erased: older states do not replace it."""

_COPIES: Final = "copies"
"""With the id of a list, the key of what copies of it are made from."""


class StateMemory:
    """Caches the newest known state of one list, in this process and, if there is one, in Redis.

    `display_name` is what errors call the list.
    """

    def __init__(self, log: EventLog, display_name: str) -> None:
        self._log = log
        self._display_name = display_name

    def get(self, stored: StreamSnapshots) -> State | None:
        """Return the state that this process has cached."""
        kept: State | None = self._log.spi.cache.get(stored.stream_id)
        return kept

    def put(self, stored: StreamSnapshots, state: State) -> None:
        """Cache a state in this process."""
        self._log.spi.cache.put(stored.stream_id, state, state.size)
        copies = self._copies(stored)
        if copies is not None and not copies.begin(state.blocks):
            self._log.spi.cache.evict((_COPIES, stored.stream_id))

    def evict_here(self, stored: StreamSnapshots) -> None:
        """Evict the state from this process's cache, and what copies of it are made from."""
        self._log.spi.cache.evict(stored.stream_id)
        self._log.spi.cache.evict((_COPIES, stored.stream_id))

    def copy(self, stored: StreamSnapshots, state: State) -> list[Any] | None:
        """Return all items of a state, afresh for every call. None and errors as `decode`."""
        limit = self._log.spi.max_inflated_bytes
        if state.size > self._log.spi.cache.limit * MOST_COPIED:
            return decode(state.blocks, limit)
        before = self._copies(stored)
        copied = copy(before, state.blocks, limit)
        if copied is None:
            return None
        items, copies = copied
        if copies is not before:
            self._log.spi.cache.put((_COPIES, stored.stream_id), copies, copies.size)
        return items

    def _copies(self, stored: StreamSnapshots) -> Copies | None:
        found: Copies | None = self._log.spi.cache.get((_COPIES, stored.stream_id))
        return found

    async def evict(self, stored: StreamSnapshots) -> None:
        """Evict the state from this process's cache and from Redis."""
        self.evict_here(stored)
        if self._log.spi.shared is not None:
            await self._log.spi.shared.delete(_key(stored))

    async def leave_tombstone(self, stored: StreamSnapshots, version: int) -> None:
        """Evict the state, and keep every state up to `version` out of Redis from now on."""
        self.evict_here(stored)
        if self._log.spi.shared is not None:
            await self._log.spi.shared.put(_key(stored), version, TOMBSTONE)

    async def get_shared(self, stored: StreamSnapshots) -> State | None:
        """Return the state in Redis; one that does not decode is deleted there."""
        if self._log.spi.shared is None:
            return None
        key = _key(stored)
        content = await self._log.spi.shared.get(key)
        opened = await stored.decrypt({key: content}) if content else {}
        state = (
            load(self._display_name, opened[key], self._log.spi.max_inflated_bytes)
            if key in opened
            else None
        )
        if state is None and content not in (None, TOMBSTONE):
            await self._log.spi.shared.delete(key)
        return state

    async def evict_shared(self, stored: StreamSnapshots) -> None:
        """Evict the state from Redis: it is not on the chain."""
        if self._log.spi.shared is not None:
            await self._log.spi.shared.delete(_key(stored))

    def share_later(self, stored: StreamSnapshots, state: State) -> None:
        """Put a state into Redis, in the background."""
        if self._log.spi.shared is not None and state.version > 0:
            key = ("share", stored.stream_id)
            self._log.spi.background.start(key, lambda: self.share(stored, state))

    async def share(self, stored: StreamSnapshots, state: State) -> None:
        """Put a state into Redis for other processes, encrypted if the stream is."""
        shared = self._log.spi.shared
        if shared is None or state.size > MOST_SHARED:
            return
        key = _key(stored)
        content = await asyncio.to_thread(dump, state)
        sealed = None if content is None else await stored.encrypt({key: content})
        if sealed is not None:
            await shared.put(key, state.version, sealed[key])


def _key(stored: StreamSnapshots) -> str:
    return f"items:{SCHEMA}:{stored.stream_id.hex()}"
