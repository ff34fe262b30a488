"""What is measured, against what, and the bar that each figure has to meet."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final, NamedTuple

import asyncpg
from agents import SQLiteSession
from agents.extensions.memory import SQLAlchemySession

from adapters.openai_agents import EventLogSession
from benchmarks.harness import Call
from benchmarks.place import OURS, Place, items
from benchmarks.throughput import many_postgres, many_sqlite
from eventlog import EventLog
from eventlog.store.worker import Worker


class Bar(NamedTuple):
    """`name` may take at most `at_most` times as long as `base`."""

    name: str
    base: str
    at_most: float


class Scenario(NamedTuple):
    """Contenders that do the same work, and the bars between them."""

    title: str
    open: Callable[[Place], AbstractAsyncContextManager[dict[str, Call]]]
    bars: tuple[Bar, ...]
    calls: int


@contextlib.asynccontextmanager
async def append_sqlite(place: Place) -> AsyncGenerator[dict[str, Call]]:
    """Append two items to a file, every contender with synchronous=FULL."""
    batch = items(2)
    sdk = SQLiteSession("chat", place.folder / "append-sdk.db")
    sdk._get_connection().execute("PRAGMA synchronous=FULL")
    bare = Worker(lambda: _bare_file(place.folder / "append-bare.db"), lambda _, __: [])
    row = ("chat", str(batch))
    async with EventLogSession("chat", place.folder / "append-ours.db") as ours:
        yield {
            OURS: lambda: ours.add_items(batch),
            "SQLiteSession": lambda: sdk.add_items(batch),
            "bare INSERT, one hop": lambda: bare.read(lambda db: _bare_insert(db, row)),
        }
    sdk.close()
    bare.close()


def _bare_file(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, session TEXT, body TEXT)")
    return db


def _bare_insert(db: sqlite3.Connection, row: tuple[str, str]) -> None:
    db.execute("BEGIN IMMEDIATE")
    db.execute("INSERT INTO items (session, body) VALUES (?, ?)", row)
    db.execute("COMMIT")


@contextlib.asynccontextmanager
async def append_postgres(place: Place) -> AsyncGenerator[dict[str, Call]]:
    """Append two items on one server, every commit flushed."""
    batch = items(2)
    url = place.postgres_url
    sdk = SQLAlchemySession.from_url(
        "chat", url=url.replace("postgresql://", "postgresql+asyncpg://"), create_tables=True
    )
    bare = await asyncpg.connect(url)
    await bare.execute("CREATE TABLE IF NOT EXISTS bare (id bigserial, session text, body text)")
    body = str(batch)
    async with EventLog(url) as log:
        ours = EventLogSession("chat", log=log)
        yield {
            OURS: lambda: ours.add_items(batch),
            "SQLAlchemySession": lambda: sdk.add_items(batch),
            "bare asyncpg INSERT": lambda: bare.execute(
                "INSERT INTO bare (session, body) VALUES ($1, $2)", "chat", body
            ),
        }
    await sdk.engine.dispose()
    await bare.close()


@contextlib.asynccontextmanager
async def read_sqlite(place: Place) -> AsyncGenerator[dict[str, Call]]:
    """Read a thousand items, again and again, in one process."""
    sdk = SQLiteSession("chat", place.folder / "read-sdk.db")
    async with EventLogSession("chat", place.folder / "read-ours.db") as ours:
        for start in range(0, 1000, 2):
            batch = items(1000)[start : start + 2]
            await asyncio.gather(ours.add_items(batch), sdk.add_items(batch))
        yield {OURS: ours.get_items, "SQLiteSession": sdk.get_items}
    sdk.close()


SCENARIOS: Final = (
    Scenario(
        "one append of 2 items, SQLite",
        append_sqlite,
        (Bar(OURS, "SQLiteSession", 0.8), Bar(OURS, "bare INSERT, one hop", 1.4)),
        calls=60,
    ),
    Scenario(
        "one append of 2 items, PostgreSQL",
        append_postgres,
        (Bar(OURS, "SQLAlchemySession", 0.35), Bar(OURS, "bare asyncpg INSERT", 1.7)),
        calls=40,
    ),
    Scenario(
        "50 conversations at once, SQLite",
        many_sqlite,
        (Bar(OURS, "SQLiteSession", 0.1), Bar(OURS, "eventsourcing, 16 threads", 0.25)),
        calls=3,
    ),
    Scenario(
        "50 conversations at once, PostgreSQL",
        many_postgres,
        (Bar(OURS, "SQLAlchemySession", 0.1),),
        calls=2,
    ),
    Scenario(
        "get_items of 1,000 items, SQLite",
        read_sqlite,
        (Bar(OURS, "SQLiteSession", 1.0),),
        calls=15,
    ),
)
