"""The list of a conversation at any version: from caches, from snapshots, or folded anew.

Rule: whatever was cached or stored is used only if the chain has its hash at its version.
Anything else is a miss; it costs time and changes no answer.
"""

import contextlib
from typing import Final

from eventlog import EventLog
from eventlog.errors import CorruptEventError, ErasedError
from eventlog.events import ConversationForked
from eventlog.format.names import MAIN
from eventlog.snapshots import EVERYTHING, StreamSnapshots
from eventlog_projections.items.ancestors import ForkOrigin, OwnList, inherit
from eventlog_projections.items.blocks import decode, drop_last, inner_of
from eventlog_projections.items.holders import header
from eventlog_projections.items.loading import StateLoader
from eventlog_projections.items.memory import StateMemory
from eventlog_projections.items.saving import SnapshotWriter
from eventlog_projections.items.segments import SCHEMA
from eventlog_projections.items.state import EMPTY, ListRead, State


class StateReader:
    """Reads the list of the conversation `name`, or of a branch, from the fastest valid source."""

    def __init__(self, log: EventLog, name: str, branch: str = MAIN) -> None:
        self._log = log
        self._name = name
        self._branch = branch
        self.display_name: Final = f"{name}, branch {branch}" if branch else name
        """What errors call it."""
        self._memory = StateMemory(log, self.display_name)
        self._loader = StateLoader(log, self.display_name)
        self._writer = SnapshotWriter(log, self._memory)

    async def read(self, version: int | None, wanted: int) -> ListRead:
        """Return the last `wanted` items of the list at a version, or now.

        If that fails, caches are evicted; if it still does, snapshots are deleted, and every event
        is folded. Raises CorruptEventError or ErasedError.
        """
        try:
            return await self._read(version, wanted)
        except ErasedError as error:
            await self._refuse_lost(error)
            raise

    async def _read(self, version: int | None, wanted: int) -> ListRead:
        found = self._decoded(await self._state(version, wanted), version, wanted)
        if found is None:
            await self.evict()
            found = self._decoded(await self._state(version, wanted), version, wanted)
        if found is None:
            found = self._decoded(await self._anew(version, wanted), version, wanted)
        if found is None:
            raise CorruptEventError(self.display_name, version or 0, "its list does not add up")
        return found

    async def _refuse_lost(self, error: ErasedError) -> None:
        """Raise CorruptEventError if no event says that what is gone was erased.

        It is an event of this stream, or of an ancestor.
        """
        name, branch = self._name, self._branch
        reader: OwnList = self
        while reader.display_name != error.stream:
            origin = await reader.origin()
            name, branch, reader = origin.row.name, origin.row.branch, origin.parent
        last = error.version
        async for event in self._log.read(name, after=last - 1, until=last, branch=branch):
            if not event.is_erased:
                _ = event.body

    async def origin(self) -> ForkOrigin:
        """Return how the fork began. Raises CorruptEventError if it is none."""
        first = (await self._stored().sources([], [1])).entries.get(1)
        if first is None or first.kind != ConversationForked.kind:
            raise CorruptEventError(
                self.display_name, 1, "it is no fork, though its list began with items"
            )
        said = header(self.display_name, first)
        parent_id = b""
        with contextlib.suppress(ValueError):
            parent_id = bytes.fromhex(said.parent or "")
        row = await self._log.stream(parent_id)
        if row is None:
            raise CorruptEventError(self.display_name, 1, "what it is a fork of is not there")
        parent = StateReader(self._log, row.name, row.branch)
        return ForkOrigin(row, parent, said.at_version or 0, said.kept or 0)

    async def own(self, version: int, kept: int, wanted: int, *, anew: bool) -> State | None:
        """Return the first `kept` items at a version; the last `wanted` of these are there.

        Items that it inherited itself stay absent. With `anew`, without what was stored. None if
        what was stored cannot be used.
        """
        stored = self._stored()
        if anew:
            state = await self._fold(stored, version)
        else:
            state = await self._loader.load(stored, version, wanted)
        if state is None:
            return None
        blocks = list(state.blocks)
        drop_last(blocks, state.total - kept)
        first = state._replace(blocks=tuple(blocks), total=min(state.total, kept))
        return await self._loader.fetch(stored, first, wanted)

    async def save(self) -> bool:
        """Store a snapshot of the list now; tell whether there is one."""
        stored = self._stored()
        state = await self.current()
        if state is not None:
            await self._writer.finish()  # Perhaps it was due.
            kept = self._memory.get(stored)
            if kept is not None and kept.saved >= state.version > 0:
                return True
            state = await self.current()
        if state is None:
            # Somebody has just stored a snapshot that refers to what was deleted.
            state = await self._anew(None, EVERYTHING)
        return state is not None and await self._writer.save(stored, state)

    async def drop(self) -> None:
        """Delete every snapshot, and evict the list from every cache."""
        await self._stored().drop()
        await self.evict()

    async def evict(self) -> None:
        """Evict the list from every cache."""
        await self._memory.evict(self._stored())

    async def leave_tombstone(self, version: int) -> None:
        """Evict the list from every cache, and keep states up to `version` out of Redis."""
        await self._memory.leave_tombstone(self._stored(), version)

    def _decoded(self, state: State | None, version: int | None, wanted: int) -> ListRead | None:
        """Return the last `wanted` items of the state at a version, or now; None if unusable."""
        if state is None:
            return None
        blocks = state.last(wanted)
        if version is None and wanted == EVERYTHING:
            items = self._memory.copy(self._stored(), state)
        else:
            items = decode(blocks, self._log.spi.max_inflated_bytes)
        return (
            None if items is None else ListRead(state.version, items, state.total, inner_of(blocks))
        )

    def _stored(self) -> StreamSnapshots:
        return self._log.spi.snapshots(self._name, SCHEMA, branch=self._branch)

    async def _state(self, version: int | None, wanted: int) -> State | None:
        return await (self.current(wanted) if version is None else self._at(version, wanted))

    async def current(self, wanted: int = EVERYTHING) -> State | None:
        """Return the list now; its last `wanted` items are there, others may be absent."""
        stored = self._stored()
        state = await self._cached(stored) or await self._shared(stored)
        if state is None:
            state = await self._loader.load(stored, None, wanted)
            if state is not None and not self._writer.keep(stored, state):
                self._memory.share_later(stored, state)
        return None if state is None else await self._complete(stored, state, wanted)

    async def _at(self, version: int, wanted: int) -> State | None:
        """Return the list at a version that exists."""
        stored = self._stored()
        if version == 0:
            return EMPTY
        state = await self._loader.load(stored, version, wanted)
        if state is not None:
            state = await self._loader.fetch(stored, state, wanted)
        return None if state is None else await inherit(self, state, wanted)

    async def _anew(self, version: int | None, wanted: int) -> State | None:
        """Fold every event up to a version: what was stored is not what it should be."""
        stored = self._stored()
        state = await self._fold(stored, version)
        if state is None:
            return None
        if version is None:
            self._writer.keep(stored, state)
        return await inherit(self, state, wanted, anew=True)

    async def _fold(self, stored: StreamSnapshots, version: int | None) -> State | None:
        """Return the list at a version from its events alone, and delete what was stored of it."""
        await self._loader.refuse(stored)
        await self._memory.evict(stored)
        return await self._loader.fold(stored, version)

    async def _cached(self, stored: StreamSnapshots) -> State | None:
        """Return the list now from this process's cache, if that is on the chain."""
        kept = self._memory.get(stored)
        state = None if kept is None else await self._follow(stored, kept)
        if state is None:
            self._log.counters.cache_misses += 1
        else:
            self._log.counters.cache_hits += 1
        return state

    async def _shared(self, stored: StreamSnapshots) -> State | None:
        """Return the list now from Redis, if that is on the chain."""
        if self._log.spi.shared is None:
            return None
        kept = await self._memory.get_shared(stored)
        state = None if kept is None else await self._follow(stored, kept)
        if state is None:
            self._log.counters.shared_misses += 1
            if kept is not None:
                await self._memory.evict_shared(stored)
            return None
        self._log.counters.shared_hits += 1
        self._writer.keep(stored, state)
        return state

    async def _follow(self, stored: StreamSnapshots, kept: State) -> State | None:
        state = await self._loader.follow(stored, kept)
        if state is not None and state is not kept:
            self._writer.keep(stored, state)
        return state

    async def _complete(self, stored: StreamSnapshots, state: State, wanted: int) -> State | None:
        """Fetch what is wanted of the list now, its own and what it inherited, and cache it."""
        own = await self._loader.fetch(stored, state, wanted)
        complete = None if own is None else await inherit(self, own, wanted)
        if complete is not None and complete is not state:
            self._memory.put(stored, complete)
        return complete
