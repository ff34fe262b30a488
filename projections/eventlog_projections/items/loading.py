"""A list from its newest snapshot and the events behind it, or from its events alone.

Rule: a snapshot is used only if the chain has its hash at its version; without one every event is
folded, which costs time and changes no answer. None means: what was stored cannot be used.
"""

import contextlib
from collections.abc import Sequence
from typing import Final

from eventlog import EventLog, StoreError
from eventlog.errors import CorruptEventError
from eventlog.events import ConversationErased, EventErased
from eventlog.snapshots import FoldInput, Loaded, Sources, StreamSnapshots
from eventlog_projections.items.blocks import Block, count, filled
from eventlog_projections.items.fold import Path, fold, is_reset, resolve
from eventlog_projections.items.holders import Absent
from eventlog_projections.items.state import EMPTY, State, absent, holder_of

PAGE: Final = 1000
"""As many events a round trip brings at most."""

_ERASING: Final = frozenset((ConversationErased.kind, EventErased.kind))


class StateLoader:
    """Loads states of a list from the database and folds the events that follow them.

    `display_name` is what errors call the list.
    """

    def __init__(self, log: EventLog, display_name: str) -> None:
        self._log = log
        self._display_name = display_name

    async def load(self, stored: StreamSnapshots, until: int | None, wanted: int) -> State | None:
        """Return the list at a version, or now, without what it inherited.

        The snapshot's part of its last `wanted` items is there; other items may be absent.
        """
        loaded = await stored.load(until, wanted)
        if loaded.snapshot is not None:
            self._log.counters.snapshot_hits += 1
        elif loaded.is_refused:
            await self.refuse(stored)
        else:
            self._log.counters.snapshot_misses += 1
        return await self.advance(stored, self._opened(loaded), loaded.tail, until)

    async def fold(self, stored: StreamSnapshots, until: int | None) -> State | None:
        """Return the list at a version, or now, from its events alone."""
        return await self.advance(stored, EMPTY, await stored.tail(0, until), until)

    async def follow(self, stored: StreamSnapshots, kept: State) -> State | None:
        """Bring a cached list up to now; None if it is not on the chain."""
        entries = await stored.tail(kept.version)
        if not entries or (entries[0].version, entries[0].hash) != (kept.version, kept.hash):
            return None
        return await self.advance(stored, kept, entries[1:], None)

    async def advance(
        self, stored: StreamSnapshots, base: State, entries: Sequence[FoldInput], until: int | None
    ) -> State | None:
        """Apply what follows `base`; where there may be more than a page of it, read on."""
        entries = list(entries)
        page = len(entries)
        while page >= PAGE:
            more = await stored.tail(entries[-1].version, until)
            entries += more[1:]
            page = len(more)
        if not entries:
            return base
        self._refuse_gaps(base.version, entries)
        path = resolve(self._display_name, base.version, entries)
        began = await self._beginning(stored, base, path, entries)
        blocks = None if began is None else fold(self._display_name, began, path.entries)
        if blocks is None:
            return None
        return State(
            entries[-1].version,
            entries[-1].hash,
            tuple(blocks),
            count(blocks),
            base.saved,
            base.was_reset or any(map(is_reset, entries)),
        )

    async def fetch(self, stored: StreamSnapshots, state: State, wanted: int) -> State | None:
        """Fetch what is wanted and absent; None if some of it is nowhere.

        What was inherited stays absent: it is not in this stream.
        """
        missing = absent(state.last(wanted))
        if not missing:
            return state
        found = await stored.sources(
            [source for source in missing if source > 0],
            [-source for source in missing if source < 0],
        )
        blocks = tuple(
            block._replace(holder=holder_of(self._display_name, block.holder.source, found))
            if isinstance(block.holder, Absent)
            else block
            for block in state.blocks
        )
        return None if missing & absent(blocks) else state._replace(blocks=blocks)

    def _opened(self, loaded: Loaded) -> State:
        snapshot = loaded.snapshot
        if snapshot is None:
            return EMPTY
        found = Sources(loaded.segments, loaded.entries)
        blocks = tuple(
            Block(holder_of(self._display_name, source, found), start, stop)
            for source, start, stop in snapshot.pieces
        )
        place = (snapshot.version, snapshot.hash, blocks, count(blocks))
        return State(*place, saved=snapshot.version, was_reset=False)

    async def _beginning(
        self, stored: StreamSnapshots, base: State, path: Path, entries: Sequence[FoldInput]
    ) -> Sequence[Block] | None:
        """Return the list that a path begins with, with what `base` has of it at hand."""
        followed = {entry.version for entry in path.entries}
        # Where it goes back to before an erasure, what `base` has may be gone for good.
        is_safe = not any(e.kind in _ERASING and e.version not in followed for e in entries)
        if is_safe and path.start == base.version:
            return base.blocks
        then = EMPTY if path.start == 0 else await self.load(stored, path.start, 0)
        if then is None:
            return None
        return filled(then.blocks, base.blocks) if is_safe else then.blocks

    def _refuse_gaps(self, after: int, entries: Sequence[FoldInput]) -> None:
        if entries[-1].version - after == len(entries):
            return
        for expected, entry in enumerate(entries, start=after + 1):
            if entry.version != expected:
                raise CorruptEventError(self._display_name, expected, "it is missing from the log")

    async def refuse(self, stored: StreamSnapshots) -> None:
        """Delete every snapshot: they cannot be used. That this fails stops no reading."""
        self._log.counters.snapshots_refused += 1
        with contextlib.suppress(StoreError):
            await stored.drop()
