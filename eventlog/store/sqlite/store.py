"""SQLite: one writing and one reading thread for each file, the whole append in one hop."""

import functools
import sqlite3
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from eventlog.format.records import AppendRequest, Head, Outcome, StoredEvent, StreamRow
from eventlog.store.addresses.log import SqliteAddress
from eventlog.store.contract.erasures import Erasure
from eventlog.store.contract.log import MAX_VERSION
from eventlog.store.contract.options import Options
from eventlog.store.contract.rights import ALL, Rights
from eventlog.store.limiter import ByteLimiter, size_of
from eventlog.store.sql.statement import Statement
from eventlog.store.sql.stream_rows import stream_row
from eventlog.store.sqlite.append import Committer, read_head
from eventlog.store.sqlite.feed import SqliteFeedSource
from eventlog.store.sqlite.file import open_log, translated
from eventlog.store.sqlite.keys import SqliteKeys
from eventlog.store.sqlite.snapshots import Hop, SqliteSnapshots, in_transaction
from eventlog.store.sqlite.statements import ERASURES, KEYS, LOG, SNAPSHOTS
from eventlog.store.sqlite.tree import SqliteTree
from eventlog.store.sqlite.worker import Worker

if TYPE_CHECKING:
    from eventlog.store.sqlite.views import SqliteViews

_T = TypeVar("_T")

_of_another_process: Final[list[object]] = []
"""Connections of the parent process: closing one here would drop the locks of its file."""


