"""Committing appends to SQLite: one transaction and one fsync for all that wait together."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from eventlog.addresses.log import SqliteAddress
from eventlog.errors import RefusedValueError
from eventlog.format.preparing import link, prepare_all
from eventlog.format.records import (
    Appended,
    AppendRequest,
    Outcome,
    StoredEvent,
)
from eventlog.store.nouns.append import Known, Seen, beginning, decide
from eventlog.store.nouns.outcomes import APPEND_AGAIN, UnansweredError
from eventlog.store.sql.statement import Statement
from eventlog.store.sql.stream_rows import NO_PARENT
from eventlog.store.sqlite.errors import commit, roll_back, translated
from eventlog.store.sqlite.file import LogConnection
from eventlog.store.sqlite.held import HeldFile
from eventlog.store.sqlite.statements import LOG

MAX_HEADS: Final = 10_000


def end_of(db: sqlite3.Connection, stream_id: bytes) -> Known | None:
    """Return the end of a stream, or None where there is no such stream."""
    row = db.execute(LOG.head.text, (stream_id,)).fetchone()
    return None if row is None else Known.read(row)


class Committer:
    """Commits groups of appends on one connection; each is answered on its own.

    Remembers heads for as long as no other connection has committed anything: SQLite tells by
    `PRAGMA data_version` (https://sqlite.org/pragma.html#pragma_data_version).
    """

    def __init__(self, address: SqliteAddress, file: HeldFile) -> None:
        self._address = address
        self._file = file
        self._heads: dict[bytes, Known] = {}
        self._seen: tuple[sqlite3.Connection, int] | None = None

    def __call__(
        self, db: LogConnection, requests: list[AppendRequest]
    ) -> list[Outcome | BaseException]:
        """Answer every request; a group that one request spoils is repeated one by one."""
        try:
            with translated(self._address):
                return self._commit(db, requests)
        except UnansweredError as lost:
            return [lost.in_doubt(request.name, "the append", APPEND_AGAIN) for request in requests]
        except BaseException as error:  # noqa: BLE001 - told to whoever waits
            if len(requests) == 1 or not isinstance(error, RefusedValueError):
                return [error] * len(requests)
        return [answer for request in requests for answer in self(db, [request])]

    def _commit(
        self, db: LogConnection, requests: Sequence[AppendRequest]
    ) -> list[Outcome | BaseException]:
        db.execute("BEGIN IMMEDIATE")
        try:
            self._file.check_writing(db, self._heads)
            self._trust_heads(db)
            outcomes = _Group(db, self._heads).answer(requests)
            commit(self._address, db, self._file)
        except BaseException:
            self._heads.clear()
            roll_back(db)
            raise
        return outcomes

    def evict(self, stream_id: bytes) -> None:
        """Read the end of a stream anew: something else than an append changes it here."""
        self._heads.pop(stream_id, None)

    def _trust_heads(self, db: sqlite3.Connection) -> None:
        (data_version,) = db.execute("PRAGMA data_version").fetchone()
        seen = db, data_version  # A number of one connection says nothing on another.
        if seen != self._seen or len(self._heads) > MAX_HEADS:
            self._heads.clear()
            self._seen = seen


class _Group:
    """The appends of one transaction; rows are collected and written together."""

    def __init__(self, db: sqlite3.Connection, heads: dict[bytes, Known]) -> None:
        self._db = db
        self._heads = heads
        self._events: list[StoredEvent] = []
        self._begun: list[tuple[object, ...]] = []
        self._moved: dict[bytes, tuple[object, ...]] = {}

    def answer(self, requests: Sequence[AppendRequest]) -> list[Outcome | BaseException]:
        outcomes: list[Outcome | BaseException] = [self._answer(request) for request in requests]
        self._write()
        return outcomes

    def _answer(self, request: AppendRequest) -> Outcome:
        stream_id = request.stream_id
        of_same_ids = self._of_same_ids(request)
        known = self._heads.get(stream_id) or end_of(self._db, stream_id) or beginning(request)
        outcome = decide(request, None, Seen(known, of_same_ids))
        return self._append(request, known) if outcome is None else outcome

    def _append(self, request: AppendRequest, known: Known) -> Appended:
        head, key_id, _, erased = known
        rows, after = link(request, head, prepare_all(request))
        self._events += rows
        self._heads[request.stream_id] = Known(after, key_id, request.closes, erased)
        if head.version == 0:
            identity = (request.stream_id, request.tenant, request.name)
            parent = request.parent or NO_PARENT
            self._begun.append((*identity, *after, *parent, after.at, request.branch, key_id))
        else:
            self._moved[request.stream_id] = (*after, request.stream_id)
        return Appended(head.version + 1, after.version)

    def _of_same_ids(self, request: AppendRequest) -> Sequence[StoredEvent]:
        ids = [event.event_id for event in request.events if event.event_id is not None]
        if not ids:
            return ()
        self._write()  # What the group has stored so far must be seen.
        return [
            StoredEvent._make(row)
            for event_id in ids
            for row in self._db.execute(LOG.by_event_id.text, (request.stream_id, event_id))
        ]

    def _write(self) -> None:
        self._insert(LOG.insert_event, self._events)
        self._insert(LOG.insert_stream, self._begun)
        self._insert(LOG.update_stream, list(self._moved.values()))
        self._events.clear()
        self._begun.clear()
        self._moved.clear()

    def _insert(self, statement: Statement, rows: Sequence[Sequence[object]]) -> None:
        if len(rows) == 1:  # A group of one is the usual one, and this is cheaper.
            self._db.execute(statement.text, rows[0])
        elif rows:
            self._db.executemany(statement.text, rows)
