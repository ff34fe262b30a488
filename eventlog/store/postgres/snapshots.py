"""Snapshots on PostgreSQL: a load is one statement and one round trip, and so are the others."""

from collections.abc import Mapping, Sequence
from typing import Any

from eventlog.errors import RefusedValueError, StoreError
from eventlog.format.records import FoldInput
from eventlog.store.contract.snapshots import Loaded, Snapshot, Sources, dump_pieces, load_snapshot
from eventlog.store.nouns.concerned import of_arguments
from eventlog.store.nouns.snapshots import SnapshotsAlike
from eventlog.store.nouns.work import Work, ask, reads, writes
from eventlog.store.postgres.appending.heads import Heads
from eventlog.store.postgres.runner import PostgresRunner
from eventlog.store.sql.constants import REFERRED, SEGMENT, SNAPSHOT, TAIL
from eventlog.store.sql.names import PostgresSnapshotStatements


class PostgresSnapshots(SnapshotsAlike):
    """A SnapshotSource that lets `heads` know of the events that it comes by."""

    def __init__(
        self, runner: PostgresRunner, sql: PostgresSnapshotStatements, heads: Heads
    ) -> None:
        super().__init__(runner, sql)
        self._heads = heads
        self._fetch = runner.fetch
        self._sql = sql

    async def load(self, stream_id: bytes, schema: int, until: int, wanted: int) -> Loaded:
        values = {"stream_id": stream_id, "schema": schema, "until": until, "wanted": wanted}
        try:
            rows = await self._fetch(self._sql.load, values)
        except RefusedValueError:  # Its pieces are none, or nest too deep to be looked at.
            return await self._without_snapshot(stream_id, until)
        except StoreError as error:
            failed = of_arguments(error, [stream_id])
            raise failed from failed.__cause__
        newest = [FoldInput._make(row[1:]) for row in rows if row[0] == SNAPSHOT]
        snapshot = _snapshot(newest[0]) if newest else None
        if newest and newest[0].schema and snapshot is None:
            return await self._without_snapshot(stream_id, until)
        tail = sorted(FoldInput._make(row[1:]) for row in rows if row[0] == TAIL)
        if tail:
            self._heads.read(stream_id, tail[-1].version, tail[-1].hash)
        is_refused = bool(newest) and snapshot is None
        key_id = newest[0].key_id if newest else None
        return Loaded(snapshot, is_refused, *_sorted_out(rows), tail, key_id)

    def read_tail(self, stream_id: bytes, after: int, until: int) -> Work[list[FoldInput]]:
        found = yield from super().read_tail(stream_id, after, until)
        if found:
            self._heads.read(stream_id, found[-1].version, found[-1].hash)
        return found

    async def _without_snapshot(self, stream_id: bytes, until: int) -> Loaded:
        tail = await self.tail(stream_id, 0, until)
        return Loaded(None, is_refused=True, segments={}, entries={}, tail=tail)

    @reads
    def sources(
        self, stream_id: bytes, segments: Sequence[int], versions: Sequence[int]
    ) -> Work[Sources]:
        wanted = {"segments": segments, "versions": versions}
        return _sorted_out((yield ask(self._sql.sources, stream_id=stream_id, **wanted)))

    @writes
    def save(
        self, stream_id: bytes, schema: int, snapshot: Snapshot, segments: Mapping[int, bytes]
    ) -> Work[bool]:
        of = {"stream_id": stream_id, "schema": schema}
        key = {**of, "version": snapshot.version, "hash": snapshot.hash}
        salt = yield from self.read_salt(stream_id, snapshot)
        if salt is None:
            return False
        yield ask(self._sql.drop_stale, **key)
        new = {"segment_ids": list(segments), "bodies": list(segments.values())}
        pieces = dump_pieces(snapshot, salt)
        return bool((yield ask(self._sql.save, pieces=pieces, **key, **new)))


def _snapshot(row: FoldInput) -> Snapshot | None:
    """Read the row of a snapshot; its `schema` says whether it is on the chain."""
    return load_snapshot(row.version, row.hash, row.kind, row.header) if row.schema else None


def _sorted_out(rows: Sequence[Any]) -> Sources:
    return Sources(
        {row[1]: row[7] for row in rows if row[0] == SEGMENT},
        {row[1]: FoldInput._make(row[1:]) for row in rows if row[0] == REFERRED},
    )
