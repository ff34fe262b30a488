"""Conversations that append at once: what a server sees, not what one user sees."""

import asyncio
import contextlib
import functools
import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from typing import Any, Final

from eventsourcing.persistence import StoredEvent
from eventsourcing.sqlite import SQLiteApplicationRecorder

from benchmarks.kit.contenders import (
    Session,
    file_of,
    postgres_engine,
    sqlalchemy_postgres,
    sqlite_session,
)
from benchmarks.kit.eventsourced import recorder
from benchmarks.kit.format_floor import FORMAT_SQLITE, SqliteRows, rows_in_file
from benchmarks.kit.harness import Call
from benchmarks.kit.place import EVENTSOURCING, OURS, SQLALCHEMY, SQLITE, Place, Scale, items
from benchmarks.kit.scenario import Bar, Point, Rate, Scenario, Timing
from eventlog import EventLog, PostgresOptions
from eventlog_openai_agents import EventLogSession

MANY: Final = 50
EACH: Final = 4
THREADS: Final = 16

UNIT: Final = "appends/s"
PLOT: Final = "throughput"
RECORDER: Final = f"{EVENTSOURCING}, {THREADS} threads"


def scenarios(scale: Scale) -> list[Scenario]:
    """Return them."""
    postgres = Timing(
        f"{MANY} conversations at once, PostgreSQL, the feed followed",
        many_postgres,
        (Bar(OURS, SQLALCHEMY, 0.06), Rate(OURS, UNIT)),
        calls=2,
        units=MANY * EACH,
    )
    return [*map(_on_sqlite, scale.writers), postgres]


def _on_sqlite(writers: int) -> Timing:
    are_many = writers == MANY
    bars = (
        (Bar(OURS, SQLITE, 0.13), Bar(OURS, RECORDER, 0.25), Bar(FORMAT_SQLITE, SQLITE))
        if are_many
        else ()
    )
    return Timing(
        f"{writers} conversation{'s' if writers > 1 else ''} at once, SQLite",
        functools.partial(many_sqlite, writers=writers, has_others=are_many),
        (*bars, Rate(OURS, UNIT), Rate(SQLITE, UNIT)),
        calls=3,
        rounds=15 if are_many else 7,
        units=writers * EACH,
        point=Point(PLOT, writers),
    )


@contextlib.asynccontextmanager
async def many_sqlite(
    place: Place, *, writers: int, has_others: bool
) -> AsyncGenerator[Mapping[str, Call]]:
    """One process, one file, every commit flushed."""
    name = f"many-{writers}"
    path = file_of(place, name, SQLITE)
    async with AsyncExitStack() as stack:
        log = await stack.enter_async_context(EventLog(file_of(place, name, OURS)))
        ours = [EventLogSession(f"chat-{number}", log=log) for number in range(writers)]
        theirs = [sqlite_session(stack, path, f"chat-{number}") for number in range(writers)]
        calls = {OURS: _adding(ours), SQLITE: _adding(theirs)}
        if has_others:
            calls[RECORDER] = _recording(stack, file_of(place, name, RECORDER), writers)
            names = [f"chat-{number}" for number in range(writers)]
            rows = await rows_in_file(stack, file_of(place, name, FORMAT_SQLITE), names)
            calls[FORMAT_SQLITE] = lambda: _add_rows(rows)
        yield calls


@contextlib.asynccontextmanager
async def many_postgres(place: Place) -> AsyncGenerator[Mapping[str, Call]]:
    """One process, one server, every commit flushed, with a reader that follows the feed."""
    async with AsyncExitStack() as stack:
        engine = postgres_engine(stack, place.postgres_url)
        log = await stack.enter_async_context(
            EventLog(place.postgres_url, postgres=PostgresOptions(schema="many"))
        )
        names = [f"chat-{number}" for number in range(MANY)]
        reader = asyncio.ensure_future(_follow(log))
        stack.push_async_callback(_cancel, reader)
        yield {
            OURS: _adding([EventLogSession(name, log=log) for name in names]),
            SQLALCHEMY: _adding([sqlalchemy_postgres(engine, name, "many") for name in names]),
        }


def _adding(sessions: Sequence[Session]) -> Call:
    batch = items(2)

    async def add(session: Session) -> None:
        for _ in range(EACH):
            await session.add_items(batch)

    return lambda: asyncio.gather(*[add(session) for session in sessions])


async def _add_rows(rows: SqliteRows) -> None:
    batch = items(2)
    for _ in range(EACH):
        await rows.append(batch)


def _recording(stack: AsyncExitStack, path: str, writers: int) -> Call:
    threads = stack.enter_context(ThreadPoolExecutor(THREADS))
    opened = recorder(path)
    stack.callback(opened.datastore.close)
    body = str(items(2)).encode()
    return lambda: asyncio.to_thread(_record, threads, opened, body, writers * EACH)


def _record(
    threads: ThreadPoolExecutor, recorder: SQLiteApplicationRecorder, body: bytes, times: int
) -> None:
    def insert(_: int) -> Any:
        return recorder.insert_events([StoredEvent(uuid.uuid4(), 1, "added", body)])

    list(threads.map(insert, range(times)))


async def _follow(log: EventLog) -> None:
    async for _ in log.subscribe():
        pass


async def _cancel(reader: "asyncio.Future[None]") -> None:
    reader.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await reader
