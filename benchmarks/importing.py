"""Importing: how many items a second come out of a file of the SDK's into a log."""

import contextlib
import json
import sqlite3
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

from agents import SQLiteSession

from benchmarks.kit.harness import Call, Took
from benchmarks.kit.place import Place, Scale, items
from benchmarks.kit.scenario import Bar, Rate, Scenario, Timing
from eventlog import EventLog
from eventlog_importing import import_sessions

IMPORT: Final = "import_sessions"
BARE: Final = "bare copy, one transaction"
ITEMS: Final = 20


def scenarios(scale: Scale) -> list[Scenario]:
    """Return them."""
    title = f"import of {scale.imported:,} conversations of {ITEMS} items, SQLite"
    bars = (Rate(IMPORT, "items/s", 20_000), Bar(IMPORT, BARE))
    return [Timing(title, import_sqlite, bars, calls=1, rounds=5, units=scale.imported * ITEMS)]


@contextlib.asynccontextmanager
async def import_sqlite(place: Place) -> AsyncGenerator[Mapping[str, Call]]:
    """Import a file of the SDK's into a new log, every commit flushed.

    Beside it stands the least that a copy can do: read each row, decode and encode it, insert it.
    """
    source = place.folder / "import-source.db"
    write_source(source, place.scale.imported)
    numbers = iter(range(1_000_000))

    async def copy() -> Took:
        path = place.folder / f"import-{next(numbers)}.db"
        async with EventLog(path) as log:
            await log.version("chat")  # Creating the tables is not what is measured.
            started = time.perf_counter()
            report = await import_sessions(log, source)
            passed = time.perf_counter() - started
        path.unlink()
        assert report.items == place.scale.imported * ITEMS
        return Took(passed)

    async def bare() -> Took:
        path = place.folder / f"import-bare-{next(numbers)}.db"
        passed = copy_bare(source, path)
        path.unlink()
        return Took(passed)

    yield {IMPORT: copy, BARE: bare}


def copy_bare(source: Path, path: Path) -> float:
    """Return the seconds that it takes."""
    query = "SELECT session_id, message_data FROM agent_messages ORDER BY session_id, id"
    with closing(sqlite3.connect(source)) as theirs, closing(sqlite3.connect(path)) as ours:
        ours.execute("PRAGMA journal_mode=WAL")
        ours.execute("PRAGMA synchronous=FULL")
        ours.execute("CREATE TABLE bare (id INTEGER PRIMARY KEY, session TEXT, body TEXT)")
        started = time.perf_counter()
        rows = ((name, json.dumps(json.loads(stored))) for name, stored in theirs.execute(query))
        ours.executemany("INSERT INTO bare (session, body) VALUES (?, ?)", rows)
        ours.commit()
        return time.perf_counter() - started


def write_source(path: Path, conversations: int) -> None:
    """Write what as many users have said by turns: each row has a time of its own."""
    SQLiteSession("chat", path).close()
    rows = [
        (f"chat-{number}", json.dumps(item), f"2026-01-01 {step:02}:{number % 60:02}:00")
        for step, item in enumerate(items(ITEMS))
        for number in range(conversations)
    ]
    query = "INSERT INTO agent_messages (session_id, message_data, created_at) VALUES (?, ?, ?)"
    with closing(sqlite3.connect(path)) as db:
        db.executemany(query, rows)
        db.commit()
