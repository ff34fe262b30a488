"""A feed, its tree and its heads, as a store of the tests keeps them."""

from collections.abc import Collection, Mapping
from hashlib import sha256
from typing import Final

from eventlog import Signer
from eventlog.format.records import SignedHead
from eventlog.proof.merkle import HASH_BYTES, TILE_WIDTH, TileId, grow, leaf_hash, root_of
from eventlog.store.contract.tree import EventAt, IntegrityViolation, LeafRow, Placed, Shape

SIGNER: Final = Signer("example.com/log", bytes(32))
SIZE: Final = 2 * TILE_WIDTH + 5
DIGESTS: Final = [sha256(number.to_bytes(4)).digest() for number in range(SIZE)]
TENANT: Final = "ours"


def root(size: int) -> bytes:
    return root_of([leaf_hash(digest) for digest in DIGESTS[:size]])


def head(size: int) -> SignedHead:
    return SignedHead(size, root(size), SIGNER.sign(size, root(size)), 0)


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


class Kept:
    """A TreeSource over a feed of SIZE events, for a test to change. Nothing can be saved in it."""

    def __init__(self) -> None:
        self.feed: list[LeafRow] = [
            (place, digest, False) for place, digest in enumerate(DIGESTS, 1)
        ]
        self.stored = grow(0, {}, [leaf_hash(digest) for digest in DIGESTS])
        self.signed: list[SignedHead] = []
        self.odd: list[IntegrityViolation] = []
        self.named: dict[int, EventAt] = {}
        self.ends_asked_for = 0

    async def position(self) -> int:
        self.ends_asked_for += 1
        return len(self.feed)

    async def leaves(self, after: int, limit: int) -> list[LeafRow]:
        return self.feed[after : after + limit]

    async def placed(self, after: int, until: int, limit: int) -> list[Placed]:
        return []

    async def tiles(self, wanted: Collection[TileId]) -> dict[TileId, bytes]:
        return {tile: self.stored[tile] for tile in wanted if tile in self.stored}

    async def shapes(self) -> list[Shape]:
        found: list[Shape] = []
        for level in {tile.level for tile in self.stored}:
            tiles = {tile.number: data for tile, data in self.stored.items() if tile.level == level}
            size = sum(map(len, tiles.values()))
            found.append(Shape(level, len(tiles), min(tiles), max(tiles), size))
        return found

    async def event_at(self, position: int) -> EventAt | None:
        return self.named.get(position)

    async def violations(self, tenant: str | None) -> list[IntegrityViolation]:
        assert tenant == TENANT
        return self.odd

    async def heads(self, after: int, limit: int) -> list[SignedHead]:
        return [one for one in self.signed if one.size > after][: min(limit, 2)]

    async def last_head(self) -> SignedHead | None:
        return self.signed[-1] if self.signed else None

    async def size(self) -> int:
        last = max((tile.number for tile in self.stored if not tile.level), default=None)
        if last is None:
            return 0
        return last * TILE_WIDTH + len(self.stored[TileId(0, last)]) // HASH_BYTES

    async def save(self, tiles: Mapping[TileId, bytes]) -> None:
        raise NotImplementedError

    async def save_head(self, head: SignedHead) -> None:
        raise NotImplementedError

    async def places(
        self, stream_id: bytes, after: int, until: int, limit: int
    ) -> list[tuple[int, int]]:
        raise NotImplementedError
