"""Snapshots of a list: when one is due, and how it is stored."""

import asyncio

from eventlog import EventLog
from eventlog.snapshots import Snapshot, StreamSnapshots
from eventlog_projections.items.blocks import Block, split
from eventlog_projections.items.cutting import cut, is_due
from eventlog_projections.items.memory import StateMemory
from eventlog_projections.items.state import State


class SnapshotWriter:
    """Stores snapshots of a list, in the background when one is due, or at once."""

    def __init__(self, log: EventLog, memory: StateMemory) -> None:
        self._log = log
        self._memory = memory

    def keep(self, stored: StreamSnapshots, state: State) -> bool:
        """Cache the list now; store a snapshot of it, and share it, if one is due: True."""
        if state.version == 0:
            return False
        self._memory.put(stored, state)
        due = is_due(state.blocks, state.version, state.saved, was_reset=state.was_reset)
        if due:
            self._log.spi.background.start(stored.stream_id, lambda: self._save_due(stored, state))
        return due

    async def finish(self) -> None:
        """Wait for the snapshots that are being stored."""
        await self._log.spi.background.finish()

    async def save(self, stored: StreamSnapshots, state: State) -> bool:
        """Store a snapshot of a state now; False where there is nothing to store."""
        if state.version == 0:
            return False
        done = await asyncio.to_thread(cut, state.blocks, self._log.spi.max_inflated_bytes)
        snapshot = Snapshot(state.version, state.hash, done.pieces)
        try:
            is_stored = await stored.save(snapshot, done.segments)
        except BaseException:
            self._log.counters.snapshots_failed += 1
            raise
        if not is_stored:
            # Another one was first, with segments of its own: they are what is referred to.
            self._memory.evict_here(stored)
            return True
        self._log.counters.snapshots_written += 1
        self._adopt(stored, state, done.blocks)
        await self._memory.share(stored, state._replace(blocks=done.blocks, saved=state.version))
        return True

    async def _save_due(self, stored: StreamSnapshots, state: State) -> None:
        if await stored.may_save():
            await self.save(stored, state)

    def _adopt(self, stored: StreamSnapshots, state: State, blocks: tuple[Block, ...]) -> None:
        """Let the cached state hold the segments in place of the events that they were cut from."""
        kept = self._memory.get(stored)
        if kept is None or kept.version < state.version:
            return
        inherited, own = split(kept.blocks)
        _, before = split(state.blocks)
        common = zip(own, before, strict=False)
        if len(own) >= len(before) and all(theirs is ours for theirs, ours in common):
            _, after = split(blocks)
            kept = kept._replace(blocks=(*inherited, *after, *own[len(before) :]))
        was_reset = kept.was_reset and kept.version > state.version
        self._memory.put(stored, kept._replace(saved=state.version, was_reset=was_reset))
