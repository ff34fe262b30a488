"""`python -m eventlog worker`, as a supervisor runs it."""

import asyncio
import signal
from asyncio.subprocess import STDOUT

import pytest

from eventlog import EventLog, ItemsAdded, follower
from tests import processes
from tests.backends import Backend
from tests.waiting import PATIENCE, until

NEVER = 3600.0


def worker(backend: Backend, *arguments: str) -> list[str]:
    schema = backend.options.get("schema", "eventlog")
    return ["-m", "eventlog", "worker", backend.url, "--schema", schema, *arguments]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_worker_places_events_until_it_is_told_to_stop(
    backend: Backend, redis_url: str, number: signal.Signals
) -> None:
    """Nobody reads a feed here; it ends quietly. On SQLite it says that none is needed."""
    if backend.name == "sqlite":
        status, output = await processes.output_of(*worker(backend))
        assert status == 0
        assert "no worker is needed" in output
        return
    command = worker(backend, "--redis", redis_url)
    async with backend.open() as log, processes.python(*command, stderr=STDOUT) as process:
        await log.append("chat", [ItemsAdded([n]) for n in range(10)])
        await until_it_is_at(backend, 10)
        await log.append("chat", ItemsAdded([10]))
        await until_it_is_at(backend, 11)
        process.send_signal(number)
        told, _ = await process.communicate()
        assert (process.returncode, told) == (0, b"")


async def until_it_is_at(backend: Backend, position: int) -> None:
    async def there() -> bool:
        return await backend.execute("SELECT position FROM {}feed_head") == [(position,)]

    await until(there, f"the worker has come to position {position}")


async def test_a_follower_hears_the_worker(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a third process appends arrives by NOTIFY, where no poll would come."""
    if backend.name == "sqlite":
        return  # Nobody notifies there.
    monkeypatch.setattr(follower, "EAGER", NEVER)
    async with (
        backend.open(poll_interval=NEVER) as log,
        processes.python(*worker(backend)) as process,
    ):
        await log.append("chat", ItemsAdded([0]))
        await until_it_is_at(backend, 1)
        events = log.subscribe()
        assert (await anext(events)).position == 1
        elsewhere = EventLog(f"{backend.url}&application_name=x", **backend.options)
        for number in range(2, 6):
            await asyncio.sleep(0.05)
            await elsewhere.append("chat", ItemsAdded([number]))
            assert (await asyncio.wait_for(anext(events), PATIENCE)).position == number
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
    status, output = await processes.output_of("-m", "eventlog", "worker", url)
    assert status == 1
    assert output.count("\n") == 1
    assert says in output
    assert "s3cret" not in output
