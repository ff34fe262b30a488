"""The contenders: sessions of the SDK and of others, opened as a careful user would.

Every SQLite file is in WAL mode with synchronous=FULL, and Redis appends to its file and flushes it
for each command. The `eventsourcing` library lets nobody set `synchronous`: it has what the SQLite
build has by default, which is FULL unless somebody compiled it otherwise.
"""

import os
import sqlite3
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final, Protocol, cast

from agents import SQLiteSession
from agents.extensions.memory import (
    AdvancedSQLiteSession,
    AsyncSQLiteSession,
    RedisSession,
    SQLAlchemySession,
)
from redis.asyncio import Redis
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from benchmarks.kit.eventsourced import EventsourcedSession
from benchmarks.kit.place import (
    ADVANCED_SQLITE,
    ASYNC_SQLITE,
    EVENTSOURCING,
    OURS,
    REDIS,
    SQLALCHEMY,
    SQLITE,
    Place,
)
from eventlog import EventLog, PostgresOptions
from eventlog_openai_agents import EventLogSession


class Session(Protocol):
    """What every contender can do."""

    async def get_items(self, limit: int | None = None) -> list[Any]:
        """Return the items, or the last `limit`."""
        ...

    async def add_items(self, items: list[Any]) -> None:
        """Add items at the end."""
        ...


Opener = Callable[[AsyncExitStack, str, str], Awaitable[Session]]
"""Opens session "chat" at an address; the name keeps scenarios on one server apart."""


class _FullSQLiteSession(SQLiteSession):
    @staticmethod
    def _configure_connection(conn: sqlite3.Connection) -> None:
        SQLiteSession._configure_connection(conn)
        conn.execute("PRAGMA synchronous=FULL")


class _FullAdvancedSQLiteSession(AdvancedSQLiteSession):
    @staticmethod
    def _configure_connection(conn: sqlite3.Connection) -> None:
        SQLiteSession._configure_connection(conn)
        conn.execute("PRAGMA synchronous=FULL")


async def event_log(stack: AsyncExitStack, path: str, _: str) -> EventLogSession:
    return await stack.enter_async_context(EventLogSession("chat", path))


async def event_log_postgres(stack: AsyncExitStack, url: str, name: str) -> EventLogSession:
    log = await stack.enter_async_context(EventLog(url, postgres=PostgresOptions(schema=name)))
    return EventLogSession("chat", log=log)


def sqlite_session(stack: AsyncExitStack, path: str, session_id: str) -> SQLiteSession:
    session = _FullSQLiteSession(session_id, path)
    stack.callback(session.close)
    return session


async def _sqlite(stack: AsyncExitStack, path: str, _: str) -> Session:
    return sqlite_session(stack, path, "chat")


async def _async_sqlite(stack: AsyncExitStack, path: str, _: str) -> Session:
    session = AsyncSQLiteSession("chat", path)
    stack.push_async_callback(session.close)
    connection = await session._get_connection()
    await connection.execute("PRAGMA synchronous=FULL")
    return session


async def _advanced_sqlite(stack: AsyncExitStack, path: str, _: str) -> Session:
    session = _FullAdvancedSQLiteSession(session_id="chat", db_path=path, create_tables=True)
    stack.callback(session.close)
    return session


async def _sqlalchemy_sqlite(stack: AsyncExitStack, path: str, _: str) -> Session:
    is_new = not Path(path).exists()  # noqa: ASYNC240 - once, and never inside a measurement
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}")
    stack.push_async_callback(engine.dispose)
    event.listen(engine.sync_engine, "connect", _set_full)
    return SQLAlchemySession("chat", engine=engine, create_tables=is_new)


def _set_full(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def postgres_engine(stack: AsyncExitStack, url: str) -> AsyncEngine:
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
    stack.push_async_callback(engine.dispose)
    return engine


def sqlalchemy_postgres(
    engine: AsyncEngine, session_id: str, name: str, *, create_tables: bool = True
) -> SQLAlchemySession:
    return SQLAlchemySession(
        session_id,
        engine=engine,
        create_tables=create_tables,
        sessions_table=f"{name}_sessions",
        messages_table=f"{name}_messages",
    )


async def _sqlalchemy_postgres(stack: AsyncExitStack, url: str, name: str) -> Session:
    return sqlalchemy_postgres(postgres_engine(stack, url), "chat", name)


async def sqlalchemy_postgres_again(stack: AsyncExitStack, url: str, name: str) -> Session:
    """Open it where the tables are known to be there: fewer round trips."""
    return sqlalchemy_postgres(postgres_engine(stack, url), "chat", name, create_tables=False)


async def _redis(stack: AsyncExitStack, url: str, name: str) -> Session:
    client = cast(Any, Redis).from_url(url)
    stack.push_async_callback(client.aclose)
    await client.config_set("appendonly", "yes")
    await client.config_set("appendfsync", "always")
    return RedisSession("chat", redis_client=client, key_prefix=name)


async def _eventsourcing(stack: AsyncExitStack, path: str, _: str) -> Session:
    session = EventsourcedSession(path)
    stack.callback(session.close)
    return session


SQLITE_OPENERS: Final[dict[str, Opener]] = {
    OURS: event_log,
    SQLITE: _sqlite,
    ASYNC_SQLITE: _async_sqlite,
    ADVANCED_SQLITE: _advanced_sqlite,
    SQLALCHEMY: _sqlalchemy_sqlite,
    EVENTSOURCING: _eventsourcing,
}

POSTGRES_OPENERS: Final[dict[str, Opener]] = {
    OURS: event_log_postgres,
    SQLALCHEMY: _sqlalchemy_postgres,
}

EVERYBODY: Final = (*SQLITE_OPENERS, REDIS)


async def on_files(
    stack: AsyncExitStack, place: Place, name: str, who: Iterable[str] = EVERYBODY
) -> dict[str, Session]:
    """Open some of those that work on this machine's disk: SQLite with a file each, and Redis."""
    sessions: dict[str, Session] = {}
    for each in who:
        if each == REDIS:
            sessions[each] = await _redis(stack, place.redis_url, name)
        else:
            path = file_of(place, name, each)
            sessions[each] = await SQLITE_OPENERS[each](stack, path, name)
    return sessions


async def on_postgres(stack: AsyncExitStack, place: Place, name: str) -> dict[str, Session]:
    """Open those of PostgreSQL, each with tables of its own."""
    return {
        each: await opener(stack, place.postgres_url, name)
        for each, opener in POSTGRES_OPENERS.items()
    }


def file_of(place: Place, name: str, who: str) -> str:
    """Say where a contender has its file."""
    return os.fspath(place.folder / f"{name}-{who}.db")
