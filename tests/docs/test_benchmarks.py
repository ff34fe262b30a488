"""What `make bench` measures ours against is what the log would have stored."""

import contextlib
from pathlib import Path

import asyncpg

from benchmarks.format_floor import STREAM, rows_in_file, rows_in_schema
from eventlog import EventLog, PostgresOptions
from eventlog_projections import Conversation

ITEMS = [{"role": "user", "content": "hi"}]


async def assert_sound(log: EventLog) -> None:
    async with log:
        assert await Conversation(log, STREAM).items() == ITEMS * 3
        assert (await log.verify()).ok


async def test_the_floor_of_the_format_is_a_log_on_sqlite(tmp_path: Path) -> None:
    """It verifies, and reads like any other."""
    path = tmp_path / "floor.db"
    async with contextlib.AsyncExitStack() as stack:
        rows = await rows_in_file(stack, str(path))
        for _ in range(3):
            await rows.append(ITEMS)
    await assert_sound(EventLog(path))


async def test_the_floor_of_the_format_is_a_log_on_postgresql(postgres_url: str) -> None:
    """It verifies, and reads like any other."""
    schema = "floor_of_the_format"
    async with contextlib.AsyncExitStack() as stack:
        connection = await asyncpg.connect(postgres_url)
        stack.push_async_callback(connection.close)
        stack.push_async_callback(connection.execute, f"DROP SCHEMA {schema} CASCADE")
        rows = await rows_in_schema(connection, postgres_url, schema)
        for _ in range(3):
            await rows.append(ITEMS)
        await assert_sound(EventLog(postgres_url, postgres=PostgresOptions(schema=schema)))
