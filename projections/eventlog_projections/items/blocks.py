"""Blocks of items: where they lie, and decoding them.

A list of items is a row of blocks. A block is a range of what one holder holds.
"""

from collections.abc import Sequence
from itertools import takewhile
from operator import attrgetter
from typing import Any, Final, NamedTuple

from eventlog.format.codec import decode_json
from eventlog.format.inflating import MAX_INFLATED
from eventlog_projections.items.holders import INHERITED, Absent, EventItems, Holder
from eventlog_projections.items.segments import UnreadableError

_DECODED_AT_ONCE: Final = 1024 * 1024
"""Bytes that are spliced and decoded together: far fewer calls, and no second copy of a list."""


class Block(NamedTuple):
    """Items `start` to `stop` (exclusive) of a source."""

    holder: Holder
    start: int
    stop: int


_START: Final = attrgetter("start")
_STOP: Final = attrgetter("stop")
_IS_INNER: Final = attrgetter("holder.is_inner")


def count(blocks: Sequence[Block]) -> int:
    """Return how many items the blocks hold."""
    items: int = sum(map(_STOP, blocks)) - sum(map(_START, blocks))
    return items


def inner_of(blocks: Sequence[Block]) -> frozenset[int]:
    """Return the indexes of the items that runs within other runs added."""
    if not any(map(_IS_INNER, blocks)):
        return frozenset()
    found: list[int] = []
    place = 0
    for holder, start, stop in blocks:
        if holder.is_inner:
            found += range(place, place + stop - start)
        place += stop - start
    return frozenset(found)


def filled(blocks: Sequence[Block], known: Sequence[Block]) -> list[Block]:
    """Return the blocks; those that are absent hold what a known one of their source holds."""
    there = {
        block.holder.source: block.holder
        for block in known
        if block.holder.source != INHERITED and not isinstance(block.holder, Absent)
    }
    return [
        block._replace(holder=there[block.holder.source])
        if isinstance(block.holder, Absent) and block.holder.source in there
        else block
        for block in blocks
    ]


def last(blocks: Sequence[Block], limit: int) -> list[Block]:
    """Return the blocks of the last `limit` items."""
    kept: list[Block] = []
    for block in reversed(blocks):
        if limit <= 0:
            break
        size = block.stop - block.start
        kept.append(block if size <= limit else block._replace(start=block.stop - limit))
        limit -= size
    return kept[::-1]


def split(blocks: Sequence[Block]) -> tuple[Sequence[Block], Sequence[Block]]:
    """Return the blocks that a fork inherited, which come first, and its own."""
    inherited = list(takewhile(lambda block: block.holder.source == INHERITED, blocks))
    return inherited, blocks[len(inherited) :]


def drop_last(blocks: list[Block], items: int) -> None:
    """Take the last `items` items off the list."""
    while blocks and items > 0:
        block = blocks.pop()
        size = block.stop - block.start
        if size > items:
            blocks.append(block._replace(stop=block.stop - items))
        items -= size


def decode(blocks: Sequence[Block], limit: int = MAX_INFLATED) -> list[Any] | None:
    """Decode the items of `blocks`, afresh for every call; None if some are absent or no segment.

    One event inflates to at most `limit` bytes. Raises CorruptEventError, ErasedError or
    SchemaTooNewError, naming the event.
    """
    try:
        return _decode_all(blocks, limit)
    except UnreadableError:
        return None


def _decode_all(blocks: Sequence[Block], limit: int) -> list[Any]:
    items: list[Any] = []
    together: list[EventItems] = []
    size = 0
    for block in blocks:
        available = block.holder.items
        if not 0 <= block.start < block.stop <= available:
            raise UnreadableError
        is_whole = block.stop - block.start == available
        event = block.holder.event if is_whole else None
        if event is None or size > _DECODED_AT_ONCE:
            items += _decode_together(together, limit)
            together, size = [], 0
        if event is not None:
            together.append(event)
            size += len(event.inner(limit))
        elif is_whole:
            items += block.holder.decode(limit)
        else:
            items += block.holder.part(block.start, block.stop, limit)
    if not items:
        return _decode_together(together, limit)
    return items + _decode_together(together, limit) if together else items


def _decode_together(events: Sequence[EventItems], limit: int) -> list[Any]:
    """Splice the items of events and decode them as one array."""
    if not events:
        return []
    inner = [event.inner(limit) for event in events]
    inner[0] = b"[" + inner[0]
    inner[-1] += b"]"  # Joined with its brackets, it is copied once.
    spliced = b",".join(inner)
    try:
        items: list[Any] = decode_json(spliced)
    except ValueError:
        items = []
    if len(items) == sum(event.items for event in events):
        return items
    # One of them is not what it should be: that one says so.
    return [item for event in events for item in event.decode(limit)]
