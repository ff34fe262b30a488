"""PostgreSQL: one statement and one round trip for an append whose head is known."""

import asyncio
import contextlib
import random
from collections.abc import Generator, Sequence
from typing import Any, Final, NamedTuple

import asyncpg

from eventlog.chain import GENESIS, link
from eventlog.errors import (
    BusyError,
    ClockAheadError,
    NotAnEventLogError,
    ReadOnlyError,
    StoreError,
    UnavailableError,
)
from eventlog.records import Appended, AppendRequest, Head, Outcome, Stale, StoredEvent, StreamRow
from eventlog.settle import settle
from eventlog.store.address import PostgresAddress
from eventlog.store.base import Options, answer_replay, needs_migration
from eventlog.store.heads import Heads
from eventlog.store.pools import Lent, Pools
from eventlog.store.postgres_sql import MAX_CLOCK_LEAD, PostgresStatements
from eventlog.store.schema import VERSION_TABLE
from eventlog.store.sql import Statement

MAX_TRIES: Final = 30
"""How often an append takes a new head before it gives up: every loss was another one's win."""

_LOST: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    ConnectionError,
)
"""The connection broke: what was sent last may or may not have happened."""

_LOOK_AGAIN: Final = (
    asyncpg.UniqueViolationError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
)
"""Nothing was stored, and only a fresh snapshot tells why."""


class _Seen(NamedTuple):
    """What a second look found."""

    head: Head
    clock: int
    known: list[StoredEvent]
    stored: bool
    """The batch that was tried last is in the log."""


class PostgresStore:
    """Store over one schema of one database."""

    def __init__(self, address: PostgresAddress, options: Options) -> None:
        self._address = address
        self._options = options
        self._sql = PostgresStatements(address.schema)
        self._heads = Heads()
        self._pools = Pools(address, options, self._prepare)

    async def append(self, request: AppendRequest) -> Outcome:
        with translated(self._address):
            return await settle(asyncio.ensure_future(self._append(request)))

    async def head(self, stream_id: bytes) -> Head | None:
        row = await self._row(self._sql.head, {"stream_id": stream_id})
        return None if row is None or row[0] is None else Head(*row[:3])

    async def page(self, stream_id: bytes, after: int, until: int, limit: int) -> list[StoredEvent]:
        rows = await self._rows(
            self._sql.page,
            {"stream_id": stream_id, "after": after, "until": until, "limit": limit},
        )
        return [StoredEvent._make(row) for row in rows]

    async def version_at(self, stream_id: bytes, moment: int) -> int:
        row = await self._row(self._sql.version_at, {"stream_id": stream_id, "moment": moment})
        return 0 if row is None else row[0]

    async def streams(self, tenant: str, after: str, limit: int) -> list[StreamRow]:
        rows = await self._rows(
            self._sql.stream_page, {"tenant": tenant, "after": after, "limit": limit}
        )
        return [StreamRow(row[0], row[1], row[2], Head(*row[3:])) for row in rows]

    async def identities(self, after: bytes, limit: int) -> list[tuple[bytes, str, str]]:
        rows = await self._rows(self._sql.identities, {"after": after, "limit": limit})
        return [(row[0], row[1], row[2]) for row in rows]

    async def strays(self) -> list[bytes]:
        return [row[0] for row in await self._rows(self._sql.strays, {})]

    async def close(self) -> None:
        await self._pools.close()

    def forget(self) -> None:
        self._pools.forget()

    async def _append(self, request: AppendRequest) -> Outcome:
        head = self._heads.get(request.stream_id)
        tried: Sequence[StoredEvent] = ()
        for attempt in range(MAX_TRIES):
            if head is None or request.expected not in (None, head.version):
                seen = await self._look(request, tried)
                if (outcome := _judge(self._address, request, tried, seen)) is not None:
                    self._heads.put(request.stream_id, seen.head)
                    return outcome
                head = seen.head
            tried, moved = link(request.stream_id, head, request.events, request.at)
            if await self._store(request, head, tried, moved):
                self._heads.put(request.stream_id, moved)
                return Appended(head.version + 1, moved.version)
            head = None
            if attempt:
                await asyncio.sleep(random.uniform(0, min(0.05, 0.001 * 2**attempt)))
        raise BusyError(
            f"Conversation {request.name!r}: other writers were first {MAX_TRIES} times in a row."
            " Nothing was stored. Try again, or let fewer processes write one conversation."
        )

    async def _store(
        self, request: AppendRequest, head: Head, rows: Sequence[StoredEvent], moved: Head
    ) -> bool:
        """Run the one statement. False says only that it did not answer yes."""
        values: dict[str, Any] = {
            "stream_id": request.stream_id,
            "of_stream": request.stream_id,
            "tenant": request.tenant,
            "name": request.name,
            "version": moved.version,
            "head_hash": moved.hash,
            "head_at": moved.at,
            "created_at": moved.at,
            "linked_version": head.version,
            "linked_hash": head.hash,
            "at": request.at,
            **_event_values(rows),
        }
        statement = self._append_statement(first=head.version == 0, one=len(rows) == 1)
        try:
            return await self._once(statement, values) is not None
        except (*_LOST, *_LOOK_AGAIN):
            return False

    def _append_statement(self, *, first: bool, one: bool) -> Statement:
        if one:
            return self._sql.append_first if first else self._sql.append_next
        return self._sql.append_several_first if first else self._sql.append_several_next

    async def _look(self, request: AppendRequest, tried: Sequence[StoredEvent]) -> _Seen:
        """Read the head first and the rest after it: what is not there then, came later."""
        (row,) = await self._rows(self._sql.head, {"stream_id": request.stream_id})
        ids = [event.event_id for event in request.events if event.event_id is not None]
        known = await self._known(request.stream_id, ids) if ids else []
        stored = bool(tried) and await self._is_stored(tried[-1])
        head = GENESIS if row[0] is None else Head(*row[:3])
        return _Seen(head, row[3], known, stored)

    async def _known(self, stream_id: bytes, ids: list[str]) -> list[StoredEvent]:
        rows = await self._rows(self._sql.by_event_id, {"stream_id": stream_id, "event_ids": ids})
        return sorted(map(StoredEvent._make, rows), key=lambda event: event.version)

    async def _is_stored(self, event: StoredEvent) -> bool:
        row = await self._row(
            self._sql.hash_at, {"stream_id": event.stream_id, "version": event.version}
        )
        return row is not None and row[0] == event.hash

    async def _row(self, statement: Statement, values: dict[str, Any]) -> Any:
        rows = await self._rows(statement, values)
        return rows[0] if rows else None

    async def _rows(self, statement: Statement, values: dict[str, Any]) -> list[Any]:
        """Read, a second time on a new connection if the first one broke."""

        async def fetch(connection: "Lent[Any]") -> list[Any]:
            return await connection.fetch(statement.text, *statement.args(values))

        with translated(self._address):
            try:
                return await self._pools.run(fetch)
            except _LOST:
                return await self._pools.run(fetch)

    async def _once(self, statement: Statement, values: dict[str, Any]) -> Any:
        async def fetch(connection: "Lent[Any]") -> Any:
            return await connection.fetchrow(statement.text, *statement.args(values))

        return await self._pools.run(fetch)

    async def _prepare(self, connection: "Lent[Any]") -> None:
        """Make sure that the log is there and current, once for each process."""
        found = await inspect(connection, self._address.schema)
        if needs_migration(str(self._address), *found, upgrade=self._options.migrate):
            await asyncio.to_thread(_migrate, self._address, self._options.connect_timeout)


