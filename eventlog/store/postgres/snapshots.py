"""Snapshots in PostgreSQL: every question is one statement."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import asyncpg

from eventlog.errors import UnavailableError
from eventlog.format.records import FoldInput
from eventlog.store.contract.snapshots import Loaded, Snapshot, Sources, dump_pieces, load_snapshot
from eventlog.store.sql.constants import REFERRED, SEGMENT, SNAPSHOT, TAIL
from eventlog.store.sql.names import PostgresSnapshotStatements
from eventlog.store.sql.statement import Statement

_Run = Callable[[Statement, dict[str, Any]], Awaitable[list[Any]]]


_NO_PIECES: Final = (asyncpg.DataError, asyncpg.StatementTooComplexError)
"""What PostgreSQL says to text that is no list of pieces, or nests too deep to be looked at."""


class PostgresSnapshots:
    """A SnapshotSource; `run` sends a statement."""

    def __init__(self, sql: PostgresSnapshotStatements, run: _Run) -> None:
        self._sql = sql
        self._run = run

    async def tail(self, stream_id: bytes, after: int, until: int) -> list[FoldInput]:
        values = {"stream_id": stream_id, "after": after, "until": until}
        return [FoldInput._make(row) for row in await self._run(self._sql.tail, values)]

    async def load(self, stream_id: bytes, schema: int, until: int, wanted: int) -> Loaded:
        values = {"stream_id": stream_id, "schema": schema, "until": until, "wanted": wanted}
        try:
            rows = await self._run(self._sql.load, values)
        except UnavailableError as error:
            if not isinstance(error.__cause__, _NO_PIECES):
                raise
            return await self._without_snapshot(stream_id, until)  # Its pieces are none.
        newest = [FoldInput._make(row[1:]) for row in rows if row[0] == SNAPSHOT]
        snapshot = _snapshot(newest[0]) if newest else None
        if newest and newest[0].schema and snapshot is None:
            return await self._without_snapshot(stream_id, until)
        tail = sorted(FoldInput._make(row[1:]) for row in rows if row[0] == TAIL)
        is_refused = bool(newest) and snapshot is None
        key_id = newest[0].key_id if newest else None
        return Loaded(snapshot, is_refused, *_sorted_out(rows), tail, key_id)

    async def _without_snapshot(self, stream_id: bytes, until: int) -> Loaded:
        tail = await self.tail(stream_id, 0, until)
        return Loaded(None, is_refused=True, segments={}, entries={}, tail=tail)

    async def sources(
        self, stream_id: bytes, segments: Sequence[int], versions: Sequence[int]
    ) -> Sources:
        values = {"stream_id": stream_id, "segments": segments, "versions": versions}
        return _sorted_out(await self._run(self._sql.sources, values))

    async def save(
        self, stream_id: bytes, schema: int, snapshot: Snapshot, segments: Mapping[int, bytes]
    ) -> bool:
        key = {
            "stream_id": stream_id,
            "schema": schema,
            "version": snapshot.version,
            "hash": snapshot.hash,
        }
        await self._run(self._sql.drop_stale, key)
        values = {
            **key,
            "pieces": dump_pieces(snapshot),
            "segment_ids": list(segments),
            "bodies": list(segments.values()),
        }
        return bool(await self._run(self._sql.save, values))

    async def drop(self, stream_id: bytes) -> None:
        for statement in (self._sql.drop_snapshots, self._sql.drop_segments):
            await self._run(statement, {"stream_id": stream_id})


def _snapshot(row: FoldInput) -> Snapshot | None:
    """Read the row of a snapshot; its `schema` says whether it is on the chain."""
    return load_snapshot(row.version, row.hash, row.kind) if row.schema else None


def _sorted_out(rows: Sequence[Any]) -> Sources:
    return Sources(
        {row[1]: row[7] for row in rows if row[0] == SEGMENT},
        {row[1]: FoldInput._make(row[1:]) for row in rows if row[0] == REFERRED},
    )
