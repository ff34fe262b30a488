"""kill -9 during an import, at any moment: the next one goes on, and nothing is there twice."""

import json
import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from agents import SQLiteSession

from eventlog_importing import import_sessions
from eventlog_projections import Conversation
from tests.backends import Backend
from tests.faults import importers
from tests.faults.nursery import Nursery
from tests.waiting import LONG

CONVERSATIONS: Final = 2_000 if LONG else 400
LONG_ONE: Final = 5_000
KILLS: Final = 40 if LONG else 8


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as opened:
        yield opened


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Many short conversations, one that takes many appends, and a row that is no item in each."""
    path = tmp_path_factory.mktemp("source") / "theirs.db"
    SQLiteSession("chat", path).close()
    rows = [
        (f"chat-{number}", json.dumps({"role": "user", "content": f"{number}/{step}"}))
        for number in range(CONVERSATIONS)
        for step in range(number % 20 + 1)
    ]
    rows += [("long", json.dumps({"n": step})) for step in range(LONG_ONE)]
    rows += [(f"chat-{number}", "{broken") for number in range(CONVERSATIONS)]
    with closing(sqlite3.connect(path)) as db:
        db.executemany("INSERT INTO agent_messages (session_id, message_data) VALUES (?, ?)", rows)
        db.commit()
    return path


def stored(path: Path) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    with closing(sqlite3.connect(path)) as db:
        query = "SELECT session_id, message_data FROM agent_messages ORDER BY id"
        for name, row in db.execute(query):
            found.setdefault(name, []).append(row)
    return found


async def test_an_import_that_is_killed_is_gone_on_with(
    backend: Backend, nursery: Nursery, source: Path
) -> None:
    """Killed at random moments and started again until it is done: every row once, in order."""
    nursery.prepare(importers.prepare)
    async with backend.open() as log:
        await log.version("chat")  # The log is there; being created is another test's.
    begun: list[int] = []
    for _ in range(KILLS):
        with nursery.fork(importers.import_store, str(source), backend.url, backend.options) as one:
            one.wait_for_a_line()
            time.sleep(random.uniform(0, 0.1))
            one.kill()
            begun.append(len(one.lines()))
    async with backend.open() as log:
        report = await import_sessions(log, source)
        assert not report.refused
        expected = stored(source)
        assert report.copied + report.unchanged == report.conversations == len(expected)
        assert report.unchanged > 0, "no kill came late enough"
        for name, rows in expected.items():
            events = [event.event async for event in log.read(name)]
            preserved = [event for event in events if event.kind == "preserved"]
            items = await Conversation(log, name).items()
            assert items == [json.loads(row) for row in rows if row != "{broken"], name
            assert len(preserved) == rows.count("{broken")
        assert (await log.verify()).ok
    assert any(lines < len(stored(source)) for lines in begun), "no kill came early enough"
