"""The databases that the contract tests run on, and what only a test may do to them."""

import asyncio
import contextlib
import sqlite3
import uuid
from collections.abc import AsyncGenerator, Generator, Sequence
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import asyncpg
import pytest
from sqlalchemy import Engine, event

from eventlog import EventLog
from eventlog.keys import KeyRing
from eventlog.operations import migrate
from eventlog.store.postgres.store import PostgresStore
from eventlog.store.sqlite.migration import migrated_in_memory
from tests import distributing
from tests.options import grouped

_SCHEMA: Final = "<schema>"
_script: Final[list[tuple[str, tuple[Any, ...]]]] = []
"""What made the first PostgreSQL log of this process, with _SCHEMA in the place of its name."""
POSTGRES_EN_US: Final = "postgres-en_US"
EVERY_LOCALE: Final = pytest.mark.parametrize(
    "backend", ["sqlite", "postgres", POSTGRES_EN_US], indirect=True
)
"""Marks tests of what may depend on how a database sorts: they run in a locale of people, too."""
TRIGGERS: Final = """
SELECT tgrelid::regclass::text, tgname, CASE tgenabled WHEN 'A' THEN 'ALWAYS' ELSE '' END
FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid JOIN pg_proc ON pg_proc.oid = tgfoid
WHERE tgenabled <> 'D' AND tgparentid = 0 AND NOT tgisinternal
AND relnamespace = $1::regnamespace AND pronamespace = relnamespace
"""
"""Those that guard a log, and how they are enabled."""


AnyBackend = TypeVar("AnyBackend", bound="Backend")


class Backend(Protocol):
    """One database of a test's own."""

    name: str
    url: str
    options: dict[str, Any]
    keyring: KeyRing | None
    """What `open` gives a log unless it is told otherwise."""

    async def make(self) -> None:
        """Make an empty log, in less time than migrations take."""
        ...

    def open(self, **options: Any) -> EventLog:
        """Open a log on it."""
        ...

    async def execute(self, statement: str, *args: object) -> list[tuple[Any, ...]]:
        """Run SQL as the owner; `?` marks arguments and `{}` the schema's prefix."""
        ...

    async def tamper(self, statement: str, *args: object) -> None:
        """Run SQL behind the back of the triggers."""
        ...

    async def drop_triggers(self) -> None:
        """Leave nothing that keeps anybody from changing events."""
        ...

    async def discard(self) -> None:
        """Check that nothing is left checked out, and remove the database."""
        ...


_TRIGGERS: Final = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"


class SqliteBackend:
    """A file."""

    name = "sqlite"

    def __init__(self, path: Path) -> None:
        self.url = str(path)
        self.options: dict[str, Any] = {}
        self.keyring: KeyRing | None = None

    async def make(self) -> None:
        Path(self.url).write_bytes(migrated_in_memory())

    def open(self, **options: Any) -> EventLog:
        given: dict[str, Any] = {"keyring": self.keyring, **options}
        return EventLog(self.url, **grouped(**given))

    async def execute(self, statement: str, *args: object) -> list[tuple[Any, ...]]:
        return self._run([statement], args)

    async def tamper(self, statement: str, *args: object) -> None:
        triggers = self._run([_TRIGGERS], ())
        await self.drop_triggers()
        self._run([statement], args)
        self._run([sql for _, sql in triggers], ())

    async def drop_triggers(self) -> None:
        self._run([f"DROP TRIGGER {name}" for name, _ in self._run([_TRIGGERS], ())], ())

    def _run(self, statements: Sequence[str], args: Sequence[object]) -> list[tuple[Any, ...]]:
        db = sqlite3.connect(self.url)
        db.execute("PRAGMA ignore_check_constraints = ON")
        try:
            rows: list[tuple[Any, ...]] = []
            for statement in statements:
                rows = db.execute(statement.replace("{}", ""), args).fetchall()
            db.commit()
            return rows
        finally:
            db.close()

    async def discard(self) -> None:
        return


