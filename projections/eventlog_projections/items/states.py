"""What the list of a conversation is and was: remembered, from snapshots, or folded anew.

Rule: whatever was remembered or stored is used only if the chain has its hash at its version.
Anything else is a miss; it costs time and changes no answer.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from typing import Final

from eventlog import EventLog, StoreError
from eventlog.errors import CorruptEventError
from eventlog.events import ConversationErased, ConversationForked, EventErased
from eventlog.format.names import MAIN
from eventlog.snapshots import EVERYTHING, FoldInput, Loaded, Snapshot, StreamSnapshots
from eventlog_projections.items.ancestors import Begun, inherit
from eventlog_projections.items.blocks import (
    INHERITED,
    Absent,
    Block,
    EventItems,
    SegmentItems,
    count,
    drop_last,
    filled,
    header,
    last,
    split,
)
from eventlog_projections.items.cutting import cut, is_due
from eventlog_projections.items.fold import Path, fold, is_reset, resolve
from eventlog_projections.items.segments import SCHEMA, UnreadableError
from eventlog_projections.items.state import EMPTY, State, dump, load

PAGE: Final = 1000
"""As many events a round trip brings at most."""

MOST_SHARED: Final = 32 * 1024 * 1024
"""Bytes, uncompressed: larger lists are read from the database."""

ERASED: Final = b"erased"
"""What is shared of a list that was erased: it keeps out what is older."""

_ERASING: Final = frozenset((ConversationErased.kind, EventErased.kind))


class StateReader:
    """The states of the conversation `name`, or of a branch of it."""

    def __init__(self, log: EventLog, name: str, branch: str = MAIN) -> None:
        self._log = log
        self._name = name
        self._branch = branch
        self.title: Final = f"{name}, branch {branch}" if branch else name
        """What errors call it."""

    async def current(self, wanted: int = EVERYTHING) -> State:
        """Return the list now; its last `wanted` items are there, others may be absent."""
        stored, counters = self._stored(), self._log.counters
        kept: State | None = self._log.spi.cache.get(stored.stream_id)
        if kept is not None:
            state = await self._follow(stored, kept)
            if state is not None:
                counters.cache_hits += 1
                return await self._complete(stored, state, wanted)
        counters.cache_misses += 1
        state = await self._shared(stored)
        if state is None:
            state = await self._load(stored, None, wanted)
            if not self._keep(stored, state):
                self._share_later(stored, state)
        return await self._complete(stored, state, wanted)

    async def at(self, version: int, wanted: int = EVERYTHING) -> State:
        """Return the list at a version that exists."""
        stored = self._stored()
        if version == 0:
            return EMPTY
        state = await self._fetch(stored, await self._load(stored, version, wanted), wanted)
        return await inherit(self, state, wanted)

    async def _at(self, version: int) -> State:
        """Return the list at a version; what is not at hand stays absent."""
        return EMPTY if version == 0 else await self._load(self._stored(), version, 0)

    async def begun(self) -> Begun:
        """Return how the fork began. Raises CorruptEventError if it is none."""
        first = (await self._stored().sources([], [1])).entries.get(1)
        if first is None or first.kind != ConversationForked.kind:
            raise CorruptEventError(
                self.title, 1, "it is no fork, though its list began with items"
            )
        said = header(self.title, first)
        parent_id = b""
        with contextlib.suppress(ValueError):
            parent_id = bytes.fromhex(said.parent or "")
        row = await self._log.stream(parent_id)
        if row is None:
            raise CorruptEventError(self.title, 1, "what it is a fork of is not there")
        parent = StateReader(self._log, row.name, row.branch)
        return Begun(row, parent, said.at_version or 0, said.kept or 0)

    async def own(self, version: int, kept: int, wanted: int, *, anew: bool) -> State:
        """Return the first `kept` items at a version; the last `wanted` of these are there.

        Items that it inherited itself stay absent. With `anew`, without what was stored.
        """
        stored = self._stored()
        if anew:
            state = await self._fold_anew(version)
        else:
            state = await self._load(stored, version, wanted)
        blocks = list(state.blocks)
        drop_last(blocks, state.total - kept)
        first = state._replace(blocks=tuple(blocks), total=min(state.total, kept))
        return await self._fetch(stored, first, wanted)

    async def forget(self) -> None:
        """Forget what processes remember: it is not what it should be."""
        stored = self._stored()
        self._log.spi.cache.forget(stored.stream_id)
        if self._log.spi.shared is not None:
            await self._log.spi.shared.forget(self._key(stored))

    async def forget_for_good(self, version: int) -> None:
        """Forget what processes remember up to a version, and let nobody share it again."""
        stored = self._stored()
        self._log.spi.cache.forget(stored.stream_id)
        if self._log.spi.shared is not None:
            await self._log.spi.shared.put(self._key(stored), version, ERASED)

    async def drop(self) -> None:
        """Delete what is stored and forget what is remembered."""
        await self._stored().drop()
        await self.forget()

    async def _drop_quietly(self, stored: StreamSnapshots) -> None:
        """Delete what cannot be used, so that it is in nobody's way; reading goes on without."""
        with contextlib.suppress(StoreError):
            await stored.drop()

    async def anew(self, version: int | None, wanted: int = EVERYTHING) -> State:
        """Fold every event up to a version: what was stored is not what it should be."""
        state = await self._fold_anew(version)
        if version is None:
            self._keep(self._stored(), state)
        return await inherit(self, state, wanted, anew=True)

    async def _fold_anew(self, version: int | None) -> State:
        stored = self._stored()
        self._log.counters.snapshots_refused += 1
        await self._drop_quietly(stored)
        await self.forget()
        return await self._advance(stored, EMPTY, await stored.tail(0, version), version)

    async def save(self) -> bool:
        """Store a snapshot of the list now; tell whether there is one."""
        try:
            return await self._save_now()
        except UnreadableError:
            # Somebody has just stored a snapshot that refers to what was deleted.
            state = await self.anew(None)
            return state.version > 0 and await self._save(self._stored(), state)

    async def _save_now(self) -> bool:
        stored = self._stored()
        state = await self.current()
        await self._log.spi.background.finish()  # Perhaps it was due.
        kept: State | None = self._log.spi.cache.get(stored.stream_id)
        if kept is not None and kept.saved >= state.version > 0:
            return True
        return state.version > 0 and await self._save(stored, await self.current())

    def _stored(self) -> StreamSnapshots:
        return self._log.spi.snapshots(self._name, SCHEMA, branch=self._branch)

    async def _follow(self, stored: StreamSnapshots, kept: State) -> State | None:
        """Bring what is remembered up to now; None if it is not on the chain."""
        entries = await stored.tail(kept.version)
        if not entries or (entries[0].version, entries[0].hash) != (kept.version, kept.hash):
            return None
        if len(entries) == 1:
            return kept
        state = await self._advance(stored, kept, entries[1:], None)
        self._keep(stored, state)
        return state

    async def _shared(self, stored: StreamSnapshots) -> State | None:
        """Return the list now from what other processes left in Redis, if it is on the chain."""
        shared, counters = self._log.spi.shared, self._log.counters
        if shared is None:
            return None
        key = self._key(stored)
        content = await shared.get(key)
        opened = await stored.open({key: content}) if content else {}
        kept = load(self.title, opened[key]) if key in opened else None
        state = None if kept is None else await self._follow(stored, kept)
        if state is None:
            counters.shared_misses += 1
            if content not in (None, ERASED):
                await shared.forget(self._key(stored))
            return None
        counters.shared_hits += 1
        self._keep(stored, state)
        return state

    def _share_later(self, stored: StreamSnapshots, state: State) -> None:
        if self._log.spi.shared is not None and state.version > 0:
            key = ("share", stored.stream_id)
            self._log.spi.background.start(key, lambda: self._share(stored, state))

    async def _share(self, stored: StreamSnapshots, state: State) -> None:
        shared = self._log.spi.shared
        if shared is None or state.size > MOST_SHARED:
            return
        key = self._key(stored)
        content = await asyncio.to_thread(dump, state)
        sealed = None if content is None else await stored.seal({key: content})
        if sealed is not None:
            await shared.put(key, state.version, sealed[key])

    def _key(self, stored: StreamSnapshots) -> str:
        return f"items:{SCHEMA}:{stored.stream_id.hex()}"

    async def _load(self, stored: StreamSnapshots, until: int | None, wanted: int) -> State:
        counters = self._log.counters
        loaded = await stored.load(until, wanted)
        if loaded.snapshot is not None:
            counters.snapshot_hits += 1
        elif loaded.is_refused:
            counters.snapshots_refused += 1
            await self._drop_quietly(stored)
        else:
            counters.snapshot_misses += 1
        return await self._advance(stored, self._opened(loaded), loaded.tail, until)

    def _opened(self, loaded: Loaded) -> State:
        snapshot = loaded.snapshot
        if snapshot is None:
            return EMPTY
        blocks = tuple(
            Block(self._holder(source, loaded), start, stop)
            for source, start, stop in snapshot.pieces
        )
        place = (snapshot.version, snapshot.hash, blocks, count(blocks))
        return State(*place, saved=snapshot.version, was_reset=False)

    def _holder(self, source: int, found: Loaded) -> EventItems | SegmentItems | Absent:
        if source > 0 and source in found.segments:
            return SegmentItems(source, found.segments[source])
        if source < 0 and -source in found.entries:
            entry = found.entries[-source]
            return EventItems(self.title, entry, header(self.title, entry).items or 0)
        return Absent(source)

    async def _advance(
        self, stored: StreamSnapshots, base: State, entries: Sequence[FoldInput], until: int | None
    ) -> State:
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
        path = resolve(self.title, base.version, entries)
        began = await self._beginning(base, path, entries)
        blocks = tuple(fold(self.title, began, path.entries))
        return State(
            entries[-1].version,
            entries[-1].hash,
            blocks,
            count(blocks),
            base.saved,
            base.was_reset or any(map(is_reset, entries)),
        )

    async def _beginning(
        self, base: State, path: Path, entries: Sequence[FoldInput]
    ) -> Sequence[Block]:
        """Return the list that a path begins with, with what `base` has of it at hand."""
        followed = {entry.version for entry in path.entries}
        if any(entry.kind in _ERASING and entry.version not in followed for entry in entries):
            # It goes back to before an erasure: what `base` has may be gone for good.
            return (await self._at(path.start)).blocks
        if path.start == base.version:
            return base.blocks
        return filled((await self._at(path.start)).blocks, base.blocks)

    def _refuse_gaps(self, after: int, entries: Sequence[FoldInput]) -> None:
        if entries[-1].version - after == len(entries):
            return
        for expected, entry in enumerate(entries, start=after + 1):
            if entry.version != expected:
                raise CorruptEventError(self.title, expected, "it is missing from the log")

    async def _complete(self, stored: StreamSnapshots, state: State, wanted: int) -> State:
        """Fetch what is wanted of the list now, its own and what it inherited, and remember it."""
        own = await self._fetch(stored, state, wanted)
        complete = await inherit(self, own, wanted)
        if complete is not state:
            self._remember(stored, complete)
        return complete

    async def _fetch(self, stored: StreamSnapshots, state: State, wanted: int) -> State:
        """Fetch what is wanted and absent. Raises UnreadableError for what is nowhere.

        What was inherited stays absent: it is not in this stream.
        """
        missing = _absent(last(state.blocks, wanted))
        if not missing:
            return state
        found = await stored.sources(
            [source for source in missing if source > 0],
            [-source for source in missing if source < 0],
        )
        loaded = Loaded(None, is_refused=False, **found._asdict(), tail=[])
        blocks = tuple(
            block._replace(holder=self._holder(block.holder.source, loaded))
            if isinstance(block.holder, Absent)
            else block
            for block in state.blocks
        )
        if missing & _absent(blocks):
            raise UnreadableError
        return state._replace(blocks=blocks)

    def _keep(self, stored: StreamSnapshots, state: State) -> bool:
        """Remember the list now; have a snapshot of it stored, and shared, if one is due: True."""
        if state.version == 0:
            return False
        self._remember(stored, state)
        due = is_due(state.blocks, state.version, state.saved, was_reset=state.was_reset)
        if due:
            self._log.spi.background.start(
                stored.stream_id, lambda: self._save_quietly(stored, state)
            )
        return due

    def _remember(self, stored: StreamSnapshots, state: State) -> None:
        self._log.spi.cache.put(stored.stream_id, state, state.size)

    async def _save_quietly(self, stored: StreamSnapshots, state: State) -> None:
        if not await stored.may_save():
            return
        try:
            await self._save(stored, await self._fetch(stored, state, 0))
        except UnreadableError:
            return

    async def _save(self, stored: StreamSnapshots, state: State) -> bool:
        done = await asyncio.to_thread(cut, state.blocks)
        snapshot = Snapshot(state.version, state.hash, done.pieces)
        try:
            is_stored = await stored.save(snapshot, done.segments)
        except BaseException:
            self._log.counters.snapshots_failed += 1
            raise
        if not is_stored:
            # Another one was first, with segments of its own: they are what is referred to.
            self._log.spi.cache.forget(stored.stream_id)
            return True
        self._log.counters.snapshots_written += 1
        self._take(stored, state, done.blocks)
        await self._share(stored, state._replace(blocks=done.blocks, saved=state.version))
        return True

    def _take(self, stored: StreamSnapshots, state: State, blocks: tuple[Block, ...]) -> None:
        """Remember the segments in the place of the events that they were cut from."""
        kept: State | None = self._log.spi.cache.get(stored.stream_id)
        if kept is None or kept.version < state.version:
            return
        inherited, own = split(kept.blocks)
        _, before = split(state.blocks)
        common = zip(own, before, strict=False)
        if len(own) >= len(before) and all(theirs is ours for theirs, ours in common):
            _, after = split(blocks)
            kept = kept._replace(blocks=(*inherited, *after, *own[len(before) :]))
        was_reset = kept.was_reset and kept.version > state.version
        self._remember(stored, kept._replace(saved=state.version, was_reset=was_reset))


def _absent(blocks: Iterable[Block]) -> set[int]:
    """Return the sources of this stream that were not fetched yet."""
    sources = {block.holder.source for block in blocks if isinstance(block.holder, Absent)}
    return sources - {INHERITED}
