"""What processes remember of a list: each in its own cache, all of them in Redis.

Rule: what is returned from here is not yet compared with the chain.
"""

import asyncio
from typing import Final

from eventlog import EventLog
from eventlog.snapshots import StreamSnapshots
from eventlog_projections.items.segments import SCHEMA
from eventlog_projections.items.state import State, dump, load

MOST_SHARED: Final = 32 * 1024 * 1024
"""Bytes, uncompressed: larger lists are read from the database."""

ERASED: Final = b"erased"
"""What is shared of a list that was erased: it keeps out what is older."""


class StateMemory:
    """Remembers the newest known state of a list, in this process and, if there is one, in Redis.

    `display_name` is what errors call the list.
    """

    def __init__(self, log: EventLog, display_name: str) -> None:
        self._log = log
        self._display_name = display_name

    def get(self, stored: StreamSnapshots) -> State | None:
        """Return what this process remembers."""
        kept: State | None = self._log.spi.cache.get(stored.stream_id)
        return kept

    def put(self, stored: StreamSnapshots, state: State) -> None:
        """Remember a state in this process."""
        self._log.spi.cache.put(stored.stream_id, state, state.size)

    def evict(self, stored: StreamSnapshots) -> None:
        """Forget it in this process."""
        self._log.spi.cache.forget(stored.stream_id)

    async def forget(self, stored: StreamSnapshots) -> None:
        """Forget it everywhere: it is not what it should be."""
        self.evict(stored)
        if self._log.spi.shared is not None:
            await self._log.spi.shared.forget(_key(stored))

    async def forget_for_good(self, stored: StreamSnapshots, version: int) -> None:
        """Forget it everywhere, and let nobody share a state up to `version` again."""
        self.evict(stored)
        if self._log.spi.shared is not None:
            await self._log.spi.shared.put(_key(stored), version, ERASED)

    async def get_shared(self, stored: StreamSnapshots) -> State | None:
        """Return what other processes left in Redis; what cannot be used is deleted there."""
        if self._log.spi.shared is None:
            return None
        key = _key(stored)
        content = await self._log.spi.shared.get(key)
        opened = await stored.open({key: content}) if content else {}
        state = load(self._display_name, opened[key]) if key in opened else None
        if state is None and content not in (None, ERASED):
            await self._log.spi.shared.forget(key)
        return state

    async def refuse_shared(self, stored: StreamSnapshots) -> None:
        """Delete in Redis what is not on the chain."""
        if self._log.spi.shared is not None:
            await self._log.spi.shared.forget(_key(stored))

    def share_later(self, stored: StreamSnapshots, state: State) -> None:
        """Leave a state in Redis, in the background."""
        if self._log.spi.shared is not None and state.version > 0:
            key = ("share", stored.stream_id)
            self._log.spi.background.start(key, lambda: self.share(stored, state))

    async def share(self, stored: StreamSnapshots, state: State) -> None:
        """Leave a state in Redis for other processes, encrypted if the stream is."""
        shared = self._log.spi.shared
        if shared is None or state.size > MOST_SHARED:
            return
        key = _key(stored)
        content = await asyncio.to_thread(dump, state)
        sealed = None if content is None else await stored.seal({key: content})
        if sealed is not None:
            await shared.put(key, state.version, sealed[key])


def _key(stored: StreamSnapshots) -> str:
    return f"items:{SCHEMA}:{stored.stream_id.hex()}"
