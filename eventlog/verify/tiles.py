"""Comparing the stored tiles of the tree with those that follow from the feed.

Rule: every row of `tree` follows from the feed. One that is missing is made anew by whoever extends
the tree: a warning. One that says something else, or more than the feed has, is a fault.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from eventlog.proof.merkle import HASH_BYTES, TILE_HEIGHT, TILE_WIDTH, TileId
from eventlog.store.contract.tree import Shape, TreeSource
from eventlog.verify.diagnosis import Finding
from eventlog.verify.faults import VerifyWarning

SHOWN: Final = 3
"""How many of the rows that are missing are named."""

Misfit = tuple[int, Finding]
"""A position, and what is wrong with the tree there."""


class TileCheck:
    """Compares tiles as they are hashed, and counts those that are there."""

    def __init__(self, source: TreeSource) -> None:
        self.size = 0
        """How many positions the tree has."""
        self._source = source
        self._shapes: list[Shape] = []
        self._least = 0
        self._rows: Counter[int] = Counter()
        self._bytes: Counter[int] = Counter()
        self._gone: list[TileId] = []
        self._differs = False

    async def begin(self, signed: int) -> None:
        """Look at what there is, before the end of the feed is: it may grow meanwhile.

        The tree has had at least the `signed` positions of the last head.
        """
        self._shapes = await self._source.shapes()
        self.size = await self._source.size()
        self._least = max(signed, self.size)

    def pass_over(self, size: int) -> None:
        """Take the full tiles of a tree of `size` for granted: they are not compared."""
        level = 0
        while size := size // TILE_WIDTH:
            self._rows[level] = size
            self._bytes[level] = size * TILE_WIDTH * HASH_BYTES
            level += 1

    async def compare(self, grown: Mapping[TileId, bytes], *, last: bool = False) -> Misfit | None:
        """Compare tiles, and count those that are full, or the `last` ones of their level.

        Return the first hash that is another one, once.
        """
        if self._differs:
            return None
        stored = await self._source.tiles(grown)
        for tile in sorted(grown):
            ours, theirs = grown[tile], stored.get(tile)
            if theirs is not None and theirs[: len(ours)] != ours[: len(theirs)]:
                self._differs = True
                return _first_difference(tile, ours, theirs), _ANOTHER_HASH
            if last or len(ours) == TILE_WIDTH * HASH_BYTES:
                self._count(tile, ours, theirs)
        return None

    def beyond(self, end: int) -> Misfit | None:
        """Return what the tree has that no position of the feed, which ends at `end`, stands for.

        Asked once all tiles were compared.
        """
        if self._differs:
            return None
        if self.size > end:
            detail = f"the tree has {self.size} positions, the feed only {end}"
            return end + 1, Finding("missing", detail)
        for shape in self._shapes:
            level = shape.level
            if shape.tiles > self._rows[level] or shape.bytes > self._bytes[level]:
                detail = f"the tree has more on level {level} than follows from the feed"
                return end + 1, Finding("inserted", detail)
        return None

    def missing(self) -> list[VerifyWarning]:
        """Return a warning of rows, or ends of rows, that are not there any more."""
        if self._differs or not self._gone:
            return []
        named = ", ".join(f"level {level} number {number}" for level, number in self._gone[:SHOWN])
        more = f" and {len(self._gone) - SHOWN:,} more" if len(self._gone) > SHOWN else ""
        detail = (
            f"the table tree lacks hashes that it had: {named}{more}. They follow from the feed,"
            " and the next head makes them anew (eventlog head)"
        )
        return [VerifyWarning("tree", detail)]

    def _count(self, tile: TileId, ours: bytes, theirs: bytes | None) -> None:
        if theirs is not None:
            self._rows[tile.level] += 1
            self._bytes[tile.level] += min(len(ours), len(theirs))
        had = (self._least >> TILE_HEIGHT * tile.level) - tile.number * TILE_WIDTH
        if len(theirs or b"") < min(len(ours), max(had, 0) * HASH_BYTES):
            self._gone.append(tile)


_ANOTHER_HASH: Final = Finding("edited", "the tree holds another hash than that of the event")


def _first_difference(tile: TileId, ours: bytes, theirs: bytes) -> int:
    """Return the first position that the first differing hash of the tile is over."""
    same = next(at for at, byte in enumerate(theirs) if byte != ours[at])
    index = tile.number * TILE_WIDTH + same // HASH_BYTES
    return (index << TILE_HEIGHT * tile.level) + 1
