"""PostgreSQL: one statement and one round trip for an append whose head is known."""

import asyncio
import contextlib
import functools
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any

import asyncpg

from eventlog.errors import (
    BusyError,
    NotAnEventLogError,
    ReadOnlyError,
    StoreError,
    UnavailableError,
)
from eventlog.format.chain import GENESIS
from eventlog.format.records import AppendRequest, Head, Outcome, StoredEvent, StreamRow
from eventlog.store.addresses.log import PostgresAddress
from eventlog.store.contract.erasures import Erasure
from eventlog.store.contract.log import MAX_VERSION, needs_migration
from eventlog.store.contract.options import Options
from eventlog.store.contract.revisions import HEAD, VERSION_TABLE
from eventlog.store.contract.rights import Rights, rights
from eventlog.store.limiter import ByteLimiter, size_of
from eventlog.store.postgres.append import OPEN, Appender
from eventlog.store.postgres.batcher import LoopBatchers
from eventlog.store.postgres.feed import PostgresFeedSource
from eventlog.store.postgres.heads import Heads
from eventlog.store.postgres.keys import PostgresKeys
from eventlog.store.postgres.listening import Listening
from eventlog.store.postgres.pool import LOST
from eventlog.store.postgres.pools import Pools
from eventlog.store.postgres.snapshots import PostgresSnapshots
from eventlog.store.postgres.statements import PostgresStatements
from eventlog.store.postgres.tree import PostgresTree
from eventlog.store.postgres.views import PostgresViews
from eventlog.store.sql.erasures import PostgresEraseStatements
from eventlog.store.sql.feed import PostgresFeed
from eventlog.store.sql.keys import PostgresKeyStatements
from eventlog.store.sql.snapshots import PostgresSnapshotStatements
from eventlog.store.sql.statement import Statement
from eventlog.store.sql.stream_rows import stream_row
from eventlog.store.sql.tree import PostgresTreeStatements
from eventlog.store.sql.views import ViewStatements
from eventlog.store.sql.violations import PostgresViolations


