"""Logs as people deploy them: many processes, web servers that fork, loops that come and go."""

import asyncio
import contextlib
import fcntl
import http.client
import itertools
import json
import multiprocessing
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import asyncpg
import psutil
import pytest
from sqlalchemy.engine import make_url

from eventlog import EventLog, ItemsAdded
from eventlog.store.postgres.store import PostgresStore
from eventlog_projections import Conversation
from tests.backends import Backend
from tests.conftest import open_backend
from tests.faults import children
from tests.faults.nursery import Child, Nursery
from tests.processes import ends_soon
from tests.waiting import LONG, PATIENCE, until

ROUNDS: Final = 10 if LONG else 2
PROCESSES: Final = 6
WORKERS: Final = 4


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as opened:
        yield opened


async def versions(log: EventLog, stream: str) -> list[int]:
    return [event.version async for event in log.read(stream)]


def race(nursery: Nursery, backend: Backend, gate: Path) -> list[list[str]]:
    """Let processes that stand ready use an empty database at the same moment."""
    with contextlib.ExitStack() as block:
        with gate.open("wb") as closed:
            fcntl.flock(closed, fcntl.LOCK_EX)
            racers: list[Child] = [
                block.enter_context(
                    nursery.fork(
                        children.open_at_once, backend.url, backend.options, number, os.fspath(gate)
                    )
                )
                for number in range(PROCESSES)
            ]
            for racer in racers:
                racer.wait_for_a_line()
        return [racer.lines() for racer in racers]


@pytest.mark.parametrize("name", ["sqlite", "postgres"])
async def test_processes_that_start_at_once_on_an_empty_database_all_work(
    nursery: Nursery, tmp_path: Path, name: str
) -> None:
    """Six at a time, writers and readers: none fails, and what they wrote is whole."""
    for number in range(ROUNDS):
        folder = tmp_path / str(number)
        folder.mkdir()
        async with open_backend(name, folder, make=False) as backend:
            said = await asyncio.to_thread(race, nursery, backend, folder / "gate")
            assert said == [["ready"]] * PROCESSES
            async with backend.open() as log:
                assert (await log.verify()).ok
                assert await versions(log, "chat") == list(range(1, 10))
                for writer in range(0, PROCESSES, 2):
                    assert await versions(log, f"own-{writer}") == [1, 2, 3]


@contextlib.contextmanager
def served(command: Sequence[str], backends: Sequence[Backend], **more: str) -> Generator[int]:
    """Run a web server on a port that is already bound, and stop it; it must not complain."""
    logs = {backend.name: {"url": backend.url, "options": backend.options} for backend in backends}
    environment = {**os.environ, "EVENTLOG_TEST_LOGS": json.dumps(logs), **more}
    # Once it runs, the port is the server's alone: without it, nobody is kept waiting.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        words = [word.format(fd=listener.fileno()) for word in command]
        server = subprocess.Popen(
            [sys.executable, "-m", *words],
            pass_fds=[listener.fileno()],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    try:
        yield port
        server.send_signal(signal.SIGTERM)
        _, errors = server.communicate(timeout=PATIENCE)
    finally:
        # Its workers too, who would hold on to the pipe.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.communicate()
    assert "Traceback" not in errors, errors


def ask(port: int, method: str, path: str, items: Sequence[Any] | None = None) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request(method, path, None if items is None else json.dumps(items))
        response = connection.getresponse()
        body = response.read()
        assert response.status == 200, body
        return json.loads(body)
    finally:
        connection.close()


def talk(port: int, path: str) -> set[int]:
    """Add to one conversation from many clients until every worker has served; check each item."""
    answers: dict[int, str] = {}
    pids: set[int] = set()
    end = time.monotonic() + PATIENCE

    def client(number: int) -> None:
        for step in itertools.count():
            item = f"{number}.{step}"
            answer = ask(port, "POST", path, [item])
            answers[answer["last"]] = item
            pids.add(answer["pid"])
            if step >= 5 and len(pids) >= WORKERS:
                return
            assert time.monotonic() < end, f"only {len(pids)} workers serve"

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(client, range(8)))
    assert sorted(answers) == list(range(1, len(answers) + 1))
    assert ask(port, "GET", path) == [answers[version] for version in sorted(answers)]
    return pids


UVICORN: Final = ("uvicorn", "tests.faults.app:app", "--workers", "4", "--fd", "{fd}")
GUNICORN: Final = (
    *("gunicorn", "tests.faults.app:app", "--preload", "--workers", "4", "--bind", "fd://{fd}"),
    *("--worker-class", "uvicorn.workers.UvicornWorker"),
)


@pytest.mark.parametrize(
    ("command", "preload"), [(UVICORN, {}), (GUNICORN, {"EVENTLOG_TEST_PRELOAD": "1"})]
)
async def test_a_web_server_of_four_workers_keeps_one_conversation(
    tmp_path: Path, command: Sequence[str], preload: dict[str, str]
) -> None:
    """Over HTTP, on both backends; with --preload the logs were in use before the fork."""
    async with open_backend("sqlite", tmp_path) as one, open_backend("postgres", tmp_path) as two:
        with served(command, (one, two), **preload) as port:
            for backend in (one, two):
                pids = await asyncio.to_thread(talk, port, f"/{backend.name}/chat")
                assert len(pids) == WORKERS
        for backend in (one, two):
            async with backend.open() as log:
                assert (await log.verify()).ok
                assert await log.version("before") == len(preload)


