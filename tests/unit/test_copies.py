"""Copies of a list: what decoding gives, whatever the list becomes between two reads."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from eventlog.format.inflating import MAX_INFLATED
from eventlog_projections.items.blocks import Block, decode
from eventlog_projections.items.copies import Copies, copy
from tests.unit.test_codec import JSON
from tests.unit.test_cutting import block

ITEMS = st.lists(JSON, min_size=1, max_size=4)


@given(st.lists(ITEMS, max_size=6), st.lists(st.integers(0, 6) | ITEMS, max_size=8))
@settings(deadline=None)
def test_a_copy_is_what_decoding_gives(begun: list[list[Any]], steps: list[Any]) -> None:
    """A list grows, or is cut back and grows otherwise, and is read between; exact to the type."""
    blocks = tuple(block(1, items) for items in begun)
    copies: Copies | None = None
    for step in [0, 0, *steps, 0, 0]:
        blocks = (
            (*blocks, block(1, step)) if isinstance(step, list) else blocks[: len(blocks) - step]
        )
        copied = copy(copies, blocks, MAX_INFLATED)
        assert copied is not None
        items, copies = copied
        assert repr(items) == repr(decode(blocks))


def test_chunks_are_put_together() -> None:
    """A list that grows by one item a read, for ever, is not copied from as many chunks."""
    blocks: tuple[Block, ...] = ()
    copies: Copies | None = None
    for number in range(300):
        blocks = (*blocks, block(1, [number]))
        copied = copy(copies, blocks, MAX_INFLATED)
        assert copied is not None
        items, copies = copied
        assert items == list(range(number + 1))
        assert len(copies.chunks) <= 64


def test_what_is_read_once_is_not_marshalled() -> None:
    """Most processes read a list once."""
    copied = copy(None, (block(1, ["text"]),), MAX_INFLATED)
    assert copied is not None
    assert copied[1].chunks == ()


def test_an_item_as_deep_as_can_be_is_copied() -> None:
    """Nothing that can be stored nests deeper than marshal does."""
    item: Any = "bottom"
    for _ in range(890):
        item = [item]
    blocks = (block(1, [item]),)
    copied = copy(Copies(), blocks, MAX_INFLATED)
    assert copied is not None
    assert copy(copied[1], blocks, MAX_INFLATED) == ([[item][0]], copied[1])
