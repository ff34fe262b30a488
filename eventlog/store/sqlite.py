"""SQLite: one writing and one reading thread for each file, the whole append in one hop."""

import functools
import sqlite3
from collections.abc import Callable
from typing import Any, Final, TypeVar

from eventlog.chain import GENESIS, link
from eventlog.records import Appended, AppendRequest, Head, Outcome, Stale, StoredEvent, StreamRow
from eventlog.store.address import SqliteAddress
from eventlog.store.base import Options, answer_replay
from eventlog.store.sql import SqliteStatements
from eventlog.store.sqlite_file import open_log, translated
from eventlog.store.worker import Worker

_T = TypeVar("_T")
_SQL: Final = SqliteStatements()

_of_another_process: Final[list[object]] = []
"""Connections of the parent process: closing one here would drop the locks of its file."""


class SqliteStore:
    """Store over one file, or over one memory database that lives as long as this object."""

    def __init__(self, address: SqliteAddress, options: Options) -> None:
        self._address = address
        self._options = options
        self._begin()

    def _begin(self) -> None:
        # Not a method: a thread that knew the store would keep it from ever being collected.
        connect = functools.partial(open_log, self._address, self._options)
        self._writer = Worker(connect)
        # A memory database is its one connection; a WAL file is read beside the writer.
        self._reader = self._writer if self._address.path is None else Worker(connect)

    async def append(self, request: AppendRequest) -> Outcome:
        return await self._writer.write(self._guarded(lambda db: _append(db, request)))

    async def head(self, stream_id: bytes) -> Head | None:
        def ask(db: sqlite3.Connection) -> Head | None:
            return _head(db, stream_id)

        return await self._reader.read(self._guarded(ask))

    async def page(self, stream_id: bytes, after: int, until: int, limit: int) -> list[StoredEvent]:
        rows = await self._ask(
            _SQL.page.text,
            _SQL.page.args(
                {"stream_id": stream_id, "after": after, "until": until, "limit": limit}
            ),
        )
        return [StoredEvent._make(row) for row in rows]

    async def version_at(self, stream_id: bytes, moment: int) -> int:
        rows = await self._ask(
            _SQL.version_at.text,
            _SQL.version_at.args({"stream_id": stream_id, "moment": moment}),
        )
        return rows[0][0] if rows else 0

    async def streams(self, tenant: str, after: str, limit: int) -> list[StreamRow]:
        rows = await self._ask(
            _SQL.stream_page.text,
            _SQL.stream_page.args({"tenant": tenant, "after": after, "limit": limit}),
        )
        return [StreamRow(row[0], row[1], row[2], Head(*row[3:])) for row in rows]

    async def identities(self, after: bytes, limit: int) -> list[tuple[bytes, str, str]]:
        return await self._ask(
            _SQL.identities.text, _SQL.identities.args({"after": after, "limit": limit})
        )

    async def strays(self) -> list[bytes]:
        return [row[0] for row in await self._ask(_SQL.strays.text, _SQL.strays.args({}))]

    async def close(self) -> None:
        self._writer.close()
        self._reader.close()

    def forget(self) -> None:
        _of_another_process.append((self._writer, self._reader))
        self._begin()

    async def _ask(self, text: str, args: list[Any]) -> list[Any]:
        return await self._reader.read(self._guarded(lambda db: _fetch(db, text, args)))

    def _guarded(
        self, function: Callable[[sqlite3.Connection], _T]
    ) -> Callable[[sqlite3.Connection], _T]:
        address = self._address

        def guarded(db: sqlite3.Connection) -> _T:
            with translated(address):
                return function(db)

        return guarded


def _append(db: sqlite3.Connection, request: AppendRequest) -> Outcome:
    db.execute("BEGIN IMMEDIATE")
    try:
        outcome = _decide(db, request)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    return outcome


def _decide(db: sqlite3.Connection, request: AppendRequest) -> Outcome:
    if (replay := answer_replay(request.events, _known(db, request))) is not None:
        return replay
    head = _head(db, request.stream_id) or GENESIS
    if request.expected not in (None, head.version):
        return Stale(head.version)
    rows, moved = link(request.stream_id, head, request.events, request.at)
    db.executemany(_SQL.insert_event.text, rows)
    if head.version:
        db.execute(_SQL.update_stream.text, (*_columns(moved), request.stream_id))
    else:
        identity = (request.stream_id, request.tenant, request.name)
        db.execute(_SQL.insert_stream.text, (*identity, *_columns(moved), moved.at))
    return Appended(head.version + 1, moved.version)


def _columns(head: Head) -> tuple[int, bytes, int]:
    return head.version, head.hash, head.at


def _known(db: sqlite3.Connection, request: AppendRequest) -> list[StoredEvent]:
    found: list[StoredEvent] = []
    for event in request.events:
        if event.event_id is not None:
            args = (request.stream_id, event.event_id)
            found += map(StoredEvent._make, db.execute(_SQL.by_event_id.text, args))
    return sorted(found, key=lambda event: event.version)


def _fetch(db: sqlite3.Connection, text: str, args: list[Any]) -> list[Any]:
    try:
        return db.execute(text, args).fetchall()
    except sqlite3.OperationalError as error:
        if hasattr(error, "sqlite_errorcode"):
            raise
    # Not SQLite's error but Python's: somebody wrote text that is not UTF-8. verify() names it.
    db.text_factory = _escape
    try:
        return db.execute(text, args).fetchall()
    finally:
        db.text_factory = str


def _escape(text: bytes) -> str:
    return text.decode(errors="surrogateescape")


def _head(db: sqlite3.Connection, stream_id: bytes) -> Head | None:
    row = db.execute(_SQL.head.text, (stream_id,)).fetchone()
    return None if row is None else Head(*row)
