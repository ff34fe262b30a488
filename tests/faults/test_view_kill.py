"""kill -9 of whoever keeps the views: no event is missing in a view, and none is there twice."""

import asyncio
import functools
import sys

import pytest

from eventlog import EventLog, ItemsAdded
from eventlog_projections.views import Views
from tests import processes
from tests.backends import Backend
from tests.waiting import LONG, until

ROUNDS = 20 if LONG else 4


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_killed_worker_leaves_every_view_whole(backend: Backend, workers: int) -> None:
    """Whenever it is killed, alone or beside another one; the next one goes on from there."""
    command = processes.eventlog(backend, "worker")
    async with backend.open() as log:
        views = Views(log)
        await fill(log, 40)
        for number in range(ROUNDS):
            reached = await lowest(views)
            async with processes.python(*command) as one:
                others = [await start(*command) for _ in range(workers - 1)]
                await fill(log, 200)
                await until(functools.partial(moved, views, reached), "the worker has begun")
                await asyncio.sleep(0.003 * number)  # Another moment each time.
                for process in (one, *others):
                    process.kill()
                    await process.wait()
        for name in ("conversations", "turns", "tools", "search"):
            assert await views.check(name) == []


async def start(*command: str) -> asyncio.subprocess.Process:
    quiet = asyncio.subprocess.DEVNULL
    return await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=quiet, stderr=quiet
    )


async def fill(log: EventLog, events: int) -> None:
    user = {"role": "user", "content": "rain"}
    batch = [ItemsAdded([user, {"role": "assistant", "content": str(n)}]) for n in range(events)]
    await log.append("chat", batch)


async def lowest(views: Views) -> int:
    return min((status.position for status in await views.status()), default=0)


async def moved(views: Views, reached: int) -> bool:
    return await lowest(views) > reached