def _migrate(address: PostgresAddress, patience: float) -> None:
    # Alembic is imported only where there is something to create or to upgrade.
    from eventlog.store.migrate_postgres import migrate_postgres

    migrate_postgres(address, patience)


async def inspect(connection: Any, schema: str) -> tuple[dict[str, list[str]], str | None]:
    """Return the columns of every table in the schema, and the revision of the log in it."""
    rows = await connection.fetch(
        "SELECT table_name::text, column_name::text FROM information_schema.columns"
        " WHERE table_schema = $1",
        schema,
    )
    tables: dict[str, list[str]] = {}
    for table, name in rows:
        tables.setdefault(table, []).append(name)
    if VERSION_TABLE not in tables:
        return tables, None
    quoted = '"' + schema.replace('"', '""') + '"'
    return tables, await connection.fetchval(f"SELECT version_num FROM {quoted}.{VERSION_TABLE}")


def _judge(
    where: PostgresAddress, request: AppendRequest, tried: Sequence[StoredEvent], seen: _Seen
) -> Outcome | None:
    """Decide from a fresh look. None: nothing speaks against trying on the head that was seen."""
    if seen.stored:
        return Appended(tried[0].version, tried[-1].version)
    if (replay := answer_replay(request.events, seen.known)) is not None:
        return replay
    if request.expected not in (None, seen.head.version):
        return Stale(seen.head.version)
    if request.at > seen.clock + MAX_CLOCK_LEAD:
        raise ClockAheadError(
            f"This machine's clock is {(request.at - seen.clock) / 1e6:.0f} s ahead of that of"
            f" {where}; at most {MAX_CLOCK_LEAD / 1e6:.0f} s are accepted, or the conversation's"
            " time would run ahead for good. Nothing was stored. Set the clock."
        )
    return None


def _event_values(rows: Sequence[StoredEvent]) -> dict[str, Any]:
    if len(rows) == 1:
        return {
            f"event_{name}": value for name, value in zip(StoredEvent._fields, rows[0], strict=True)
        }
    return {
        f"event_{name}": column
        for name, column in zip(StoredEvent._fields, zip(*rows, strict=True), strict=True)
    }


@contextlib.contextmanager
def translated(address: PostgresAddress) -> Generator[None]:
    """Turn the driver's errors into ours, by their class, which is their SQLSTATE."""
    try:
        yield
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
