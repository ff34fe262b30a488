"""The Merkle tree of the log: extended when a head is asked for, signed, and used for proofs.

Rule: the tree is a function of the feed, so any number of processes that extend it at once write
the same tiles, and one that stops in between leaves a valid prefix. A head is signed only if the
tree is consistent with the head before it.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, Protocol

import msgspec

from eventlog.errors import BrokenTreeError, InvalidMomentError
from eventlog.format.names import MAIN
from eventlog.format.questions import check_version
from eventlog.format.records import SignedHead
from eventlog.paging import PAGE, Paged
from eventlog.proof import merkle
from eventlog.proof.checkpoint import Signer
from eventlog.proof.merkle import Span, TileId
from eventlog.store.contract.log import MAX_VERSION
from eventlog.store.contract.rights import Rights
from eventlog.store.contract.tree import BEFORE_ALL, TreeSource

_log: Final = logging.getLogger("eventlog.tree")

LEAVES: Final = 16 * merkle.TILE_WIDTH
"""Maximum number of positions that are hashed at a time: memory stays bounded."""


class Inclusion(msgspec.Struct, frozen=True):
    """The position of an event, and the hashes that lead from its leaf to the root."""

    position: int
    size: int
    hashes: list[bytes]


class Identify(Protocol):
    """Give the id of a stream, by its conversation's name and branch."""

    def __call__(self, stream: str, *, branch: str) -> bytes:
        """Raise InvalidNameError for what cannot be a name."""
        ...


