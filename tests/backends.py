"""The databases that the contract tests run on, and what only a test may do to them."""

import sqlite3
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import asyncpg

from eventlog import EventLog, KeyRing
from eventlog.store.postgres import PostgresStore


class Backend(Protocol):
    """One database of a test's own."""

    name: str
    url: str
    options: dict[str, Any]
    keyring: KeyRing | None
    """What `open` gives a log unless it is told otherwise."""

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

    def open(self, **options: Any) -> EventLog:
        return EventLog(self.url, **{"keyring": self.keyring, **options})

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

    def open(self, **options: Any) -> EventLog:
        log = EventLog(self.url, **{**self.options, "keyring": self.keyring, **options})
        self._logs.append(log)
        return log

    async def execute(self, statement: str, *args: object) -> list[tuple[Any, ...]]:
        for number in range(1, len(args) + 1):
            statement = statement.replace("?", f"${number}", 1)
        connection = await asyncpg.connect(self.url)
        try:
            rows = await connection.fetch(statement.replace("{}", f"{self.schema}."), *args)
            return [tuple(row) for row in rows]
        finally:
            await connection.close()

    async def tamper(self, statement: str, *args: object) -> None:
        await self.drop_triggers()
        await self.execute(statement, *args)
        for trigger in ("events_rows", "events_truncate"):
            await self.execute(f"ALTER TABLE {{}}events ENABLE ALWAYS TRIGGER {trigger}")

    async def drop_triggers(self) -> None:
        await self.execute("ALTER TABLE {}events DISABLE TRIGGER ALL")

    async def discard(self) -> None:
        busy = [log for log in self._logs if _checked_out(log)]
        for log in self._logs:
            await log.close()
        await self.execute(f"DROP SCHEMA IF EXISTS {self.schema} CASCADE")
        assert not busy, f"connections are still checked out: {busy}"


def _checked_out(log: EventLog) -> int:
    store = log._store
    assert isinstance(store, PostgresStore)
    return store._pools.lent()
