"""Writing: what one append costs whoever waits for it."""

import contextlib
from collections.abc import AsyncGenerator, Mapping

import asyncpg

from benchmarks.kit.contenders import Session, file_of, on_files, on_postgres
from benchmarks.kit.floor import BARE_INSERT, Hop, insert
from benchmarks.kit.format_floor import FORMAT_POSTGRES, FORMAT_SQLITE, rows_in_file, rows_in_schema
from benchmarks.kit.harness import Call
from benchmarks.kit.place import OURS, SQLALCHEMY, SQLITE, Place, Scale, items
from benchmarks.kit.scenario import Bar, Scenario, Timing

BARE_ASYNCPG = "bare asyncpg INSERT"


def scenarios(_: Scale) -> list[Scenario]:
    """Return them."""
    return [
        Timing(
            "one append of 2 items, SQLite",
            append_sqlite,
            (
                Bar(OURS, SQLITE, 0.95),
                Bar(OURS, BARE_INSERT, 1.4),
                Bar(FORMAT_SQLITE, SQLITE),
                Bar(FORMAT_SQLITE, BARE_INSERT),
            ),
            calls=60,
        ),
        Timing(
            "one append of 2 items, PostgreSQL",
            append_postgres,
            (
                Bar(OURS, SQLALCHEMY, 0.22),
                Bar(OURS, BARE_ASYNCPG, 1.7),
                Bar(FORMAT_POSTGRES, BARE_ASYNCPG),
            ),
            calls=40,
        ),
    ]


@contextlib.asynccontextmanager
async def append_sqlite(place: Place) -> AsyncGenerator[Mapping[str, Call]]:
    """Append two items to a file, every commit flushed."""
    batch = items(2)
    hop = Hop(place.folder / "append-bare.db")
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(hop.close)
        sessions = await on_files(stack, place, "append")
        rows = await rows_in_file(stack, file_of(place, "append", FORMAT_SQLITE))
        yield _adding(sessions, batch) | {
            BARE_INSERT: lambda: insert(hop, "chat", str(batch)),
            FORMAT_SQLITE: lambda: rows.append(batch),
        }


@contextlib.asynccontextmanager
async def append_postgres(place: Place) -> AsyncGenerator[Mapping[str, Call]]:
    """Append two items on one server, every commit flushed."""
    batch = items(2)
    bare = await asyncpg.connect(place.postgres_url)
    await bare.execute("CREATE TABLE bare (id bigserial, session text, body text)")
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(bare.close)
        sessions = await on_postgres(stack, place, "append")
        rows = await rows_in_schema(bare, place.postgres_url, "append_rows")
        yield _adding(sessions, batch) | {
            BARE_ASYNCPG: lambda: bare.execute(
                "INSERT INTO bare (session, body) VALUES ($1, $2)", "chat", str(batch)
            ),
            FORMAT_POSTGRES: lambda: rows.append(batch),
        }


def _adding(sessions: Mapping[str, Session], batch: list[object]) -> dict[str, Call]:
    def call(session: Session) -> Call:
        return lambda: session.add_items(batch)

    return {who: call(session) for who, session in sessions.items()}
