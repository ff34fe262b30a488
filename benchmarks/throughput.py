"""Fifty conversations that append at once: what a server sees, not what one user sees."""

import asyncio
import contextlib
import os
import uuid
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from agents import SQLiteSession
from agents.extensions.memory import SQLAlchemySession
from eventsourcing.persistence import StoredEvent
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteDatastore
from sqlalchemy.ext.asyncio import create_async_engine

from adapters.openai_agents import EventLogSession
from benchmarks.harness import Call
from benchmarks.place import OURS, Place, items
from eventlog import EventLog

CONVERSATIONS: Final = 50
EACH: Final = 4
THREADS: Final = 16


@contextlib.asynccontextmanager
async def many_sqlite(place: Place) -> AsyncGenerator[dict[str, Call]]:
    """One process, one file, every commit flushed."""
    batch = items(2)
    path = place.folder / "many-sdk.db"
    theirs = [SQLiteSession(f"chat-{number}", path) for number in range(CONVERSATIONS)]
    recorder = SQLiteApplicationRecorder(
        SQLiteDatastore(os.fspath(place.folder / "many-eventsourcing.db"))
    )
    recorder.create_table()
    body = str(batch).encode()
    threads = ThreadPoolExecutor(THREADS)
    async with EventLog(place.folder / "many-ours.db") as log:
        ours = [EventLogSession(f"chat-{number}", log=log) for number in range(CONVERSATIONS)]
        yield {
            OURS: lambda: asyncio.gather(*[_add(session, batch) for session in ours]),
            "SQLiteSession": lambda: asyncio.gather(*[_add(session, batch) for session in theirs]),
            "eventsourcing, 16 threads": lambda: asyncio.to_thread(
                _record, threads, recorder, body
            ),
        }
    threads.shutdown()
    for session in theirs:
        session.close()


@contextlib.asynccontextmanager
async def many_postgres(place: Place) -> AsyncGenerator[dict[str, Call]]:
    """One process, one server, every commit flushed, with a reader that follows the feed."""
    batch = items(2)
    engine = create_async_engine(
        place.postgres_url.replace("postgresql://", "postgresql+asyncpg://")
    )
    theirs = [
        SQLAlchemySession(f"chat-{number}", engine=engine, create_tables=True)
        for number in range(CONVERSATIONS)
    ]
    async with EventLog(place.postgres_url, schema="many") as log:
        ours = [EventLogSession(f"chat-{number}", log=log) for number in range(CONVERSATIONS)]
        await ours[0].add_items(batch)
        reader = asyncio.ensure_future(_follow(log))
        yield {
            OURS: lambda: asyncio.gather(*[_add(session, batch) for session in ours]),
            "SQLAlchemySession": lambda: asyncio.gather(
                *[_add(session, batch) for session in theirs]
            ),
        }
        reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reader
    await engine.dispose()


async def _add(
    session: EventLogSession | SQLiteSession | SQLAlchemySession, batch: list[Any]
) -> None:
    for _ in range(EACH):
        await session.add_items(batch)


async def _follow(log: EventLog) -> None:
    async for _ in log.subscribe():
        pass


def _record(threads: ThreadPoolExecutor, recorder: SQLiteApplicationRecorder, body: bytes) -> None:
    def insert(_: int) -> None:
        event = StoredEvent(uuid.uuid4(), 1, "added", body)
        recorder.insert_events([event])

    list(threads.map(insert, range(CONVERSATIONS * EACH)))
