"""Stores of the SDK's own sessions, written by their real classes, that an import reads."""

import contextlib
import uuid
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any, Final

import redis.asyncio
from agents import Session, SQLiteSession
from agents.extensions.memory import (
    AdvancedSQLiteSession,
    AsyncSQLiteSession,
    EncryptedSession,
    RedisSession,
    SQLAlchemySession,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from eventlog_importing import (
    EncryptedSource,
    RedisSource,
    Source,
    SQLAlchemySource,
    SQLiteSource,
)

MYSQL_DRIVERS: Final = ("aiomysql", "asyncmy")
KEY: Final = "a key of many words that nobody guesses"


class Store:
    """Somewhere that sessions of one class store conversations."""

    def __init__(self, open_session: Callable[[str], Any], source: Source) -> None:
        self._open: Final = open_session
        self.source: Final = source

    @contextlib.asynccontextmanager
    async def session(self, name: str) -> AsyncGenerator[Session]:
        """Open their session."""
        session = self._open(name)
        try:
            yield session
        finally:
            await closed(session)

    async def write(self, name: str, *batches: list[Any]) -> None:
        """Let their session add the batches."""
        async with self.session(name) as session:
            for batch in batches:
                await session.add_items(batch)

    async def read(self, name: str) -> list[Any]:
        """Return what their session returns."""
        async with self.session(name) as session:
            return list(await session.get_items())


async def closed(session: Any) -> None:
    """Close a session of theirs, whichever way it has; an EncryptedSession closes what it wraps."""
    session = getattr(session, "underlying_session", session)
    if isinstance(session, SQLiteSession):
        session.close()
    elif not isinstance(session, SQLAlchemySession):
        await session.close()


def sqlite(path: Path) -> Store:
    return Store(lambda name: SQLiteSession(name, path), SQLiteSource(path))


def sqlite_with_tables_named(path: Path) -> Store:
    return Store(
        lambda name: SQLiteSession(name, path, "my sessions".replace(" ", "_"), "my_messages"),
        SQLiteSource(path, messages_table="my_messages"),
    )


def async_sqlite(path: Path) -> Store:
    return Store(lambda name: AsyncSQLiteSession(name, path), SQLiteSource(path))


def advanced_sqlite(path: Path) -> Store:
    def opened(name: str) -> AdvancedSQLiteSession:
        return AdvancedSQLiteSession(session_id=name, db_path=path, create_tables=True)

    return Store(opened, SQLiteSource(path))


def encrypted_sqlite(path: Path) -> Store:
    def opened(name: str) -> EncryptedSession:
        return EncryptedSession(name, SQLiteSession(name, path), KEY)

    return Store(opened, EncryptedSource(SQLiteSource(path), KEY))


@contextlib.asynccontextmanager
async def sqlalchemy_sqlite(path: Path) -> AsyncGenerator[Store]:
    """A file that SQLAlchemySession wrote, read as a file."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}")
    yield Store(_with(engine), SQLiteSource(path))
    await engine.dispose()


@contextlib.asynccontextmanager
async def sqlalchemy_postgres(url: str) -> AsyncGenerator[Store]:
    """Tables of their own on the test server, read through the engine."""
    name = uuid.uuid4().hex[:12]
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
    tables: Any = {"sessions_table": f"sessions_{name}", "messages_table": f"messages_{name}"}
    yield Store(_with(engine, **tables), SQLAlchemySource(engine, **tables))
    async with engine.begin() as connection:
        for table in reversed(tables.values()):
            await connection.exec_driver_sql(f"DROP TABLE IF EXISTS {table}")
    await engine.dispose()


@contextlib.asynccontextmanager
async def mysql_database(url: str, driver: str, more: str = "") -> AsyncGenerator[URL]:
    """A database of its own on a MySQL server, of a character set of people; its URL."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    server = make_url(url).set(drivername=f"mysql+{driver}")
    engine = create_async_engine(server)
    try:
        async with engine.begin() as connection:
            await connection.exec_driver_sql(f"CREATE DATABASE {name} {more}")
        yield server.set(database=name)
        async with engine.begin() as connection:
            await connection.exec_driver_sql(f"DROP DATABASE {name}")
    finally:
        await engine.dispose()


MYSQL_TABLES: Final = (
    "CREATE TABLE agent_sessions (session_id {name} PRIMARY KEY, {times},"
    " updated_at {time} NOT NULL DEFAULT {now})",
    "CREATE TABLE agent_messages (id BIGINT AUTO_INCREMENT PRIMARY KEY, session_id {name}"
    " NOT NULL, message_data {content} NOT NULL, {times}, INDEX (session_id),"
    " FOREIGN KEY (session_id) REFERENCES agent_sessions (session_id) ON DELETE CASCADE)",
)
"""Those of SQLAlchemySession, as one makes them by hand: its own DDL gives names no length."""


async def make_mysql_tables(
    engine: AsyncEngine,
    *,
    name: str = "VARCHAR(768)",
    content: str = "LONGTEXT",
    time: str = "TIMESTAMP",
) -> None:
    """Make its tables, with columns of the given types."""
    now = f"CURRENT_TIMESTAMP{time.partition('TIMESTAMP')[2]}"
    times = f"created_at {time} NOT NULL DEFAULT {now}"
    async with engine.begin() as connection:
        for statement in MYSQL_TABLES:
            given = {"name": name, "content": content, "time": time, "times": times, "now": now}
            made = statement.format(**given)
            await connection.exec_driver_sql(made)


@contextlib.asynccontextmanager
async def sqlalchemy_mysql(url: str, driver: str) -> AsyncGenerator[Store]:
    """A database of its own, read through its URL."""
    async with mysql_database(url, driver, "CHARACTER SET utf8mb4") as there:
        engine = create_async_engine(there)
        await make_mysql_tables(engine, name="VARCHAR(1024) CHARACTER SET utf8mb3")
        address = there.render_as_string(hide_password=False)
        yield Store(_with(engine, create_tables=False), SQLAlchemySource(address))
        await engine.dispose()


def _with(
    engine: AsyncEngine, *, create_tables: bool = True, **tables: Any
) -> Callable[[str], SQLAlchemySession]:
    return lambda name: SQLAlchemySession(
        name, engine=engine, create_tables=create_tables, **tables
    )


@contextlib.asynccontextmanager
async def on_redis(url: str) -> AsyncGenerator[Store]:
    """Keys of their own on the test server."""
    prefix = f"test:{uuid.uuid4().hex}*[x]"
    async with redis.asyncio.Redis.from_url(url) as client:

        def opened(name: str) -> RedisSession:
            return RedisSession(name, redis_client=client, key_prefix=prefix)

        yield Store(opened, RedisSource(client, key_prefix=prefix))
        async for key in client.scan_iter(match=prefix.replace("*[", "\\*\\[") + "*"):
            await client.delete(key)
