"""Cutting a list into what a snapshot of it refers to: new segments, and what is there already.

Pure. Items are copied once: what is in a segment stays there. A few items beside each other, and
items that are large, are not copied at all but referred to where they lie in the log; nor are those
of runs within other runs, of which only their event tells that.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from eventlog.format.inflating import MAX_INFLATED
from eventlog.snapshots import Piece
from eventlog_projections.items.blocks import Block, count
from eventlog_projections.items.holders import INHERITED, EventItems, SegmentItems
from eventlog_projections.items.segments import (
    LARGE,
    MAX_BYTES,
    MAX_ITEMS,
    Packed,
    id_of,
    join,
    pack,
)

FEW: Final = 32
"""So many items beside each other are worth a segment."""

DUE_EVENTS: Final = 1024
DUE_ITEMS: Final = 256
DUE_BYTES: Final = 1024 * 1024
DUE_SHARE: Final = 64
"""A snapshot is due when one in so many items is new: a list of pieces is as long as the list."""


class Cut(NamedTuple):
    """A snapshot in the making: what it refers to, new segments by id, and the list in blocks."""

    pieces: tuple[Piece, ...]
    segments: dict[int, bytes]
    blocks: tuple[Block, ...]


def is_due(blocks: Sequence[Block], version: int, saved: int, *, was_reset: bool) -> bool:
    """Tell whether enough has happened since version `saved` to be worth a snapshot."""
    if version - saved >= DUE_EVENTS or (was_reset and version > saved):
        return True
    items = size = 0
    for block in reversed(blocks):
        holder = block.holder
        if not isinstance(holder, EventItems) or holder.entry.version <= saved:
            break
        items += block.stop - block.start
        size += min(holder.size, LARGE)
    if items < DUE_ITEMS and size < DUE_BYTES:
        return False
    return size >= DUE_BYTES or items >= max(DUE_ITEMS, count(blocks) // DUE_SHARE)


def cut(blocks: Sequence[Block], limit: int = MAX_INFLATED) -> Cut:
    """Return what a snapshot of the list refers to; an event inflates to `limit` bytes at most."""
    cutter = _Cutter(limit)
    for block in blocks:
        cutter.take(block)
    cutter.flush()
    return Cut(tuple(cutter.pieces), cutter.segments, tuple(cutter.blocks))


class _Cutter:
    """Collects items until they make a segment."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.pieces: list[Piece] = []
        self.segments: dict[int, bytes] = {}
        self.blocks: list[Block] = []
        self._items: list[bytes] = []
        self._from: list[Block] = []
        self._size = 0

    def take(self, block: Block) -> None:
        holder = block.holder
        if holder.source == INHERITED:
            self._inherit(block)
            return
        raws = holder.raw_items(self._limit) if isinstance(holder, EventItems) else None
        chosen = None if raws is None else raws[block.start : block.stop]
        if chosen is None or holder.is_inner or any(len(raw) > LARGE for raw in chosen):
            self.flush()
            self._refer(block)
            return
        for offset, raw in enumerate(chosen, start=block.start):
            self._add(block, offset, raw)

    def flush(self) -> None:
        """Make a segment of what was collected, or refer to it if it is little."""
        if len(self._items) >= FEW or self._size >= LARGE:
            self._copy(join(self._items))
        else:
            for block in self._from:
                self._refer(block)
        self._items, self._from, self._size = [], [], 0

    def _add(self, block: Block, offset: int, raw: bytes) -> None:
        if self._size + len(raw) > MAX_BYTES:
            self.flush()
        if self._from and self._from[-1].holder is block.holder:
            self._from[-1] = self._from[-1]._replace(stop=offset + 1)
        else:
            self._from.append(block._replace(start=offset, stop=offset + 1))
        self._items.append(raw)
        self._size += len(raw)
        if len(self._items) >= MAX_ITEMS:
            self.flush()

    def _copy(self, packed: Packed) -> None:
        stored = pack(packed)
        segment_id = id_of(stored)
        self.segments[segment_id] = stored
        holder = SegmentItems(segment_id, stored, packed)
        self.pieces.append(Piece(segment_id, 0, len(packed.ends)))
        self.blocks.append(Block(holder, 0, len(packed.ends)))

    def _inherit(self, block: Block) -> None:
        """Count it: what a fork began with comes first, and is its parent's."""
        before = self.pieces[0].stop if self.pieces else 0
        self.pieces[:1] = [Piece(INHERITED, 0, before + block.stop - block.start)]
        self.blocks.append(block)

    def _refer(self, block: Block) -> None:
        self.pieces.append(Piece(block.holder.source, block.start, block.stop))
        self.blocks.append(block)
