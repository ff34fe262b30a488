"""The tree in a SQLite file."""

import sqlite3
from collections.abc import Collection, Mapping
from typing import Any

from eventlog.format.records import SignedHead
from eventlog.proof.merkle import TileId
from eventlog.store.contract.tree import IntegrityViolation, Leaf, Shape, ViolationKind
from eventlog.store.sql.statement import Statement
from eventlog.store.sqlite.snapshots import Hop, in_transaction, rows, run
from eventlog.store.sqlite.statements import TREE, VIOLATIONS


class SqliteTree:
    """A TreeSource. `read` and `write` run on the reading and on the writing connection."""

    def __init__(self, read: Hop, write: Hop) -> None:
        self._read = read
        self._write = write

    async def size(self) -> int:
        found = await self._rows(TREE.size, {})
        return found[0][0] if found else 0

    async def leaves(self, after: int, limit: int) -> list[Leaf]:
        found = await self._rows(TREE.leaves, {"after": after, "limit": limit})
        return [Leaf._make(row) for row in found]

    async def tiles(self, wanted: Collection[TileId]) -> dict[TileId, bytes]:
        def ask(db: sqlite3.Connection) -> dict[TileId, bytes]:
            return {tile: row[0] for tile in wanted for row in rows(db, TREE.tile, tile._asdict())}

        tiles: dict[TileId, bytes] = await self._read(ask)
        return tiles

    async def save(self, tiles: Mapping[TileId, bytes]) -> None:
        def write(db: sqlite3.Connection) -> bool:
            for tile, hashes in tiles.items():
                run(db, TREE.save, {**tile._asdict(), "hashes": hashes})
            return True

        await self._write(lambda db: in_transaction(db, write))

    async def places(
        self, stream_id: bytes, after: int, until: int, limit: int
    ) -> list[tuple[int, int]]:
        values = {"stream_id": stream_id, "after": after, "until": until, "limit": limit}
        return await self._rows(TREE.places, values)

    async def shapes(self) -> list[Shape]:
        return [Shape._make(row) for row in await self._rows(TREE.shapes, {})]

    async def oddities(self, tenant: str) -> list[IntegrityViolation]:
        found: list[IntegrityViolation] = []
        for statement in (VIOLATIONS.created, VIOLATIONS.disordered, VIOLATIONS.end):
            rows = await self._rows(statement, {"tenant": tenant})
            found += [IntegrityViolation(ViolationKind(row[0]), *row[1:]) for row in rows]
        return found

    async def save_head(self, head: SignedHead) -> None:
        await self._write(lambda db: run(db, TREE.save_head, head._asdict()))

    async def heads(self, after: int, limit: int) -> list[SignedHead]:
        found = await self._rows(TREE.heads, {"after": after, "limit": limit})
        return [SignedHead._make(row) for row in found]

    async def last_head(self) -> SignedHead | None:
        found = await self._rows(TREE.last_head, {})
        return SignedHead._make(found[0]) if found else None

    async def _rows(self, statement: Statement, values: Mapping[str, Any]) -> list[Any]:
        found: list[Any] = await self._read(lambda db: rows(db, statement, values))
        return found
