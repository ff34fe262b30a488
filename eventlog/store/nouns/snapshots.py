"""Snapshots of streams: what is stored beside the events, and can be lost."""

from collections.abc import Iterable, Mapping, Sequence

from eventlog.format.records import FoldInput
from eventlog.store.contract.snapshots import (
    Loaded,
    Snapshot,
    Sources,
    dump_pieces,
    last_pieces,
    load_snapshot,
)
from eventlog.store.nouns.work import Each, Noun, Runner, Work, ask, reads, writes
from eventlog.store.sql.names import SnapshotStatements, SqliteSnapshotStatements


class SnapshotsAlike(Noun):
    """What a SnapshotSource does alike on both databases."""

    def __init__(self, runner: Runner, sql: SnapshotStatements) -> None:
        super().__init__(runner)
        self._dropped = (sql.drop_snapshots, sql.drop_segments)
        self._tail = sql.tail
        self._salt_of = sql.salt_of
        self._versions = sql.snapshot_versions

    @reads
    def tail(self, stream_id: bytes, after: int, until: int) -> Work[list[FoldInput]]:
        return (yield from self.read_tail(stream_id, after, until))

    @reads
    def versions(self, stream_id: bytes, schema: int) -> Work[list[int]]:
        rows = yield ask(self._versions, stream_id=stream_id, schema=schema)
        return [row[0] for row in rows]

    @writes
    def drop(self, stream_id: bytes) -> Work[None]:
        for statement in self._dropped:
            yield ask(statement, stream_id=stream_id)

    def read_salt(self, stream_id: bytes, snapshot: Snapshot) -> Work[bytes | None]:
        """Read the salt of the event that a snapshot is of; None if it has no content any more."""
        place = {"version": snapshot.version, "hash": snapshot.hash}
        rows = yield ask(self._salt_of, stream_id=stream_id, **place)
        return rows[0][0] if rows else None

    def read_tail(self, stream_id: bytes, after: int, until: int) -> Work[list[FoldInput]]:
        """Read a page of what is behind `after`, and before it the event at `after` itself."""
        rows = yield ask(self._tail, stream_id=stream_id, after=after, until=until)
        return [FoldInput._make(row) for row in rows]


class Snapshots(SnapshotsAlike):
    """A SnapshotSource, statement by statement: for a database that is in the same process."""

    def __init__(self, runner: Runner, sql: SqliteSnapshotStatements) -> None:
        super().__init__(runner, sql)
        self._sql = sql

    @reads
    def load(self, stream_id: bytes, schema: int, until: int, wanted: int) -> Work[Loaded]:
        snapshot: Snapshot | None = None
        is_refused = False
        rows = yield ask(self._sql.newest, stream_id=stream_id, schema=schema, until=until)
        for version, chained, pieces, salt in rows:
            snapshot = load_snapshot(version, chained, pieces, salt)
            is_refused = snapshot is None
        last = () if snapshot is None else last_pieces(snapshot.pieces, wanted)
        segments = [piece.source for piece in last if piece.source > 0]
        versions = [-piece.source for piece in last if piece.source < 0]
        found = yield from self._read_sources(stream_id, segments, versions)
        after = 0 if snapshot is None else snapshot.version
        tail = yield from self.read_tail(stream_id, after, until)
        if not after:
            return Loaded(snapshot, is_refused, *found, tail)
        return Loaded(snapshot, is_refused, *found, tail[1:], tail[0].key_id)

    @reads
    def sources(
        self, stream_id: bytes, segments: Sequence[int], versions: Sequence[int]
    ) -> Work[Sources]:
        return (yield from self._read_sources(stream_id, segments, versions))

    def _read_sources(
        self, stream_id: bytes, segments: Iterable[int], versions: Iterable[int]
    ) -> Work[Sources]:
        bodies: dict[int, bytes] = {}
        for segment_id in segments:
            rows = yield ask(self._sql.segment, stream_id=stream_id, segment_id=segment_id)
            bodies.update((segment_id, row[0]) for row in rows)
        entries: dict[int, FoldInput] = {}
        for version in versions:
            rows = yield ask(self._sql.one_entry, stream_id=stream_id, version=version)
            entries.update((version, FoldInput._make(row)) for row in rows)
        return Sources(bodies, entries)

    @writes
    def save(
        self, stream_id: bytes, schema: int, snapshot: Snapshot, segments: Mapping[int, bytes]
    ) -> Work[bool]:
        key = {"stream_id": stream_id, "schema": schema, "version": snapshot.version}
        salt = yield from self.read_salt(stream_id, snapshot)
        if salt is None or (yield ask(self._sql.erased_since, **key)):
            return False
        found = yield ask(self._sql.hash_of, **key)
        if found and found[0][0] == snapshot.hash:
            return False
        if found:
            yield ask(self._sql.drop_from, **key)
        pieces = dump_pieces(snapshot, salt)
        yield ask(self._sql.save_snapshot, hash=snapshot.hash, pieces=pieces, **key)
        of = {"stream_id": stream_id}
        new = [{**of, "segment_id": one, "body": body} for one, body in segments.items()]
        yield Each(self._sql.save_segment, new)
        return True
