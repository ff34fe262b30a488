"""`python -m eventlog worker`, as a supervisor runs it."""

import asyncio
import signal
import subprocess
import sys

import pytest

from eventlog import EventLog, ItemsAdded
from tests.backends import Backend


def worker(backend: Backend, *arguments: str) -> list[str]:
    schema = backend.options.get("schema", "eventlog")
    command = [sys.executable, "-W", "error", "-m", "eventlog", "worker", backend.url]
    return [*command, "--schema", schema, *arguments]


async def run(*command: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_worker_places_events_until_it_is_told_to_stop(
    backend: Backend, redis_url: str, number: signal.Signals
) -> None:
    """Nobody reads a feed here; it ends quietly. On SQLite it says that none is needed."""
    if backend.name == "sqlite":
        status, output = await run(*worker(backend))
        assert status == 0
        assert "no worker is needed" in output
        return
    async with backend.open() as log:
        await log.append("chat", [ItemsAdded([n]) for n in range(10)])
        process = await asyncio.create_subprocess_exec(
            *worker(backend, "--redis", redis_url),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        await until_it_is_at(backend, 10)
        await log.append("chat", ItemsAdded([10]))
        await until_it_is_at(backend, 11)
        process.send_signal(number)
        told, _ = await process.communicate()
        assert (process.returncode, told) == (0, b"")


async def until_it_is_at(backend: Backend, position: int) -> None:
    async with asyncio.timeout(20):
        while await backend.execute("SELECT position FROM {}feed_head") != [(position,)]:
            await asyncio.sleep(0.005)


async def test_a_follower_hears_the_worker(backend: Backend) -> None:
    """What a third process appends arrives by NOTIFY, where no poll would come."""
    if backend.name == "sqlite":
        return  # Nobody notifies there.
    async with backend.open(poll_interval=3600.0) as log:
        await log.append("chat", ItemsAdded([0]))
        process = await asyncio.create_subprocess_exec(*worker(backend))
        await until_it_is_at(backend, 1)
        events = log.subscribe()
        assert (await anext(events)).position == 1
        elsewhere = EventLog(f"{backend.url}&application_name=x", **backend.options)
        for number in range(2, 6):
            await asyncio.sleep(0.05)
            await elsewhere.append("chat", ItemsAdded([number]))
            assert (await asyncio.wait_for(anext(events), 10)).position == number
        await events.aclose()
        await elsewhere.close()
        process.terminate()
        assert await process.wait() == 0


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://ana:s3cret@127.0.0.1:1/db", "127.0.0.1:1"),
        ("redis://localhost", "cache"),
        ("mysql://localhost/db", "not a store"),
    ],
)
async def test_a_worker_that_cannot_begin_says_why_in_one_line(url: str, says: str) -> None:
    """And exits with 1, without a traceback or a password."""
    status, output = await run(sys.executable, "-m", "eventlog", "worker", url)
    assert status == 1
    assert output.count("\n") == 1
    assert says in output
    assert "s3cret" not in output