class PostgresBackend:
    """A schema of its own on the test server."""

    name = "postgres"

    def __init__(self, url: str) -> None:
        self.url = url
        self.schema = f"test_{uuid.uuid4().hex[:16]}"
        self.options: dict[str, Any] = {"schema": self.schema}
        self.keyring: KeyRing | None = None
        self._logs: list[EventLog] = []

    async def make(self) -> None:
        if not _script or distributing.kind() is not None:
            # What distributes a log asks the nodes in between: it is no script.
            with _recorded(self.schema):
                await migrate(self.url, schema=self.schema)
            return
        async with self._connection() as connection, connection.transaction():
            for statement, args in _script:
                await connection.execute(statement.replace(_SCHEMA, self.schema), *args)

    def open(self, **options: Any) -> EventLog:
        given: dict[str, Any] = {**self.options, "keyring": self.keyring, **options}
        log = EventLog(self.url, **grouped(**given))
        self._logs.append(log)
        return log

    async def execute(self, statement: str, *args: object) -> list[tuple[Any, ...]]:
        async with self._connection() as connection:
            return await self._fetch(connection, statement, args)

    async def tamper(self, statement: str, *args: object) -> None:
        async with self._connection() as connection:
            triggers = await connection.fetch(TRIGGERS, self.schema)
            for table, name, _ in triggers:
                await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER {name}")
            await self._fetch(connection, statement, args)
            for table, name, how in triggers:
                await connection.execute(f"ALTER TABLE {table} ENABLE {how} TRIGGER {name}")

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncGenerator["asyncpg.Connection[Any]"]:
        connection = await asyncpg.connect(self.url)
        try:
            for setting in distributing.settings():
                await connection.execute(setting)
            yield connection
        finally:
            await connection.close()

    async def _fetch(
        self, connection: "asyncpg.Connection[Any]", statement: str, args: Sequence[object]
    ) -> list[tuple[Any, ...]]:
        for number in range(1, len(args) + 1):
            statement = statement.replace("?", f"${number}", 1)
        rows = await connection.fetch(statement.replace("{}", f"{self.schema}."), *args)
        return [tuple(row) for row in rows]

    async def drop_triggers(self) -> None:
        async with self._connection() as connection:
            for table, name, _ in await connection.fetch(TRIGGERS, self.schema):
                await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER {name}")

    async def discard(self) -> None:
        for log in self._logs:
            await log.spi.background.finish()  # It may use a connection.
        busy = [log for log in self._logs if checked_out(log)]
        for log in self._logs:
            await log.close()
        async with self._connection() as connection:
            plain = await distributing.plain_logs(connection, self.schema)
            await connection.execute(f"DROP SCHEMA IF EXISTS {self.schema} CASCADE")
        assert not plain, f"not distributed: {plain}"
        assert not busy, f"connections are still checked out: {busy}"


class SharedBackend(PostgresBackend):
    """One log for all tests of a module; each test is a tenant of its own."""

    tenant = ""

    def open(self, **options: Any) -> EventLog:
        return super().open(**{**options, "tenant": self.tenant})

    async def lend(self) -> AsyncGenerator[Backend]:
        """Yield it to one test, and see that the test gives back what it took."""
        self.tenant = uuid.uuid4().hex
        yield self
        assert not any(checked_out(log) for log in self._logs)
        for log in self._logs:
            await log.close()


@contextlib.contextmanager
def _recorded(schema: str) -> Generator[None]:
    """Keep what a migration runs, so that other schemas are made like it."""

    def record(*call: Any) -> None:
        statement, args = call[2:4]
        if not statement.startswith("SELECT"):
            _script.append((statement.replace(schema, _SCHEMA), args))

    event.listen(Engine, "before_cursor_execute", record)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", record)


def checked_out(log: EventLog) -> int:
    """Return how many connections of a log are in use."""
    store = log.spi._store
    assert isinstance(store, PostgresStore)
    return store.runner.pools.lent()


@contextlib.contextmanager
def migrated(backend: AnyBackend, **options: Any) -> Generator[AnyBackend]:
    """Make the log of a backend for all tests of a module, and remove it after them."""
    asyncio.run(migrate(backend.url, **options, **backend.options))
    yield backend
    asyncio.run(backend.discard())