class PostgresStore:
    """Store over one schema of one database."""

    runs_out_of_process = True

    def __init__(self, address: PostgresAddress, options: Options) -> None:
        self._address = address
        self._options = options
        self._heads = Heads()
        self._pools = Pools(address, options, self._prepare)
        self._limiter = ByteLimiter()
        self._batchers = LoopBatchers(self._alone, self._together)
        self._rights: Rights | None = None

    @functools.cached_property
    def _sql(self) -> PostgresStatements:
        return _statements(self._address.schema)

    @functools.cached_property
    def _listening(self) -> Listening:
        return Listening(self._address, self._options.postgres.connect_timeout)

    @functools.cached_property
    def _appender(self) -> Appender:
        return Appender(self._address, self._sql, self._heads, self._rows)

    async def append(self, request: AppendRequest) -> Outcome:
        size = size_of(request)
        await self._limiter.enter(size)
        try:
            return await self._batchers.of_this_loop().append(request)
        finally:
            self._limiter.leave(size)

    async def head(self, stream_id: bytes) -> Head | None:
        row = await self._row(self._sql.head, {"stream_id": stream_id})
        return None if row is None or row[0] is None else Head(*row[:3])

    async def page(
        self, stream_id: bytes, after: int, until: int, limit: int, kind: str | None = None
    ) -> list[StoredEvent]:
        values = {"stream_id": stream_id, "after": after, "until": until, "limit": limit}
        if kind is not None:
            rows = await self._rows(self._sql.of_kind, {**values, "kind": kind})
            return [StoredEvent._make(row) for row in rows]
        rows = await self._rows(self._sql.page, values)
        events = [StoredEvent._make(row) for row in rows]
        if len(events) < limit and until >= MAX_VERSION:
            self._remember_end(stream_id, after, events)
        return events

    async def version_at(self, stream_id: bytes, moment: int) -> int:
        row = await self._row(self._sql.version_at, {"stream_id": stream_id, "moment": moment})
        return 0 if row is None else row[0]

    async def stream(self, stream_id: bytes) -> StreamRow | None:
        found = await self._streams(self._sql.stream, stream_id=stream_id)
        return found[0] if found else None

    async def latest(self, tenant: str) -> StreamRow | None:
        found = await self._streams(self._sql.latest, tenant=tenant)
        return found[0] if found else None

    async def streams(self, tenant: str, after: str, limit: int) -> list[StreamRow]:
        return await self._streams(self._sql.stream_page, tenant=tenant, after=after, limit=limit)

    async def every_stream(
        self, tenant: str, after: tuple[str, str], limit: int
    ) -> list[StreamRow]:
        behind = {"after": after[0], "after_branch": after[1]}
        page = self._sql.every_stream_page
        return await self._streams(page, tenant=tenant, limit=limit, **behind)

    async def branches(self, tenant: str, name: str, after: str, limit: int) -> list[StreamRow]:
        of = {"tenant": tenant, "name": name}
        return await self._streams(self._sql.branch_page, after=after, limit=limit, **of)

    async def _streams(self, statement: Statement, **values: Any) -> list[StreamRow]:
        return [stream_row(row) for row in await self._rows(statement, values)]

    async def unlisted(
        self, tenant: str, after: bytes, limit: int
    ) -> list[tuple[bytes, str, str, str]]:
        values = {"tenant": tenant, "after": after, "limit": limit}
        rows = await self._rows(self._sql.unlisted, values)
        return [(row[0], row[1], row[2], row[3]) for row in rows]

    async def many(self, stream_ids: Sequence[bytes], limit: int) -> list[StoredEvent]:
        values = {"stream_ids": list(stream_ids), "limit": limit}
        return [StoredEvent._make(row) for row in await self._rows(self._sql.many, values)]

    async def strays(self) -> list[bytes]:
        return [row[0] for row in await self._rows(self._sql.strays, {})]

    async def rights(self) -> Rights:
        if self._rights is None:
            asked = Statement(rights(self._address.schema), ())
            self._rights = Rights._make(await self._row(asked, {}))
        return self._rights

    @property
    def feed(self) -> PostgresFeedSource:
        # What stands between here and the server may hand a notice to somebody else's client.
        listening = None if self._options.postgres.pgbouncer else self._listening
        statements = _feed_statements(self._address.schema)
        return PostgresFeedSource(statements, self._rows, self.rights, listening)

    async def erase(self, erasure: Erasure) -> bool:
        """Erase in one transaction; it holds the stream's row all along."""
        schema, values = self._address.schema, erasure.values()
        erase, keys = _erase_statements(schema), _key_statements(schema)
        snapshots = _snapshot_statements(schema)
        beside = [snapshots.drop_snapshots, snapshots.drop_segments]
        beside += [keys.destroyed] if erasure.is_whole else []

        async def run(connection: "asyncpg.Connection[Any]") -> bool:
            async with connection.transaction():
                await connection.execute(erase.lock.text, *erase.lock.args(values))
                if not await connection.fetch(erase.moved.text, *erase.moved.args(values)):
                    return False
                for statement in (erase.erased, erase.inserted, erase.queued, *beside):
                    await connection.execute(statement.text, *statement.args(values))
                return True

        with translated(self._address):
            return await self._pools.run(run)

    async def children(self, parent_id: bytes) -> list[StreamRow]:
        return await self._streams(self._sql.children, parent_id=parent_id)

    @property
    def keys(self) -> PostgresKeys:
        return PostgresKeys(_key_statements(self._address.schema), self._rows)

    @property
    def snapshots(self) -> PostgresSnapshots:
        return PostgresSnapshots(_snapshot_statements(self._address.schema), self._rows)

    @property
    def tree(self) -> PostgresTree:
        return PostgresTree(*_tree_statements(self._address.schema), self._rows)

    @property
    def views(self) -> PostgresViews:
        return PostgresViews(_view_statements(self._address.schema), self._rows, self._borrow)

    async def close(self) -> None:
        await self._pools.close()

    def forget(self) -> None:
        self._pools.forget()

    async def _alone(self, request: AppendRequest) -> Outcome:
        with translated(self._address):
            return await self._appender.append(request)

    async def _together(self, requests: Sequence[AppendRequest]) -> list[Outcome | BaseException]:
        outcomes = await self._appender.append_group(requests)
        return [self._told(outcome) for outcome in outcomes]

    def _told(self, outcome: Outcome | BaseException) -> Outcome | BaseException:
        if not isinstance(outcome, BaseException):
            return outcome
        try:
            with translated(self._address):
                raise outcome
        except Exception as error:  # noqa: BLE001 - told to whoever waits
            return error

    def _remember_end(self, stream_id: bytes, after: int, events: Sequence[StoredEvent]) -> None:
        """Know the head from a read up to the end: the append that follows is one round trip."""
        if events:
            last = events[-1]
            self._heads.suggest(stream_id, Head(last.version, last.hash, last.recorded_at))
        elif after <= 0:
            self._heads.suggest(stream_id, GENESIS)

    async def _row(self, statement: Statement, values: dict[str, Any]) -> Any:
        rows = await self._rows(statement, values)
        return rows[0] if rows else None

    async def _rows(
        self, statement: Statement, values: dict[str, Any], *, again: bool = True
    ) -> list[Any]:
        """Fetch rows; with `again`, a second time on a new connection if the first one broke."""
        args = statement.args(values)

        async def fetch(connection: "asyncpg.Connection[Any]") -> list[Any]:
            return await connection.fetch(statement.text, *args)

        with translated(self._address, *(() if again else OPEN)):
            try:
                return await self._pools.run(fetch)
            except LOST:
                if not again:
                    raise
                return await self._pools.run(fetch)

    async def _borrow(self, use: Callable[["asyncpg.Connection[Any]"], Awaitable[Any]]) -> Any:
        with translated(self._address):
            return await self._pools.run(use)

    async def _prepare(self, connection: "asyncpg.Connection[Any]") -> None:
        """Make sure that the log is there and current, once for each process."""
        if await _revision(connection, self._address.schema) == HEAD:
            return
        found = await inspect(connection, self._address.schema)
        upgrade, create = self._options.migrate, self._options.create
        if needs_migration(str(self._address), *found, upgrade=upgrade, create=create):
            await asyncio.to_thread(_migrate, self._address, self._options.postgres.connect_timeout)


