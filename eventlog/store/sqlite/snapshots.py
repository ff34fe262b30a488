"""Snapshots in a SQLite file: every question is one function on a connection's thread."""

import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from eventlog.format.records import FoldInput
from eventlog.store.contract.snapshots import (
    Loaded,
    Snapshot,
    Sources,
    dump_pieces,
    last_pieces,
    load_snapshot,
)
from eventlog.store.sql.statement import Statement
from eventlog.store.sqlite.statements import SNAPSHOTS

Hop = Callable[[Callable[[sqlite3.Connection], Any]], Awaitable[Any]]
"""Runs a function on the thread of a connection."""


class SqliteSnapshots:
    """A SnapshotSource. `read` and `write` run on the reading and on the writing connection."""

    def __init__(self, read: Hop, write: Hop) -> None:
        self._read = read
        self._write = write

    async def tail(self, stream_id: bytes, after: int, until: int) -> list[FoldInput]:
        values = {"stream_id": stream_id, "after": after, "until": until}

        def ask(db: sqlite3.Connection) -> list[FoldInput]:
            return [FoldInput._make(row) for row in rows(db, SNAPSHOTS.tail, values)]

        entries: list[FoldInput] = await self._read(ask)
        return entries

    async def load(self, stream_id: bytes, schema: int, until: int, wanted: int) -> Loaded:
        def ask(db: sqlite3.Connection) -> Loaded:
            return _load(db, stream_id, schema, until, wanted)

        loaded: Loaded = await self._read(ask)
        return loaded

    async def sources(
        self, stream_id: bytes, segments: Sequence[int], versions: Sequence[int]
    ) -> Sources:
        def ask(db: sqlite3.Connection) -> Sources:
            return _sources(db, stream_id, segments, versions)

        found: Sources = await self._read(ask)
        return found

    async def save(
        self, stream_id: bytes, schema: int, snapshot: Snapshot, segments: Mapping[int, bytes]
    ) -> bool:
        key = {"stream_id": stream_id, "schema": schema, "version": snapshot.version}
        pieces = dump_pieces(snapshot)

        def write(db: sqlite3.Connection) -> bool:
            if rows(db, SNAPSHOTS.erased_since, key):
                return False
            found = rows(db, SNAPSHOTS.hash_of, key)
            if found and found[0][0] == snapshot.hash:
                return False
            if found:
                run(db, SNAPSHOTS.drop_from, key)
            run(db, SNAPSHOTS.save_snapshot, {**key, "hash": snapshot.hash, "pieces": pieces})
            for segment_id, body in segments.items():
                row = {"stream_id": stream_id, "segment_id": segment_id, "body": body}
                run(db, SNAPSHOTS.save_segment, row)
            return True

        stored: bool = await self._write(lambda db: in_transaction(db, write))
        return stored

    async def drop(self, stream_id: bytes) -> None:
        def write(db: sqlite3.Connection) -> bool:
            run(db, SNAPSHOTS.drop_snapshots, {"stream_id": stream_id})
            run(db, SNAPSHOTS.drop_segments, {"stream_id": stream_id})
            return True

        await self._write(lambda db: in_transaction(db, write))


def _load(db: sqlite3.Connection, stream_id: bytes, schema: int, until: int, wanted: int) -> Loaded:
    values = {"stream_id": stream_id, "schema": schema, "until": until}
    snapshot: Snapshot | None = None
    is_refused = False
    for version, digest, pieces, is_on_chain in rows(db, SNAPSHOTS.newest, values):
        snapshot = load_snapshot(version, digest, pieces) if is_on_chain else None
        is_refused = snapshot is None
    last = () if snapshot is None else last_pieces(snapshot.pieces, wanted)
    found = _sources(
        db,
        stream_id,
        [piece.source for piece in last if piece.source > 0],
        [-piece.source for piece in last if piece.source < 0],
    )
    after = 0 if snapshot is None else snapshot.version
    tail = {"stream_id": stream_id, "after": after, "until": until}
    entries = [FoldInput._make(row) for row in rows(db, SNAPSHOTS.tail, tail)]
    if not after:
        return Loaded(snapshot, is_refused, *found, entries)
    return Loaded(snapshot, is_refused, *found, entries[1:], entries[0].key_id)


def _sources(
    db: sqlite3.Connection, stream_id: bytes, segments: Iterable[int], versions: Iterable[int]
) -> Sources:
    bodies = {
        segment_id: row[0]
        for segment_id in segments
        for row in rows(db, SNAPSHOTS.segment, {"stream_id": stream_id, "segment_id": segment_id})
    }
    entries = {
        version: FoldInput._make(row)
        for version in versions
        for row in rows(db, SNAPSHOTS.one_entry, {"stream_id": stream_id, "version": version})
    }
    return Sources(bodies, entries)


def in_transaction(db: sqlite3.Connection, write: Callable[[sqlite3.Connection], bool]) -> bool:
    """Run `write` in a transaction that takes the write lock at once."""
    db.execute("BEGIN IMMEDIATE")
    try:
        done = write(db)
        db.execute("COMMIT")
        return done
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def rows(db: sqlite3.Connection, statement: Statement, values: Mapping[str, Any]) -> list[Any]:
    """Fetch what a statement returns."""
    return db.execute(statement.text, statement.args(values)).fetchall()


def run(db: sqlite3.Connection, statement: Statement, values: Mapping[str, Any]) -> None:
    """Run a statement that returns nothing."""
    db.execute(statement.text, statement.args(values))