class Tree:
    """The tree of one log, over all its tenants; streams are those of `identify`'s tenant.

    Every method raises StoreError where the database fails.
    """

    def __init__(
        self,
        source: TreeSource,
        rights: Callable[[], Awaitable[Rights]],
        position: Callable[[], Awaitable[int]],
        identify: Identify,
        clock: Callable[[], int],
    ) -> None:
        self._source = source
        self._rights = rights
        self._position = position
        self._identify = identify
        self._clock = clock

    async def head(self, signer: Signer) -> SignedHead:
        """Sign and store a head over all events that were committed before the call; return it.

        What is missing of the tree, on any level, is made anew before.
        Raises BrokenTreeError if the tree is not consistent with the last head.
        """
        size = await self.extend()
        if await self._has_holes(size):
            await self._make_anew(size)
        await self._check_last_head()
        root = await self.root(size)
        head = SignedHead(size, root, signer.sign(size, root), self._clock())
        await self._source.save_head(head)
        return head

    def heads(self, after: int = BEFORE_ALL) -> Paged[SignedHead]:
        """Iterate over the stored heads of more than `after` events, smallest first."""
        if after != BEFORE_ALL:
            check_version("after", after)

        async def page(last: SignedHead | None) -> list[SignedHead]:
            return await self._source.heads(after if last is None else last.size, PAGE)

        return Paged(page)

    async def last_head(self) -> SignedHead | None:
        """Return the stored head of the most events, or None."""
        return await self._source.last_head()

    async def extend(self) -> int:
        """Extend the tree by all events that were committed before the call; return its size.

        For a role that may not extend it, return the size that it has. It ends before a position
        that was given for an event which its stream never had, and a warning says so: `eventlog
        repair feed` mends that. Raises BrokenTreeError if the feed has a gap, or is shorter than
        the tree.
        """
        size = await self._source.size()
        end = await self._position()
        if end < size:
            raise BrokenTreeError(f"The tree has {size} positions, the feed only {end}")
        if size < end and not (await self._rights()).extends:
            return size
        while size < end:
            wanted = min(LEAVES, end - size)
            grown = await self._grow(size, wanted)
            size += grown
            if grown < wanted:
                break
        return size

    async def root(self, size: int) -> bytes:
        """Return the root of the first `size` positions. Raises BrokenTreeError."""
        return (await self._hashes(merkle.whole_tree(check_version("size", size))))[0]

    async def prove_inclusion(
        self, stream: str, version: int, size: int | None = None, *, branch: str = MAIN
    ) -> Inclusion:
        """Prove that an event is among the first `size` positions; None means all there are.

        Raises InvalidMomentError for an event that is not there, or was not yet.
        """
        stream_id = self._identify(stream, branch=branch)
        if check_version("version", version) < 1:
            raise InvalidMomentError(f"Versions of conversation {stream!r} begin at 1.")
        size = await self._reached(size)
        places = await self._source.places(stream_id, version - 1, version, 1)
        if not places or places[0][1] > size:
            raise InvalidMomentError(
                f"Version {version} of conversation {stream!r} is not among the first {size}"
                " positions of the feed. Ask for a version that is there, or a later head."
            )
        hashes = await self._hashes(merkle.inclusion_spans(places[0][1] - 1, size))
        return Inclusion(places[0][1], size, hashes)

    async def last_version(self, stream: str, size: int, *, branch: str = MAIN) -> int:
        """Return the last version of a stream among the first `size` positions, or 0."""
        stream_id = self._identify(stream, branch=branch)
        check_version("size", size)
        last, after = 0, 0
        while places := await self._source.places(stream_id, after, MAX_VERSION, PAGE):
            covered = [version for version, position in places if position <= size]
            last = max(last, *covered, 0)
            if len(covered) < len(places):
                break
            after = places[-1][0]
        return last

    async def prove_consistency(self, old: int, new: int | None = None) -> list[bytes]:
        """Prove that the tree of `new` begins with the tree of `old`; None means all there is.

        Raises InvalidMomentError for sizes that the tree does not have, or in a wrong order.
        """
        check_version("old", old)
        new = await self._reached(new)
        if not 0 <= old <= new:
            raise InvalidMomentError(f"A tree of {new} does not continue one of {old}.")
        return await self._hashes(merkle.consistency_spans(old, new))

    async def _reached(self, size: int | None) -> int:
        if size is not None:
            check_version("size", size)
        end = await self.extend()
        if size is not None and not 0 <= size <= end:
            raise InvalidMomentError(f"There is no tree of {size}: the feed has {end} positions.")
        return end if size is None else size

    async def _grow(self, size: int, limit: int) -> int:
        leaves = await self._source.leaves(size, limit)
        hashes: list[bytes] = []
        for position, (found, hashed, is_nowhere) in enumerate(leaves, size + 1):
            if found == position and is_nowhere:
                _log.warning(
                    "Position %d of the feed was given for an event that was never there: heads end"
                    " before it until `eventlog repair feed` has mended it.",
                    position,
                )
                break
            if found != position or hashed is None:
                raise BrokenTreeError(f"Position {position} of the feed, or its event, is missing")
            hashes.append(merkle.leaf_hash(hashed))
        if not hashes and leaves:
            return 0
        if not hashes:
            raise BrokenTreeError(f"Position {size + 1} of the feed is missing")
        edge = await self._source.tiles(merkle.edge_of(size))
        try:
            grown = merkle.grow(size, edge, hashes)
        except ValueError:
            await self._make_anew(size)
            return await self._grow(size, limit)
        await self._source.save(grown)
        return len(hashes)

    async def _check_last_head(self) -> None:
        last = await self.last_head()
        if last is None:
            return
        if await self._source.size() < last.size or await self.root(last.size) != last.root:
            raise BrokenTreeError(f"The tree does not continue the head of {last.size} positions")

    async def _hashes(self, spans: Iterable[Span]) -> list[bytes]:
        spans = list(spans)
        try:
            return await self._hashed(spans)
        except ValueError:
            await self._make_anew(max(span.stop for span in spans))
        try:
            return await self._hashed(spans)
        except ValueError as error:
            raise BrokenTreeError("The tree lacks hashes that a proof needs") from error

    async def _hashed(self, spans: Sequence[Span]) -> list[bytes]:
        tiles = await self._source.tiles(merkle.tiles_of(spans))
        return [merkle.hash_of(span, tiles) for span in spans]

    async def _has_holes(self, size: int) -> bool:
        """Tell whether a level has fewer hashes than a tree of `size` has there."""
        there = {shape.level: shape.bytes for shape in await self._source.shapes()}
        level = 0
        while size:
            if there.get(level, 0) < size * merkle.HASH_BYTES:
                return True
            level, size = level + 1, size // merkle.TILE_WIDTH
        return False

    async def _make_anew(self, size: int) -> None:
        """Store what is missing of the first `size` positions, from the feed.

        What is there stays as it is: that it is right is for `verify` to say. Raises
        BrokenTreeError where the feed has not that many, or this role stores nothing.
        """
        if not (await self._rights()).extends:
            raise BrokenTreeError(
                f"The tree lacks hashes of its first {size} positions, and this role may not make"
                " them anew. Whoever signs heads does so: eventlog head"
            )
        _log.warning("the tree lacks hashes: its first %d positions are hashed anew", size)
        done = 0
        edge: dict[TileId, bytes] = {}
        while done < size:
            leaves = await self._source.leaves(done, min(LEAVES, size - done))
            hashes = [merkle.leaf_hash(hashed) for _, hashed, _ in leaves if hashed is not None]
            if not hashes or leaves[-1][0] != done + len(hashes):
                raise BrokenTreeError(
                    f"A position of the feed behind {done}, or its event, is missing"
                )
            grown = merkle.grow(done, edge, hashes)
            await self._source.save(grown)
            done += len(hashes)
            edge = {tile: {**edge, **grown}[tile] for tile in merkle.edge_of(done)}