@functools.cache
def _statements(schema: str) -> PostgresStatements:
    """Compile once for each schema: it takes a tenth of a second."""
    return PostgresStatements(schema)


@functools.cache
def _feed_statements(schema: str) -> PostgresFeed:
    return PostgresFeed(_statements(schema), schema)


@functools.cache
def _snapshot_statements(schema: str) -> PostgresSnapshotStatements:
    return PostgresSnapshotStatements(_statements(schema), schema)


@functools.cache
def _tree_statements(schema: str) -> tuple[PostgresTreeStatements, PostgresViolations]:
    sql = _statements(schema)
    return PostgresTreeStatements(sql, "postgresql", schema), PostgresViolations(sql, schema)


@functools.cache
def _view_statements(schema: str) -> ViewStatements:
    return ViewStatements(_statements(schema), "postgresql", schema)


@functools.cache
def _erase_statements(schema: str) -> PostgresEraseStatements:
    return PostgresEraseStatements(_statements(schema))


@functools.cache
def _key_statements(schema: str) -> PostgresKeyStatements:
    return PostgresKeyStatements(_statements(schema), schema)


def _migrate(address: PostgresAddress, patience: float) -> None:
    # Alembic is imported only where there is something to create or to upgrade.
    from eventlog.store.postgres.migration import migrate_postgres

    migrate_postgres(address, patience)


async def inspect(connection: Any, schema: str) -> tuple[dict[str, list[str]], str | None]:
    """Return the columns of every table in the schema, and the revision of the log in it."""
    rows = await connection.fetch(
        "SELECT table_name::text, column_name::text FROM information_schema.columns"
        " WHERE table_schema = $1 ORDER BY table_name, ordinal_position",
        schema,
    )
    tables: dict[str, list[str]] = {}
    for table, name in rows:
        tables.setdefault(table, []).append(name)
    if VERSION_TABLE not in tables:
        return tables, None
    return tables, await _revision(connection, schema)


async def _revision(connection: Any, schema: str) -> str | None:
    """Return the revision of the log in a schema, None where there is none."""
    quoted = '"' + schema.replace('"', '""') + '"'
    try:
        found: str | None = await connection.fetchval(
            f"SELECT version_num FROM {quoted}.{VERSION_TABLE}"
        )
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        return None
    return found


@contextlib.contextmanager
def translated(address: PostgresAddress, *untouched: type[Exception]) -> Generator[None]:
    """Turn the driver's errors into ours, by their class, which is their SQLSTATE."""
    try:
        yield
    except untouched:
        raise
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        raise _translate(address, error) from error


def _translate(address: PostgresAddress, error: BaseException) -> StoreError:
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return ReadOnlyError(
            f"The role of {address} may not do this ({error}). Grant it the log's schema, or run"
            " migrate() as the owner."
        )
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
        return ReadOnlyError(f"{address} is read-only, perhaps a standby: {error}.")
    if isinstance(error, (asyncpg.LockNotAvailableError, asyncpg.QueryCanceledError)):
        return BusyError(f"{address} did not answer within statement_timeout: {error}.")
    if isinstance(error, asyncpg.UndefinedTableError):
        return NotAnEventLogError(f"{address} lost a table of the log while it was open ({error}).")
    if isinstance(error, TimeoutError):
        return UnavailableError(f"{address} did not answer in time. Is the server reachable?")
    return UnavailableError(f"{address} cannot be used: {error}.")
