"""Importing: how many items a second come out of a file of the SDK's into a log."""

import contextlib
import json
import sqlite3
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import closing
from pathlib import Path

from agents import SQLiteSession

from adapters.openai_agents.importing import import_sessions
from benchmarks.harness import Call, Took
from benchmarks.place import OURS, Place, items
from eventlog import EventLog

CONVERSATIONS = 10_000
ITEMS = 20


@contextlib.asynccontextmanager
async def import_sqlite(place: Place) -> AsyncGenerator[Mapping[str, Call]]:
    """Import a file of the SDK's into a new log, every commit flushed."""
    source = place.folder / "import-source.db"
    write_source(source)
    numbers = iter(range(1_000_000))

    async def copy() -> Took:
        async with EventLog(place.folder / f"import-{next(numbers)}.db") as log:
            await log.version("chat")  # Creating the tables is not what is measured.
            started = time.perf_counter()
            report = await import_sessions(log, source)
            passed = time.perf_counter() - started
        assert report.items == CONVERSATIONS * ITEMS
        return Took(passed)

    yield {OURS: copy}


def write_source(path: Path) -> None:
    """Write what as many users have said by turns: each row has a time of its own."""
    SQLiteSession("chat", path).close()
    rows = [
        (f"chat-{number}", json.dumps(item), f"2026-01-01 {step:02}:{number % 60:02}:00")
        for step, item in enumerate(items(ITEMS))
        for number in range(CONVERSATIONS)
    ]
    query = "INSERT INTO agent_messages (session_id, message_data, created_at) VALUES (?, ?, ?)"
    with closing(sqlite3.connect(path)) as db:
        db.executemany(query, rows)
        db.commit()
