"""A log on PostgreSQL with its roles, each of which can log in."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from eventlog import EventLog
from eventlog.operations import create_roles, migrate
from tests.backends import PostgresBackend
from tests.options import grouped


class Roled:
    """The backend, and the names of its roles."""

    def __init__(self, backend: PostgresBackend) -> None:
        self.backend = backend
        self.names: set[str] = set()
        self._logs: list[EventLog] = []

    def name(self, role: str) -> str:
        return f"{self.backend.schema}_{role}"

    async def create(self, url: str | None = None, **options: Any) -> list[str]:
        """Run the command, and let every role log in."""
        names = await create_roles(url or self.backend.url, **self.backend.options, **options)
        for name in set(names) - self.names:
            await self.backend.execute(f'ALTER ROLE "{name}" LOGIN')
        self.names |= set(names)
        return names

    def url(self, role: str) -> str:
        url = make_url(self.backend.url).set(username=self.name(role))
        return url.render_as_string(hide_password=False)

    def open(self, role: str, **options: Any) -> EventLog:
        """Open the log as one of its roles."""
        log = EventLog(self.url(role), **grouped(**{**self.backend.options, **options}))
        self._logs.append(log)
        return log

    async def run(self, role: str, statement: str, *args: object) -> list[tuple[Any, ...]]:
        """Run SQL as a role."""
        connection = await asyncpg.connect(self.url(role))
        try:
            text = statement.replace("{}", f"{self.backend.schema}.")
            return [tuple(row) for row in await connection.fetch(text, *args)]
        finally:
            await connection.close()

    async def allowed(self, role: str, statements: list[str]) -> list[str]:
        """Return those that the role may run; nothing of them is kept."""
        found: list[str] = []
        connection = await asyncpg.connect(self.url(role))
        try:
            for statement in statements:
                transaction = connection.transaction()
                await transaction.start()
                with contextlib.suppress(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement.replace("{}", f"{self.backend.schema}."))
                    found.append(statement)
                await transaction.rollback()
        finally:
            await connection.close()
        return found

    async def discard(self) -> None:
        for log in self._logs:
            await log.close()
        await self.backend.discard()
        for name in self.names:
            await self.backend.execute(f'DROP OWNED BY "{name}"')
        for name in self.names:
            await self.backend.execute(f'DROP ROLE "{name}"')


@pytest.fixture
async def roled(postgres_url: str) -> AsyncIterator[Roled]:
    backend = PostgresBackend(postgres_url)
    await migrate(backend.url, **backend.options)
    opened = Roled(backend)
    try:
        await opened.create()
        yield opened
    finally:
        await opened.discard()


@pytest.fixture
async def blank_postgres(postgres_url: str) -> AsyncIterator[PostgresBackend]:
    """A schema that is not there yet."""
    backend = PostgresBackend(postgres_url)
    try:
        yield backend
    finally:
        await backend.discard()
