"""A database that was put back to an earlier state: what came after it is lost, and stays lost."""

import contextlib
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from eventlog import EventLog
from eventlog.errors import HistoryLostError
from eventlog_projections import Conversation
from tests.backends import Backend, SqliteBackend
from tests.elsewhere import NAME, add_many, filled, open_elsewhere, snapshots

KEPT: list[Any] = [{"kept": number} for number in range(300)]
LOST: list[Any] = [{"lost": number} for number in range(600)]
NEW: list[Any] = [{"new": number} for number in range(600)]

Restore = Callable[[], Awaitable[None]]


@contextlib.asynccontextmanager
async def a_copy(backend: Backend, folder: Path) -> AsyncGenerator[Restore]:
    """Copy the log; what is yielded puts the copy back, under the feet of who has it open."""
    if isinstance(backend, SqliteBackend):
        with (
            contextlib.closing(sqlite3.connect(folder / "copy.db")) as copy,
            contextlib.closing(sqlite3.connect(backend.url)) as live,
        ):
            live.backup(copy)

            async def put_back() -> None:
                copy.backup(live)

            yield put_back
        return
    tables = ("streams", "events", "queue", "feed", "feed_head", "snapshots", "segments")
    for table in tables:
        await backend.execute(f"CREATE TABLE {{}}copy_of_{table} AS TABLE {{}}{table}")

    async def restore() -> None:
        for table in tables:
            await backend.tamper(f"DELETE FROM {{}}{table}")
            await backend.tamper(f"INSERT INTO {{}}{table} SELECT * FROM {{}}copy_of_{table}")

    yield restore


async def lose(backend: Backend, restore: Restore, *, keep_snapshots: bool) -> None:
    """Restore; where `keep_snapshots`, those of the lost future are still there."""
    if not keep_snapshots:
        await restore()
        return
    columns = {
        "snapshots": "stream_id, schema, version, hash, pieces",
        "segments": "stream_id, segment_id, body",
    }
    rows = {
        table: await backend.execute(f"SELECT {names} FROM {{}}{table}")
        for table, names in columns.items()
    }
    await restore()
    for table, names in columns.items():
        await backend.execute(f"DELETE FROM {{}}{table}")
        marks = ", ".join("?" for _ in names.split(","))
        for row in rows[table]:
            await backend.execute(f"INSERT INTO {{}}{table} ({names}) VALUES ({marks})", *row)


async def told_of_the_loss(backend: Backend, log: EventLog) -> None:
    """On a server, who has read or written what was lost is told by the next append, once."""
    if backend.name == "postgres":
        with pytest.raises(HistoryLostError, match="is not there any more"):
            await add_many(log, NEW)


async def read(log: EventLog, **view: Any) -> list[Any]:
    return await Conversation(log, NAME).items(**view)


keep_snapshots = pytest.mark.parametrize(
    "keep_snapshots", [False, True], ids=["snapshots too", "snapshots not"]
)


@keep_snapshots
async def test_what_was_lost_is_never_served_again(
    backend: Backend, tmp_path: Path, redis_url: str, keep_snapshots: bool
) -> None:
    """Not by a handle that remembers it, not by Redis, not by a snapshot of the same version."""
    async with (
        backend.open(redis=redis_url) as log,
        open_elsewhere(backend, redis=redis_url) as lagging,
    ):
        await filled(log, KEPT)
        async with a_copy(backend, tmp_path) as restore:
            await filled(log, LOST)
            assert await read(lagging) == KEPT + LOST
            await lagging.spi.background.finish()
            await lose(backend, restore, keep_snapshots=keep_snapshots)
            assert await read(log) == KEPT
            await told_of_the_loss(backend, lagging)
            await add_many(lagging, NEW)
        for reader in (log, lagging):
            assert await read(reader) == KEPT + NEW
            await reader.spi.background.finish()
        async with open_elsewhere(backend, redis=redis_url) as fresh:
            assert await read(fresh) == KEPT + NEW
        async with open_elsewhere(backend) as fresh:
            assert await read(fresh) == KEPT + NEW
            assert await read(fresh, as_of=700) == KEPT + NEW[:400]
            assert await read(fresh, limit=3) == NEW[-3:]


@keep_snapshots
async def test_a_shorter_history_is_read_and_gets_a_snapshot(
    backend: Backend, tmp_path: Path, keep_snapshots: bool
) -> None:
    """What the lost future left does not stand in its way."""
    async with backend.open() as log:
        await filled(log, KEPT)
        async with a_copy(backend, tmp_path) as restore:
            await filled(log, LOST)
            await lose(backend, restore, keep_snapshots=keep_snapshots)
        assert await read(log) == KEPT
    async with open_elsewhere(backend) as fresh:
        assert await read(fresh) == KEPT
        await fresh.spi.background.finish()
    async with open_elsewhere(backend) as fresh:
        assert await read(fresh) == KEPT
        assert (fresh.counters.snapshot_hits, fresh.counters.snapshots_refused) == (1, 0)
    assert [snapshot.version for snapshot in await snapshots(backend)] == [300]


async def test_a_conversation_that_was_lost_is_empty(backend: Backend, tmp_path: Path) -> None:
    """It began after the copy was made, and begins anew."""
    async with backend.open() as log:
        await add_many(log, ["other"], name="other")
        async with a_copy(backend, tmp_path) as restore:
            await filled(log, LOST)
            await restore()
        assert await read(log) == []
        await told_of_the_loss(backend, log)
        await add_many(log, NEW[:1])
        assert await read(log) == NEW[:1]
        assert (await log.verify()).ok
