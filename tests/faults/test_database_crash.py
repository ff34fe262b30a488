"""A PostgreSQL that crashes and recovers in the middle of load, or while somebody waits for it."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import asyncpg
import pytest

from eventlog import EventLog, ItemsAdded, PostgresOptions, Signer
from eventlog_projections.views import Views
from tests import processes, servers
from tests.faults.cluster import Cluster
from tests.faults.crowd import Crowd, stored
from tests.faults.proxy import Proxy
from tests.waiting import until

SIGNER: Final = Signer("example.com/log", bytes(range(32)))
TRIES: Final = 16
SECONDS: Final = 0.25
"""Less than what these tries of a process take that pauses, longer each time, between them."""


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


async def test_a_worker_waits_for_its_server_and_goes_on_when_it_is_back(
    two_servers: Cluster, tmp_path: Path
) -> None:
    """It is stopped at once while the worker waits for the feed, which it asks for now and then."""
    server, head, key = two_servers.primary, tmp_path / "head.txt", tmp_path / "key.txt"
    key.write_text(SIGNER.dump(), "utf-8")
    heads = ("--key-file", str(key), "--head-file", str(head), "--every-events", "1")
    async with Proxy(two_servers.url) as proxy, EventLog(two_servers.url) as log:
        views = Views(log)

        async def has_come_to(position: int) -> bool:
            found = {view.position for view in await views.status()}
            size = head.exists() and SIGNER.verifier.open(head.read_text("utf-8")).size
            return found == {size} == {position}

        await log.append("chat", ItemsAdded([1]))
        command = ("-m", "eventlog_cli", "worker", "--db", proxy.url, *heads)
        async with processes.python(*command) as worker:
            await until(lambda: has_come_to(1), "the worker has done what there was")
            await server.stop()
            before, stopped = proxy.asked, time.monotonic()

            async def has_tried() -> bool:
                return proxy.asked >= before + TRIES

            await until(has_tried, "the worker asks for its server")
            assert time.monotonic() - stopped > SECONDS
            assert worker.returncode is None
            await server.start()
            for number in range(2, 12):
                await log.append("chat", ItemsAdded([number]))
            await until(lambda: has_come_to(11), "the worker has followed")
        assert await stored(log) == list(range(1, 12))
        for name in ("conversations", "turns", "tools", "search"):
            assert await views.check(name) == []
        assert (await log.verify(against=SIGNER.verifier.open(head.read_text("utf-8")))).ok
