"""The list of a conversation at a version, and its form for others to read."""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any, Final, NamedTuple

import msgspec

from eventlog.errors import CorruptEventError, SchemaTooNewError
from eventlog.snapshots import FoldInput, Sources
from eventlog_projections.items.blocks import Block, count, last, split
from eventlog_projections.items.holders import INHERITED, Absent, EventItems, SegmentItems, header
from eventlog_projections.items.segments import SCHEMA, size_of

_SIZE: Final = attrgetter("holder.size")


class ItemsRead(NamedTuple):
    """What a read returned: a version, its items or the last of them, and how many there are."""

    version: int
    items: list[Any]
    total: int


class ListRead(NamedTuple):
    """What a read returned, and what of it runs within other runs added: indexes in `items`."""

    version: int
    items: list[Any]
    total: int
    inner: frozenset[int]

    def behind(self, start: int | None = None) -> ItemsRead:
        """Return it as others are given it, without its items before index `start`."""
        return ItemsRead(self.version, self.items if not start else self.items[start:], self.total)


class State(NamedTuple):
    """The list at a version; `hash` is the chain's there."""

    version: int
    hash: bytes
    blocks: tuple[Block, ...]
    total: int
    """How many items there are."""
    saved: int
    """The version of the newest snapshot below it that is known to be stored."""
    was_reset: bool
    """Whether it was cleared or rewound since."""

    def last(self, wanted: int) -> Sequence[Block]:
        """Return the blocks of its last `wanted` items."""
        return self.blocks if wanted >= self.total else last(self.blocks, wanted)

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return sum(map(_SIZE, self.blocks))


EMPTY: Final = State(0, b"", (), 0, 0, was_reset=False)


class _Shared(msgspec.Struct, array_like=True):
    schema: int
    version: int
    hash: bytes
    saved: int
    was_reset: bool
    blocks: Sequence[tuple[int, int, int]]
    segments: dict[int, bytes]
    entries: Sequence[FoldInput]


def dump(state: State) -> bytes | None:
    """Return a state as bytes; None if some of it is absent."""
    segments: dict[int, bytes] = {}
    entries: dict[int, FoldInput] = {}
    inherited, own = split(state.blocks)
    for block in own:
        holder = block.holder
        if isinstance(holder, SegmentItems):
            segments[holder.source] = holder.stored
        elif isinstance(holder, EventItems):
            entries[holder.entry.version] = holder.entry
        else:
            return None
    places = [(INHERITED, 0, count(inherited))] if inherited else []
    places += [(block.holder.source, block.start, block.stop) for block in own]
    place = (state.version, state.hash, state.saved, state.was_reset)
    shared = _Shared(SCHEMA, *place, places, segments, list(entries.values()))
    return msgspec.msgpack.encode(shared)


def load(stream: str, content: bytes, limit: int) -> State | None:
    """Undo `dump`; None for what it did not write, or other code did.

    What it holds inflates to at most `limit` bytes together: events are inflated at once, so that
    they can be counted, and segments say how large they are.
    """
    try:
        shared = msgspec.msgpack.decode(content, type=_Shared)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    if shared.schema != SCHEMA:
        return None
    limit -= sum(map(size_of, shared.segments.values()))
    found = Sources(shared.segments, {entry.version: entry for entry in shared.entries})
    try:
        blocks = tuple(
            Block(holder_of(stream, source, found), start, stop)
            for source, start, stop in shared.blocks
        )
        for holder in {block.holder: None for block in blocks}:
            limit -= holder.inflate(max(limit, 0)) if isinstance(holder, EventItems) else 0
    except (CorruptEventError, SchemaTooNewError):
        return None
    if limit < 0:
        return None
    if absent(blocks):
        return None
    place = (shared.version, shared.hash, blocks, count(blocks))
    return State(*place, shared.saved, shared.was_reset)


def holder_of(stream: str, source: int, found: Sources) -> EventItems | SegmentItems | Absent:
    """Return what holds the items of a source, absent if it was not found.

    Raises CorruptEventError.
    """
    if source > 0 and source in found.segments:
        return SegmentItems(source, found.segments[source])
    if source < 0 and -source in found.entries:
        entry = found.entries[-source]
        said = header(stream, entry)
        return EventItems(stream, entry, said.items or 0, is_inner=said.inner is True)
    return Absent(source)


def absent(blocks: Iterable[Block]) -> set[int]:
    """Return the sources of this stream that were not fetched yet."""
    sources = {block.holder.source for block in blocks if isinstance(block.holder, Absent)}
    return sources - {INHERITED}
