"""Opening, sharing, forgetting: loops, threads, forks, and programs that never close anything."""

import asyncio
import gc
import itertools
import os
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from eventlog import ConflictError, EventLog, ItemsAdded, resources
from eventlog.operations import migrate
from tests.backends import Backend
from tests.options import grouped
from tests.processes import ends_soon
from tests.waiting import PATIENCE, until


def files_and_threads() -> tuple[int, int]:
    gc.collect()
    return psutil.Process().num_fds(), threading.active_count()


async def add_one(log: EventLog) -> int:
    return (await log.append("chat", ItemsAdded(["a"]))).last


def test_a_log_works_in_one_event_loop_after_the_other(backend: Backend) -> None:
    """A module-level log serves every asyncio.run, and leaves nothing open behind one."""
    log = backend.open()
    assert asyncio.run(add_one(log)) == 1
    before = files_and_threads()
    for number in range(2, 40):
        assert asyncio.run(add_one(log)) == number
    assert files_and_threads() == before
    asyncio.run(log.close())


def test_a_log_works_in_several_threads_at_once(backend: Backend) -> None:
    """Five threads, five loops, one handle: every append lands once."""
    log = backend.open()
    asyncio.run(add_one(log))

    async def add_many() -> list[int]:
        return [await add_one(log) for _ in range(10)]

    with ThreadPoolExecutor(5) as threads:
        answers = list(threads.map(lambda _: asyncio.run(add_many()), range(5)))
    assert sorted(itertools.chain(*answers)) == list(range(2, 52))
    assert asyncio.run(log.verify()).ok
    asyncio.run(log.close())


async def test_handles_on_one_database_share_its_connections(backend: Backend) -> None:
    """Also across tenants; a hundred handles cost no more than one."""
    log = backend.open()
    await add_one(log)
    before = files_and_threads()
    others = [backend.open(tenant=f"tenant-{number}") for number in range(100)]
    for other in others:
        assert await add_one(other) == 1
    assert files_and_threads() == before
    for other in others:
        await other.close()
    assert await add_one(log) == 2


async def test_the_last_handle_closes_the_connections(backend: Backend) -> None:
    """And a new one opens them again."""
    async with backend.open() as log:
        await add_one(log)
    before = files_and_threads()
    for _ in range(3):
        async with backend.open() as log:
            await add_one(log)

        async def closed() -> bool:
            return files_and_threads() == before

        await until(closed, "nothing is open that was not open before")


async def test_ten_thousand_forgotten_handles_leave_nothing(backend: Backend) -> None:
    """Never closing is safe: no thread, no file, no memory of them."""
    keep = backend.open()
    await add_one(keep)
    before = files_and_threads()
    for _ in range(10_000):
        EventLog(backend.url, **grouped(**backend.options))
    assert files_and_threads() == before
    assert len(resources._registry.leased[resources.key_of(keep.spi.address)].handles) < 100


async def test_forgotten_memory_logs_end_their_threads() -> None:
    """A memory log lives as long as its handle."""
    before = set(threading.enumerate())
    for _ in range(30):
        await add_one(EventLog(":memory:"))
    gc.collect()
    for thread in set(threading.enumerate()) - before:
        thread.join(PATIENCE)
    assert set(threading.enumerate()) <= before


async def test_many_forgotten_files_are_dropped(tmp_path: os.PathLike[str]) -> None:
    """A program that opens a file for each user, and closes none, keeps the last few only."""
    made = os.path.join(tmp_path, "made.db")  # Copied: making one takes a while.
    await migrate(made)
    for number in range(resources.MAX_IDLE + 5):
        path = shutil.copy(made, os.path.join(tmp_path, f"{number}.db"))
        await add_one(EventLog(path))
        gc.collect()
    ours = [key for key in resources._registry.leased if key.startswith(os.path.realpath(tmp_path))]
    assert len(ours) <= resources.MAX_IDLE + 1


NEVER_CLOSED = """
import asyncio, sys
from eventlog import EventLog, ItemsAdded, PostgresOptions
log = EventLog(sys.argv[1], postgres=PostgresOptions(schema=sys.argv[2]))

async def main() -> None:
    print((await log.append("chat", ItemsAdded(["a"]))).last)
    again = EventLog(sys.argv[1], postgres=PostgresOptions(schema=sys.argv[2]))
    async for event in again.read("chat"):
        print(event.version)

asyncio.run(main())
"""


async def test_a_program_that_never_closes_ends_quietly(backend: Backend) -> None:
    """No hang and no traceback at exit, and every warning would be one."""
    schema = backend.options.get("schema", "eventlog")
    run = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-W", "error", "-c", NEVER_CLOSED, backend.url, schema],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (run.returncode, run.stdout.split(), run.stderr) == (0, ["1", "1"], "")


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_child_opens_anew(backend: Backend) -> None:
    """What was opened before the fork is the parent's; both go on writing."""
    log = backend.open()
    asyncio.run(add_one(log))
    child = os.fork()
    if child == 0:
        status = 1
        try:
            ends_soon()
            versions = [asyncio.run(add_one(log)) for _ in range(5)]
            status = 0 if len(versions) == 5 else 2
        finally:
            os._exit(status)
    try:
        for _ in range(5):
            asyncio.run(add_one(log))
    finally:
        status = os.waitpid(child, 0)[1]
    assert status == 0
    assert asyncio.run(log.version("chat")) == 11
    assert asyncio.run(log.verify()).ok
    asyncio.run(log.close())


async def test_a_conflict_leaves_nothing_checked_out(backend: Backend) -> None:
    """Errors give their connection back (the fixture's teardown looks)."""
    log = backend.open(pool_size=1)
    await add_one(log)
    for _ in range(5):
        with pytest.raises(ConflictError):
            await log.append("chat", ItemsAdded(["a"]), expected_version=9)
    assert await add_one(log) == 2


async def test_cancelled_reads_leave_nothing_checked_out(backend: Backend) -> None:
    """A cancelled reader gives its connection back too."""
    log = backend.open(pool_size=1)
    await add_one(log)
    for _ in range(20):
        task = asyncio.ensure_future(log.version("chat"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await log.version("chat") == 1
