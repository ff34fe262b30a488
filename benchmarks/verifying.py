"""Checking a whole log, beside SHA-256 over the same rows as a bare driver reads them."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import asyncpg

from benchmarks.kit.filling import fill_log
from benchmarks.kit.harness import Call
from benchmarks.kit.place import OURS, Place, Scale, items
from benchmarks.kit.scenario import Bar, Rate, Scenario, Timing
from eventlog import EventLog, ItemsAdded, PostgresOptions, Signer

BARE: Final = "SHA-256 of the rows"
CONVERSATIONS: Final = 500
UNIT: Final = "events/s"
PAGE: Final = 1000
SCHEMA: Final = "verifying"
SIGNER: Final = Signer("example.com/log", bytes(32))

ROWS: Final = (
    "SELECT stream_id, version, format, event_id, kind, schema, recorded_at, header, codec, key_id,"
    " salt, context, body, content_digest, hash FROM {}events"
)


Opener = Callable[[Place], AbstractAsyncContextManager[Mapping[str, Call]]]


def scenarios(scale: Scale) -> list[Scenario]:
    """Return them."""
    title = f"verify of {scale.feed:,} events"

    def verifying(where: str, opened: Opener, at_most: float) -> Timing:
        bars = (Bar(OURS, BARE, at_most), Rate(OURS, UNIT), Rate(BARE, UNIT))
        return Timing(f"{title}, {where}", opened, bars, calls=1, rounds=5, units=scale.feed)

    return [
        verifying("SQLite", verify_sqlite, 2.0),
        verifying("PostgreSQL", verify_postgres, 1.8),
    ]


@contextlib.asynccontextmanager
async def verify_sqlite(place: Place) -> AsyncGenerator[Mapping[str, Call]]:
    """Check a file: its streams, its feed, its tree and a head."""
    path = place.folder / "verifying.db"
    async with EventLog(path) as log:
        await _fill(place, log, "a log to verify, SQLite")
        yield {OURS: lambda: _verify(log), BARE: lambda: asyncio.to_thread(_hash_sqlite, path)}


@contextlib.asynccontextmanager
async def verify_postgres(place: Place) -> AsyncGenerator[Mapping[str, Call]]:
    """Check a schema of a server in the same way."""
    bare = await asyncpg.connect(place.postgres_url)
    async with EventLog(place.postgres_url, postgres=PostgresOptions(schema=SCHEMA)) as log:
        await _fill(place, log, "a log to verify, PostgreSQL")
        await bare.execute("VACUUM ANALYZE")
        yield {OURS: lambda: _verify(log), BARE: lambda: _hash_postgres(bare)}
    await bare.close()


async def _fill(place: Place, log: EventLog, title: str) -> None:
    one, two = ItemsAdded(items(1)), ItemsAdded(items(2))
    total = place.scale.feed
    await fill_log(place, log, title, events=[one, two], conversations=CONVERSATIONS, total=total)
    await log.tree.head(SIGNER)


async def _verify(log: EventLog) -> None:
    found = await log.verify()
    assert found.ok, found


def _hash_sqlite(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db:
        _hash(db.execute(ROWS.format("") + " ORDER BY stream_id, version"))


async def _hash_postgres(bare: "asyncpg.Connection[Any]") -> None:
    async with bare.transaction():
        cursor = await bare.cursor(ROWS.format(f"{SCHEMA}.") + " ORDER BY stream_id, version")
        while rows := await cursor.fetch(PAGE):
            _hash(rows)


def _hash(rows: Iterable[Sequence[Any]]) -> None:
    """Hash every field of every row, and nothing more: no check, no chain."""
    for row in rows:
        sha256(
            b"".join(
                [
                    field if isinstance(field, bytes) else str(field).encode()
                    for field in row
                    if field is not None
                ]
            )
        ).digest()
