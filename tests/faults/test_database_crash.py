"""A PostgreSQL that crashes and recovers in the middle of load, with commits that are flushed."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator

import asyncpg
import pytest

from eventlog import EventLog, PostgresOptions
from tests import servers
from tests.faults.crowd import Crowd


@pytest.fixture(scope="module")
def durable_url() -> Iterator[str]:
    """A server of our own: its crash is nobody else's."""
    with contextlib.ExitStack() as stack:
        yield servers.start_postgres(stack, durable=True)


async def crash(url: str) -> None:
    """Kill a server process: PostgreSQL ends all others and recovers from its log."""
    connection = await asyncpg.connect(url)
    os.kill(await connection.fetchval("SELECT pg_backend_pid()"), signal.SIGKILL)
    with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        await connection.fetchval("SELECT 1")
    connection.terminate()


async def test_what_was_acknowledged_survives_crashes_of_the_database(durable_url: str) -> None:
    """Three times under load: acknowledged once at its version, or a typed error; then it works."""
    async with EventLog(durable_url, postgres=PostgresOptions(pool_size=4)) as log:
        crowd = Crowd(log)
        async with asyncio.TaskGroup() as group:
            for number in range(6):
                group.create_task(crowd.write(number))
            for _ in range(3):
                await crowd.more(20)
                await crash(durable_url)
            await crowd.more(20)
            crowd.enough.set()
        await crowd.check(log)
