"""What copies of a list are made from: its items, marshalled, in the memory of this process only.

`marshal` makes objects in half the time that it takes to decode their JSON. It takes all that JSON
decodes to, and gives it back equal, in fresh objects, with keys in the same order.
"""

import marshal
from itertools import chain
from typing import Any, Final, NamedTuple

from eventlog_projections.items.blocks import Block, decode

_MOST_CHUNKS: Final = 64
"""A chunk is added by each read of a list that has grown; so many are put together."""

_OVERHEAD: Final = 100
"""Roughly what a chunk costs beside its bytes."""


class Copies(NamedTuple):
    """The items of blocks, marshalled in chunks."""

    blocks: tuple[Block, ...] = ()
    chunks: tuple[bytes, ...] = ()

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return sum(map(len, self.chunks)) + _OVERHEAD * (1 + len(self.chunks))

    def begin(self, blocks: tuple[Block, ...]) -> bool:
        """Tell whether a list of these blocks begins with its items."""
        return blocks[: len(self.blocks)] == self.blocks


def copy(
    copies: Copies | None, blocks: tuple[Block, ...], limit: int
) -> tuple[list[Any], Copies] | None:
    """Return the items of `blocks`, afresh, and what the next copy is made from.

    `copies` is what the last call returned, None before the first, which is often the only one and
    marshals nothing. None and errors as `decode`.
    """
    known = copies if copies is not None and copies.begin(blocks) else Copies()
    new = decode(blocks[len(known.blocks) :], limit)
    if new is None:
        return None
    if copies is None:
        return new, known
    if not new:
        return _all(known.chunks), known
    items = _all(known.chunks) + new
    if len(known.chunks) < _MOST_CHUNKS:
        return items, Copies(blocks, (*known.chunks, marshal.dumps(new)))
    return items, Copies(blocks, (marshal.dumps(items),))


def _all(chunks: tuple[bytes, ...]) -> list[Any]:
    return list(chain.from_iterable(map(marshal.loads, chunks)))
