"""What a fork began with: items of its parent's past, and of that one's parent before it.

Rule: one ancestor after the other, and no further than the items that are wanted lie. Nothing is
copied into the fork; the past of an ancestor does not change.
"""

from typing import NamedTuple, Protocol

from eventlog.errors import CorruptEventError
from eventlog.format.records import StreamRow
from eventlog_projections.items.blocks import INHERITED, Absent, Block, Inherited, count, last
from eventlog_projections.items.state import State


class Begun(NamedTuple):
    """How a fork began: as the first `kept` items of its parent at a version."""

    row: StreamRow
    """The parent's."""
    parent: "Own"
    at_version: int
    kept: int


class Own(Protocol):
    """A list, without what it inherited."""

    @property
    def title(self) -> str:
        """What errors call it."""
        ...

    async def begun(self) -> Begun:
        """Return how the fork began. Raises CorruptEventError if it is none."""
        ...

    async def own(self, version: int, kept: int, wanted: int, *, anew: bool) -> State:
        """Return the first `kept` items at a version; the last `wanted` of these are there.

        Items that it inherited itself stay absent. With `anew`, without what was stored.
        """
        ...


def is_inherited_absent(block: Block) -> bool:
    """Tell whether these are inherited items that were not fetched yet."""
    return isinstance(block.holder, Absent) and block.holder.source == INHERITED


async def inherit(fork: Own, state: State, wanted: int, *, anew: bool = False) -> State:
    """Fetch what of its last `wanted` items the fork inherited.

    Raises CorruptEventError where an ancestor does not have what the fork began with.
    """
    if not state.blocks or not is_inherited_absent(state.blocks[0]):
        return state
    absent, *rest = state.blocks
    found: list[list[Block]] = [rest]
    kept, wanted = absent.stop, wanted - count(rest)
    seen: set[bytes] = set()
    while min(kept, wanted) > 0:
        begun = await fork.begun()
        if begun.row.stream_id in seen or kept > begun.kept:
            raise CorruptEventError(fork.title, 1, "it does not say what it is a fork of")
        seen.add(begun.row.stream_id)
        parent = await begun.parent.own(begun.at_version, kept, wanted, anew=anew)
        if parent.total < kept:
            raise CorruptEventError(fork.title, 1, "its parent had fewer items than it says")
        found.append(_present(parent, wanted))
        kept, wanted = kept - count(found[-1]), wanted - count(found[-1])
        fork = begun.parent
    beginning = [Block(Absent(INHERITED), 0, kept)] if kept else []
    blocks = (*beginning, *(block for group in reversed(found) for block in group))
    return state._replace(blocks=blocks)


def _present(parent: State, wanted: int) -> list[Block]:
    """Return the parent's own blocks that hold its last `wanted` items, as inherited ones."""
    blocks = parent.blocks[len(parent.blocks) - len(last(parent.blocks, wanted)) :]
    return [
        block._replace(holder=Inherited(block.holder))
        for block in blocks
        if not is_inherited_absent(block)
    ]
