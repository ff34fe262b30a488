"""kill -9 at any moment: what was acknowledged is there, and nothing is half there."""

import asyncio
import random
import subprocess
import sys
import threading

import pytest

from eventlog import EventLog
from tests.backends import Backend

WRITER = """
import asyncio, sys
from eventlog import EventLog, ItemsAdded

async def main(url: str, schema: str, first: int) -> None:
    log = EventLog(url, schema=schema)
    number = first
    while True:
        stream = f"chat-{number % 3}"
        answer = await log.append(stream, [ItemsAdded([number]), ItemsAdded([number])])
        print(stream, answer.last, flush=True)
        number += 1

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""
KILLS = 8


def write_until_killed(backend: Backend, number: int) -> dict[str, int]:
    """Return the last acknowledged version of each stream."""
    schema = backend.options.get("schema", "eventlog")
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, backend.url, schema, str(number)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    first = writer.stdout.readline()
    threading.Timer(random.uniform(0.0, 0.1), writer.kill).start()
    acknowledged: dict[str, int] = {}
    for line in [first, *writer.stdout]:
        if line.endswith("\n"):
            stream, version = line.split()
            acknowledged[stream] = int(version)
    writer.wait()
    writer.stdout.close()
    return acknowledged


async def check(log: EventLog, acknowledged: dict[str, int]) -> None:
    assert (await log.verify()).ok
    for stream, version in acknowledged.items():
        events = [event async for event in log.read(stream)]
        assert [event.version for event in events] == list(range(1, len(events) + 1))
        assert len(events) >= version
        assert len(events) % 2 == 0, "half a batch"


@pytest.mark.timeout(120)
async def test_an_acknowledged_append_survives_kill_9(backend: Backend) -> None:
    """Acknowledged is a subset of stored, batches are whole, and the chain verifies."""
    async with backend.open() as log:
        assert await log.version("chat-0") == 0
        for number in range(KILLS):
            acknowledged = await asyncio.to_thread(write_until_killed, backend, number)
            assert acknowledged
            await check(log, acknowledged)
