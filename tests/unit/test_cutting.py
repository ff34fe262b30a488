"""Cutting: what a snapshot copies and what it refers to; every item exactly once, in order."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventlog.format.codec import compress, encode_json
from eventlog.snapshots import FoldInput
from eventlog_projections.items.blocks import Block, count, decode
from eventlog_projections.items.cutting import DUE_EVENTS, DUE_ITEMS, FEW, cut, is_due
from eventlog_projections.items.holders import EventItems, SegmentItems
from eventlog_projections.items.segments import LARGE, MAX_BYTES, MAX_ITEMS, unpack

ITEMS = st.lists(
    st.integers() | st.just("x" * (LARGE + 1)) | st.just("y" * 20_000) | st.just("\ud800"),
    min_size=1,
    max_size=40,
) | st.integers(1, 600).map(lambda n: list(range(n)))

EVENTS = st.lists(ITEMS, max_size=12)

PARTS = st.lists(st.tuples(ITEMS, st.integers(0, 599), st.integers(0, 599)), max_size=12)
"""Items, and two numbers that say which of them: where the part starts, how long it is."""


def block(version: int, items: list[Any], start: int = 0, stop: int | None = None) -> Block:
    header = json.dumps({"items": len(items)}).encode()
    codec, body = compress(encode_json(items))
    entry = FoldInput(version, "added", 1, header, codec, None, body, bytes(32))
    return Block(EventItems("chat", entry, len(items)), start, len(items) if stop is None else stop)


def numbers(version: int, size: int) -> Block:
    return block(version, list(range(size)))


@given(PARTS)
@settings(deadline=None)
def test_cutting_changes_no_item(parts: list[tuple[list[Any], int, int]]) -> None:
    """Parts of events, large ones, those that only json reads: the same list, as often as cut."""
    blocks: list[Block] = []
    for version, (items, begin, length) in enumerate(parts, start=1):
        start = begin % len(items)
        stop = start + 1 + length % (len(items) - start)
        blocks.append(block(version, items, start, stop))
    expected = decode(blocks)
    assert expected is not None
    done = cut(blocks)
    again = cut(done.blocks)
    assert decode(done.blocks) == decode(again.blocks) == expected
    assert count(done.blocks) == len(expected)
    assert again.segments == {}
    assert again.pieces == done.pieces


@given(EVENTS)
@settings(deadline=None)
def test_pieces_say_where_the_blocks_are(events: list[list[Any]]) -> None:
    """One piece for each block; new segments hold what their pieces say, and within bounds."""
    done = cut([block(version, items) for version, items in enumerate(events, start=1)])
    places = [(each.holder.source, each.start, each.stop) for each in done.blocks]
    assert [tuple(piece) for piece in done.pieces] == places
    copied = {piece.source: piece for piece in done.pieces if piece.source > 0}
    assert set(copied) == set(done.segments)
    for segment_id, stored in done.segments.items():
        packed = unpack(segment_id, stored)
        assert (0, len(packed.ends)) == copied[segment_id][1:]
        assert len(packed.ends) <= MAX_ITEMS
        assert sum(map(len, packed.items())) <= MAX_BYTES


@pytest.mark.parametrize(("items", "copied"), [(FEW - 1, 0), (FEW, 1), (MAX_ITEMS + 1, 1)])
def test_a_few_items_are_referred_to(items: int, copied: int) -> None:
    """A segment is worth its while from some number on."""
    assert len(cut([numbers(1, items)]).segments) == copied


def test_items_of_many_events_share_a_segment() -> None:
    """And a segment ends in the middle of an event where it is full."""
    done = cut([numbers(version, 400) for version in range(1, 4)])
    assert [piece.stop for piece in done.pieces] == [MAX_ITEMS, MAX_ITEMS, 1200 - 2 * MAX_ITEMS]


def test_a_segment_that_is_there_is_referred_to() -> None:
    """Nothing is copied twice; what follows gets a segment of its own."""
    first = cut([numbers(1, 300)])
    second = cut([*first.blocks, numbers(2, 300)])
    assert second.pieces[: len(first.pieces) - 1] == first.pieces[:-1]
    assert not set(first.segments) & set(second.segments)
    assert all(isinstance(each.holder, SegmentItems) for each in second.blocks)


def test_a_large_item_is_not_copied() -> None:
    """Nor the others of its event; those around it are."""
    large = block(2, ["small", "x" * LARGE])
    done = cut([numbers(1, 100), large, numbers(3, 100)])
    assert [piece.source > 0 for piece in done.pieces] == [True, False, True]
    assert done.pieces[1] == (-2, 0, 2)


def due(blocks: list[Block], version: int = 1, saved: int = 0, was_reset: bool = False) -> bool:
    return is_due(blocks, version, saved, was_reset=was_reset)


def test_a_snapshot_is_due_after_so_many_items() -> None:
    """New ones, in whatever batches; those that a snapshot has do not count."""
    assert not due([numbers(1, DUE_ITEMS - 1)])
    assert due([numbers(1, DUE_ITEMS)])
    assert due([numbers(version, 1) for version in range(1, DUE_ITEMS + 1)], DUE_ITEMS)
    assert not due([numbers(1, DUE_ITEMS), numbers(2, 10)], version=2, saved=1)


def test_a_long_list_waits_for_more() -> None:
    """A list of pieces is as long as the list; one in 64 has to be new."""
    old = [numbers(1, 100_000)]
    assert not due([*old, numbers(2, 1_500)], version=2, saved=1)
    assert due([*old, numbers(2, 1_600)], version=2, saved=1)


def test_a_snapshot_is_due_after_so_many_events() -> None:
    """Whatever they were."""
    assert not due([], version=DUE_EVENTS + 4, saved=5)
    assert due([], version=DUE_EVENTS + 5, saved=5)


def test_a_snapshot_is_due_once_after_a_reset() -> None:
    """A clear or a rewind that a snapshot has needs no other."""
    assert due([], version=6, saved=5, was_reset=True)
    assert not due([], version=5, saved=5, was_reset=True)