async def add(log: EventLog, count: int) -> list[int]:
    return [(await log.append("chat", ItemsAdded([n]))).last for n in range(count)]


def add_in_child(log: EventLog) -> None:
    ends_soon()
    assert len(asyncio.run(add(log, 5))) == 5


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_processes_forked_by_multiprocessing_open_anew(backend: Backend) -> None:
    """Four children inherit a log that is in use; they and the parent all go on writing."""
    log = backend.open()
    assert asyncio.run(add(log, 1)) == [1]
    fork = multiprocessing.get_context("fork")
    workers = [fork.Process(target=add_in_child, args=(log,)) for _ in range(4)]
    try:
        for worker in workers:
            worker.start()
        asyncio.run(add(log, 5))
        for worker in workers:
            worker.join(PATIENCE)
        assert [worker.exitcode for worker in workers] == [0] * 4
    finally:
        for worker in workers:
            if worker.pid is not None:
                worker.kill()
                worker.join()
    assert asyncio.run(versions(log, "chat")) == list(range(1, 27))
    assert asyncio.run(log.verify()).ok
    asyncio.run(log.close())


async def on_server(url: str, statement: str, *args: object) -> list[Any]:
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(statement, *args)]
    finally:
        await connection.close()


CONNECTED = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND application_name = 'eventlog'"
)


def connections() -> int:
    return len(psutil.Process().net_connections("all"))


def test_a_hundred_loops_leave_no_connection(postgres_url: str, database: str) -> None:
    """Neither a socket of this process, nor a server process that waits for it."""
    log = EventLog(database)
    name = make_url(database).database
    before = connections()
    for number in range(100):
        assert asyncio.run(add(log, 1)) == [number + 1]
        assert connections() == before

    async def gone() -> bool:
        return await on_server(postgres_url, CONNECTED, name) == [(0,)]

    # A server process takes a moment to see that its client is gone.
    asyncio.run(until(gone, "the server's processes have ended"))
    asyncio.run(log.close())


CALLS: Final[dict[str, Callable[[EventLog], Awaitable[object]]]] = {
    "append": lambda log: log.append("chat", ItemsAdded(["x"])),
    "batch": lambda log: log.append("chat", [ItemsAdded(["x"]), ItemsAdded(["y"])]),
    "pop": lambda log: Conversation(log, "chat").pop(),
    "read": lambda log: versions(log, "chat"),
    "version": lambda log: log.version("chat"),
}


@pytest.fixture
async def shaken(backend: Backend) -> AsyncIterator[EventLog]:
    """A log with a conversation, on two connections; afterwards nothing may be left of anything."""
    async with backend.open(pool_size=2) as log:
        await log.append("chat", [ItemsAdded([number]) for number in range(30)])
        yield log
        await nothing_is_left(backend, log)
        found = await versions(log, "chat")
        assert found == list(range(1, len(found) + 1))
        assert (await log.verify()).ok


async def nothing_is_left(backend: Backend, log: EventLog) -> None:
    """No transaction, no lock, no connection that is checked out."""
    if backend.name == "sqlite":
        with contextlib.closing(sqlite3.connect(backend.url, isolation_level=None)) as db:
            db.execute("PRAGMA busy_timeout = 0")
            db.execute("BEGIN EXCLUSIVE")
            db.execute("ROLLBACK")
        return
    store = log.spi._store
    assert isinstance(store, PostgresStore)
    assert store.runner.pools.lent() == 0

    async def idle() -> bool:
        counts = [await backend.execute(query, backend.options["schema"]) for query in BUSY]
        return counts == [[(0,)], [(0,)]]

    # A server process takes a moment to see that its client has left it.
    await until(idle, "no statement is running and no lock is held")


BUSY: Final = (
    "SELECT count(*) FROM pg_stat_activity WHERE state <> 'idle' AND pid <> pg_backend_pid()"
    " AND strpos(query, ?) > 0",
    "SELECT count(*) FROM pg_locks JOIN pg_class ON relation = pg_class.oid"
    " WHERE relnamespace = ?::text::regnamespace",
)


async def cancel_after(turns: int, call: Awaitable[object]) -> bool:
    """Cancel a call when the loop has turned so many times; tell whether it was done by then."""
    task = asyncio.ensure_future(call)
    for _ in range(turns):
        await asyncio.sleep(0)
    done = task.done()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return done


@pytest.mark.parametrize("call", CALLS)
async def test_a_call_that_is_cancelled_at_any_moment_leaves_nothing(
    shaken: EventLog, call: str
) -> None:
    """Ever later, until it is done before that: no transaction, lock, or half, nothing lent."""
    turns = 0
    while not await cancel_after(turns, CALLS[call](shaken)):
        turns += 1 + turns // 20


async def test_a_crowd_of_callers_that_are_cancelled_leaves_nothing(shaken: EventLog) -> None:
    """All kinds at once on two connections, each cancelled at another moment."""
    for shift in range(4):
        await asyncio.gather(
            *[
                cancel_after((shift + 7 * number) % 90, CALLS[call](shaken))
                for number in range(12)
                for call in CALLS
            ]
        )