class SqliteStore:
    """Store over one file, or over one memory database that lives as long as this object."""

    runs_out_of_process = False

    def __init__(self, address: SqliteAddress, options: Options) -> None:
        self._address = address
        self._options = options
        self._begin()

    def _begin(self) -> None:
        # Not a method: a thread that knew the store would keep it from ever being collected.
        connect = functools.partial(open_log, self._address, self._options)
        commit = self._committer = Committer(self._address)
        self._limiter = ByteLimiter()
        self._writer = Worker(connect, commit)
        # A memory database is its one connection; a WAL file is read beside the writer.
        self._reader = self._writer if self._address.path is None else Worker(connect, commit)

    async def append(self, request: AppendRequest) -> Outcome:
        size = size_of(request)
        await self._limiter.enter(size)
        try:
            return await self._writer.append(request)
        finally:
            self._limiter.leave(size)

    async def head(self, stream_id: bytes) -> Head | None:
        def ask(db: sqlite3.Connection) -> Head | None:
            known = read_head(db, stream_id)
            return None if known is None else known.head

        return await self._reader.read(self._guarded(ask))

    async def page(
        self, stream_id: bytes, after: int, until: int, limit: int, kind: str | None = None
    ) -> list[StoredEvent]:
        values = {"stream_id": stream_id, "after": after, "until": until, "limit": limit}
        statement = LOG.page if kind is None else LOG.of_kind
        rows = await self._ask(statement.text, statement.args({**values, "kind": kind}))
        return [StoredEvent._make(row) for row in rows]

    async def version_at(self, stream_id: bytes, moment: int) -> int:
        rows = await self._ask(
            LOG.version_at.text,
            LOG.version_at.args({"stream_id": stream_id, "moment": moment}),
        )
        return rows[0][0] if rows else 0

    async def stream(self, stream_id: bytes) -> StreamRow | None:
        found = await self._streams(LOG.stream, stream_id=stream_id)
        return found[0] if found else None

    async def latest(self, tenant: str) -> StreamRow | None:
        found = await self._streams(LOG.latest, tenant=tenant)
        return found[0] if found else None

    async def streams(self, tenant: str, after: str, limit: int) -> list[StreamRow]:
        return await self._streams(LOG.stream_page, tenant=tenant, after=after, limit=limit)

    async def every_stream(
        self, tenant: str, after: tuple[str, str], limit: int
    ) -> list[StreamRow]:
        behind = {"after": after[0], "after_branch": after[1]}
        return await self._streams(LOG.every_stream_page, tenant=tenant, limit=limit, **behind)

    async def branches(self, tenant: str, name: str, after: str, limit: int) -> list[StreamRow]:
        of = {"tenant": tenant, "name": name}
        return await self._streams(LOG.branch_page, after=after, limit=limit, **of)

    async def _streams(self, statement: Statement, **values: Any) -> list[StreamRow]:
        return [stream_row(row) for row in await self._ask(statement.text, statement.args(values))]

    async def unlisted(
        self, tenant: str, after: bytes, limit: int
    ) -> list[tuple[bytes, str, str, str]]:
        values = {"tenant": tenant, "after": after, "limit": limit}
        return await self._ask(LOG.unlisted.text, LOG.unlisted.args(values))

    async def many(self, stream_ids: Sequence[bytes], limit: int) -> list[StoredEvent]:
        def ask(db: sqlite3.Connection) -> list[Any]:
            found: list[Any] = []
            for stream_id in stream_ids:
                values = {"stream_id": stream_id, "after": -MAX_VERSION, "until": MAX_VERSION}
                args = LOG.page.args({**values, "limit": limit - len(found)})
                found += fetch(db, LOG.page.text, args)
            return found

        rows = await self._reader.read(self._guarded(ask))
        return [StoredEvent._make(row) for row in rows]

    async def rights(self) -> Rights:
        return ALL

    async def strays(self) -> list[bytes]:
        return [row[0] for row in await self._ask(LOG.strays.text, LOG.strays.args({}))]

    @property
    def feed(self) -> SqliteFeedSource:
        return SqliteFeedSource(self._ask)

    async def erase(self, erasure: Erasure) -> bool:
        stream_id, values = erasure.event.stream_id, erasure.values()
        beside = [SNAPSHOTS.drop_snapshots, SNAPSHOTS.drop_segments]
        beside += [KEYS.destroyed] if erasure.is_whole else []

        def write(db: sqlite3.Connection) -> bool:
            self._committer.forget(stream_id)
            if not fetch(db, ERASURES.moved.text, ERASURES.moved.args(values)):
                return False
            for statement in (ERASURES.erased, ERASURES.inserted, *beside):
                db.execute(statement.text, statement.args(values))
            return True

        erased: bool = await self._hop(self._writer)(lambda db: in_transaction(db, write))
        return erased

    async def children(self, parent_id: bytes) -> list[StreamRow]:
        return await self._streams(LOG.children, parent_id=parent_id)

    @property
    def keys(self) -> SqliteKeys:
        hops = self._hop(self._reader), self._hop(self._writer)
        return SqliteKeys(*hops, self._committer.forget)

    @property
    def snapshots(self) -> SqliteSnapshots:
        return SqliteSnapshots(self._hop(self._reader), self._hop(self._writer))

    @property
    def tree(self) -> SqliteTree:
        return SqliteTree(self._hop(self._reader), self._hop(self._writer))

    @property
    def views(self) -> "SqliteViews":
        # Compiled where a view is used: a process that only uses sessions has none.
        from eventlog.store.sqlite.views import SqliteViews

        return SqliteViews(self._hop(self._reader), self._hop(self._writer))

    async def close(self) -> None:
        self._writer.close()
        self._reader.close()

    def forget(self) -> None:
        _of_another_process.append((self._writer, self._reader))
        self._begin()

    async def _ask(self, text: str, args: list[Any]) -> list[Any]:
        return await self._reader.read(self._guarded(lambda db: fetch(db, text, args)))

    def _hop(self, worker: Worker) -> Hop:
        async def hop(function: Callable[[sqlite3.Connection], Any]) -> Any:
            return await worker.read(self._guarded(function))

        return hop

    def _guarded(
        self, function: Callable[[sqlite3.Connection], _T]
    ) -> Callable[[sqlite3.Connection], _T]:
        address = self._address

        def guarded(db: sqlite3.Connection) -> _T:
            with translated(address):
                return function(db)

        return guarded


def fetch(db: sqlite3.Connection, text: str, args: list[Any]) -> list[Any]:
    """Return the rows of a statement; text that is none comes back escaped."""
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
