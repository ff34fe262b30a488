"""What a fork began with: items of its parent's past, and of that one's parent before it.

Rule: one ancestor after the other, and no further than the items that are wanted lie. Nothing is
copied into the fork; the past of an ancestor does not change.
"""

from typing import NamedTuple, Protocol

from eventlog.errors import CorruptEventError
from eventlog.format.records import StreamRow
from eventlog_projections.items.blocks import Block, count
from eventlog_projections.items.holders import INHERITED, Absent, Inherited
from eventlog_projections.items.state import State


class ForkOrigin(NamedTuple):
    """How a fork began: as the first `kept` items of its parent at a version."""

    row: StreamRow
    """The parent's."""
    parent: "OwnList"
    at_version: int
    kept: int


class OwnList(Protocol):
    """A list, without what it inherited."""

    @property
    def display_name(self) -> str:
        """What errors call it."""
        ...

    async def origin(self) -> ForkOrigin:
        """Return how the fork began. Raises CorruptEventError if it is none."""
        ...

    async def own(self, version: int, kept: int, wanted: int, *, anew: bool) -> State | None:
        """Return the first `kept` items at a version; the last `wanted` of these are there.

        Items that it inherited itself stay absent. With `anew`, without what was stored. None if
        what was stored cannot be used.
        """
        ...


def is_inherited_absent(block: Block) -> bool:
    """Tell whether these are inherited items that were not fetched yet."""
    return isinstance(block.holder, Absent) and block.holder.source == INHERITED


async def inherit(fork: OwnList, state: State, wanted: int, *, anew: bool = False) -> State | None:
    """Fetch what of its last `wanted` items the fork inherited; None if that cannot be used.

    Raises CorruptEventError where an ancestor does not have what the fork began with.
    """
    if not state.blocks or not is_inherited_absent(state.blocks[0]):
        return state
    absent, *rest = state.blocks
    found: list[list[Block]] = [rest]
    kept, wanted = absent.stop, wanted - count(rest)
    seen: set[bytes] = set()
    while min(kept, wanted) > 0:
        origin = await fork.origin()
        if origin.row.stream_id in seen or kept > origin.kept:
            raise CorruptEventError(fork.display_name, 1, "it does not say what it is a fork of")
        seen.add(origin.row.stream_id)
        parent = await origin.parent.own(origin.at_version, kept, wanted, anew=anew)
        if parent is None:
            return None
        if parent.total < kept:
            raise CorruptEventError(fork.display_name, 1, "its parent had fewer items than it says")
        found.append(_present(parent, wanted))
        kept, wanted = kept - count(found[-1]), wanted - count(found[-1])
        fork = origin.parent
    beginning = [Block(Absent(INHERITED), 0, kept)] if kept else []
    blocks = (*beginning, *(block for group in reversed(found) for block in group))
    return state._replace(blocks=blocks)


def _present(parent: State, wanted: int) -> list[Block]:
    """Return the parent's own blocks that hold its last `wanted` items, as inherited ones."""
    blocks = parent.blocks[len(parent.blocks) - len(parent.last(wanted)) :]
    return [
        block._replace(holder=Inherited(block.holder))
        for block in blocks
        if not is_inherited_absent(block)
    ]
