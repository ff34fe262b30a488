"""Bytes on disk: what a history takes, and in what parts.

Sizes are those of the file after `PRAGMA wal_checkpoint(TRUNCATE)`: nothing is left in the WAL. The
parts are SQLite's own account of its pages by table and index (sqlite.org/dbstat.html); a build
without it gives the bytes of the values of each column.
"""

import base64
import contextlib
import functools
import itertools
import os
import random
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any, Final

from benchmarks.kit.contenders import file_of, sqlite_session
from benchmarks.kit.filling import fill
from benchmarks.kit.place import OURS, SQLITE, Place, Scale, items
from benchmarks.kit.scenario import Bar, Count, Scenario
from eventlog import EventLog
from eventlog_openai_agents import EventLogSession

LARGE: Final = 1_000_000
READ_EVERY: Final = 100
SMALLEST_PART: Final = 0.01


def scenarios(scale: Scale) -> list[Scenario]:
    """Return them."""
    usual = functools.partial(items, scale.file)
    large = functools.partial(large_items, scale.large)
    return [
        _size(f"file of {scale.file:,} items, one an event", usual, turn=1, at_most=1.15),
        _size(f"file of {scale.file:,} items, two an event", usual, turn=2, at_most=1.05),
        _size(f"file of {scale.large} items of 1 MB, two an event", large, turn=2, at_most=1.1),
    ]


def _size(title: str, make: Callable[[], list[Any]], *, turn: int, at_most: float) -> Count:
    taken = functools.partial(take, title=title, make=make, turn=turn)
    return Count(title, taken, (Bar(OURS, SQLITE, at_most),))


def large_items(count: int) -> list[Any]:
    """Return items of 1 MB that compress no better than base64 does."""
    chosen = random.Random(count)
    parts = (chosen.randbytes(LARGE * 3 // 4) for _ in range(count))
    return [{"role": "user", "content": base64.b64encode(part).decode()} for part in parts]


async def take(
    place: Place, *, title: str, make: Callable[[], list[Any]], turn: int
) -> Mapping[str, float]:
    """Write the same items and return the sizes and their parts."""
    past = make()
    ours, theirs = (file_of(place, title, who) for who in (OURS, SQLITE))
    await _write(place, ours, past, turn)
    async with contextlib.AsyncExitStack() as stack:
        await fill(sqlite_session(stack, theirs, "chat"), past)
    return _account(OURS, ours) | _account(SQLITE, theirs)


async def _write(place: Place, path: str, past: list[Any], turn: int) -> None:
    """Add turn by turn and read now and then, so that snapshots come about as they do in use."""
    advance = place.track("writing turns", len(past))
    async with EventLog(path, durability="normal") as log:
        session = EventLogSession("chat", log=log)
        for number, start in enumerate(range(0, len(past), turn), start=1):
            await session.add_items(past[start : start + turn])
            if number % READ_EVERY == 0:
                await session.get_items()
            advance(turn)
        await session.get_items()


def _account(who: str, path: str) -> dict[str, float]:
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = os.path.getsize(path)
        parts = _pages(db) or _values(db)
    worth_naming = [(part, taken) for part, taken in parts if taken > size * SMALLEST_PART]
    return {who: float(size)} | {f"{who}: {part}": float(taken) for part, taken in worth_naming}


def _pages(db: sqlite3.Connection) -> list[tuple[str, int]]:
    try:
        return db.execute(
            "SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY sum(pgsize) DESC"
        ).fetchall()
    except sqlite3.OperationalError:  # This build has no dbstat.
        return []


def _values(db: sqlite3.Connection) -> list[tuple[str, int]]:
    tables = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    return list(itertools.chain.from_iterable(_columns(db, table) for (table,) in tables))


def _columns(db: sqlite3.Connection, table: str) -> list[tuple[str, int]]:
    names = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
    sums = ", ".join(f'coalesce(sum(length(CAST("{name}" AS BLOB))), 0)' for name in names)
    (row,) = db.execute(f"SELECT {sums} FROM {table}")
    return [(f"{table}.{name}", taken) for name, taken in zip(names, row, strict=True)]
