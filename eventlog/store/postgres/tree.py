"""The tree in PostgreSQL: every question is one statement."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from eventlog.format.records import SignedHead
from eventlog.proof.merkle import TileId
from eventlog.store.contract.tree import IntegrityViolation, Leaf, Shape, ViolationKind
from eventlog.store.sql.names import PostgresTreeStatements, PostgresViolationStatements
from eventlog.store.sql.statement import Statement

_Run = Callable[[Statement, dict[str, Any]], Awaitable[list[Any]]]


class PostgresTree:
    """A TreeSource; `run` sends a statement."""

    def __init__(
        self, sql: PostgresTreeStatements, oddities: PostgresViolationStatements, run: _Run
    ) -> None:
        self._sql = sql
        self._oddities = oddities
        self._run = run

    async def size(self) -> int:
        found = await self._run(self._sql.size, {})
        return found[0][0] if found else 0

    async def leaves(self, after: int, limit: int) -> list[Leaf]:
        found = await self._run(self._sql.leaves, {"after": after, "limit": limit})
        return [Leaf._make(row) for row in found]

    async def tiles(self, wanted: Collection[TileId]) -> dict[TileId, bytes]:
        found = await self._run(self._sql.tiles, _arrays(wanted))
        return {TileId(level, number): hashes for level, number, hashes in found}

    async def save(self, tiles: Mapping[TileId, bytes]) -> None:
        values = {**_arrays(tiles), "every_hashes": list(tiles.values())}
        await self._run(self._sql.save, values)

    async def places(
        self, stream_id: bytes, after: int, until: int, limit: int
    ) -> list[tuple[int, int]]:
        values = {"stream_id": stream_id, "after": after, "until": until, "limit": limit}
        return [(row[0], row[1]) for row in await self._run(self._sql.places, values)]

    async def shapes(self) -> list[Shape]:
        return [Shape._make(row) for row in await self._run(self._sql.shapes, {})]

    async def oddities(self, tenant: str) -> list[IntegrityViolation]:
        sql = self._oddities
        found: list[IntegrityViolation] = []
        for statement in (sql.created, sql.disordered, sql.unplaced, sql.queued, sql.end):
            rows = await self._run(statement, {"tenant": tenant})
            found += [IntegrityViolation(ViolationKind(row[0]), *row[1:]) for row in rows]
        return found

    async def save_head(self, head: SignedHead) -> None:
        await self._run(self._sql.save_head, head._asdict())

    async def heads(self, after: int, limit: int) -> list[SignedHead]:
        found = await self._run(self._sql.heads, {"after": after, "limit": limit})
        return [SignedHead._make(row) for row in found]

    async def last_head(self) -> SignedHead | None:
        found = await self._run(self._sql.last_head, {})
        return SignedHead._make(found[0]) if found else None


def _arrays(tiles: Collection[TileId]) -> dict[str, Any]:
    return {
        "every_level": [tile.level for tile in tiles],
        "every_number": [tile.number for tile in tiles],
    }
