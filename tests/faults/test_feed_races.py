"""The feed under load and faults: no reader misses an event, sees one twice, or out of order."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator

import asyncpg
import pytest

from eventlog import (
    EventLog,
    ItemPopped,
    ItemsAdded,
    RecordedEvent,
)
from tests import processes, servers
from tests.backends import Backend, PostgresBackend
from tests.elsewhere import open_elsewhere
from tests.faults.feed_load import SEQUENCER, WRITERS, check, tail, write
from tests.waiting import LONG, PATIENCE, until

Connection = asyncpg.Connection


@pytest.fixture
async def postgres(postgres_url: str) -> AsyncIterator[PostgresBackend]:
    """A PostgreSQL of the test's own: SQLite has no sequencer."""
    backend = PostgresBackend(postgres_url)
    yield backend
    await backend.discard()


@pytest.fixture
async def alone(database: str) -> AsyncIterator[PostgresBackend]:
    """A log in a database of the test's own, whose connections may be cut."""
    backend = PostgresBackend(database)
    yield backend
    await backend.discard()


@contextlib.asynccontextmanager
async def connected(backend: PostgresBackend) -> AsyncGenerator["Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(backend.url)
    try:
        yield connection
    finally:
        await connection.close()


async def race(writers: EventLog, reader: EventLog) -> None:
    """Let sixteen write and one read from the beginning."""
    written = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(tail(reader, written))
        writing = [group.create_task(write(writers, number)) for number in range(WRITERS)]
        lists = await asyncio.gather(*writing)
        written.set()
    check(reading.result(), [place for one in lists for place in one])


async def follow(log: EventLog, wanted: int, begun: asyncio.Event) -> list[RecordedEvent]:
    """Return the first events that a subscription yields; tell when it has begun."""
    seen: list[RecordedEvent] = []
    async with asyncio.timeout(PATIENCE), contextlib.aclosing(log.subscribe()) as events:
        async for event in events:
            seen.append(event)
            begun.set()
            if len(seen) == wanted:
                return seen
    raise AssertionError("the subscription ended")


async def test_a_tailing_reader_misses_nothing(backend: Backend) -> None:
    """Sixteen writers with batches of 1 to 50, some refused, one reader from 0."""
    async with backend.open(pool_size=16) as log:
        await race(log, log)


@pytest.mark.parametrize("sequencers", [2, 4])
async def test_several_sequencers_at_once_place_every_event_once(
    postgres: PostgresBackend, sequencers: int
) -> None:
    """Processes that ignore the lease, beside a reader that places too."""
    async with contextlib.AsyncExitStack() as stack:
        log = await stack.enter_async_context(postgres.open(pool_size=16))
        assert await log.position() == 0
        for _ in range(sequencers):
            script = ["-c", SEQUENCER, postgres.url, postgres.schema]
            running = await stack.enter_async_context(processes.python(*script))
            assert running.stdout is not None
            assert await running.stdout.readline() == b"ready\n"
        await race(log, log)


HOLD = """
    CREATE FUNCTION {}hold() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.kind = 'popped' THEN PERFORM pg_advisory_xact_lock(77); END IF;
        RETURN NEW;
    END $$"""
WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 77 AND NOT granted"


async def test_a_commit_that_is_held_back_is_not_skipped(postgres: PostgresBackend) -> None:
    """Others overtake it, are read, and it comes behind them: late, never lost."""
    async with postgres.open() as log, open_elsewhere(postgres) as slow:
        await log.append("held", ItemsAdded(["a"]))
        await postgres.execute(HOLD)
        await postgres.execute(
            "CREATE TRIGGER hold BEFORE INSERT ON {}events FOR EACH ROW EXECUTE FUNCTION {}hold()"
        )
        async with asyncio.TaskGroup() as group, connected(postgres) as gate:
            await gate.execute("SELECT pg_advisory_lock(77)")
            held = group.create_task(slow.append("held", ItemPopped()))
            await until(lambda: gate.fetchval(WAITING), "the append waits for the lock")
            for number in range(20):
                await log.append(f"chat-{number}", ItemsAdded(["a"]))
            before = [event async for event in log.feed()]
            assert [event.position for event in before] == list(range(1, 22))
            await gate.execute("SELECT pg_advisory_unlock(77)")
            await held
            (late,) = [event async for event in log.feed(21)]
            assert (late.position, late.stream, late.version) == (22, "held", 2)


async def test_a_transaction_that_stays_open_holds_up_nobody(postgres: PostgresBackend) -> None:
    """Not one of another table, nor one that holds a place in the queue."""
    async with postgres.open() as log, connected(postgres) as idle:
        await log.append("chat", ItemsAdded(["a"]))
        transaction = idle.transaction()
        await transaction.start()
        insert = f"INSERT INTO {postgres.schema}.queue VALUES ('\\x00', 1, 0)"
        await idle.execute(insert)
        await log.append("chat", ItemsAdded(["b"]))
        assert [event.position async for event in log.feed()] == [1, 2]
        await transaction.rollback()


TAKEN_OVER = 1.5 if LONG else PATIENCE
"""Seconds: one, and what it takes to notice. Without a take-over it would be for ever."""


@pytest.mark.parametrize("number", range(20 if LONG else 2))
async def test_another_process_takes_over_within_a_second(
    alone: PostgresBackend, number: int
) -> None:
    """The one that sequences is killed with -9 in the middle of its work."""
    script = processes.eventlog(alone, "worker", "--no-views")
    stop = asyncio.Event()
    async with alone.open() as log:
        await log.append("chat-0", ItemsAdded(["first"]))
        async with processes.python(*script) as one, asyncio.TaskGroup() as group:
            writing = [group.create_task(write_until(log, stop, n)) for n in range(4)]
            await until(lambda: holder(alone), "the first worker has the lease")
            first = await holder(alone)
            async with processes.python(*script) as other:
                await until(lambda: are_listening(alone, 2), "both workers are ready")
                await asyncio.sleep(random.uniform(0, 0.1))
                await until(lambda: holder(alone), "one of them has the lease")
                at_it = await holder(alone)
                await kill(one if at_it == first else other)
                killed = time.monotonic()
                last = await placed(alone)
                await until(lambda: has_gone_on(alone, at_it, last), "the other goes on")
                assert time.monotonic() - killed < TAKEN_OVER
                stop.set()
        stored = [place for task in writing for place in task.result()]
        check([event async for event in log.feed()], [("chat-0", 1), *stored])


async def kill(process: asyncio.subprocess.Process) -> None:
    process.kill()
    await process.wait()


async def holder(backend: PostgresBackend) -> str:
    """Return who has the lease, or nothing."""
    now = "extract(epoch FROM clock_timestamp()) * 1000000"
    rows = await backend.execute(f"SELECT holder FROM {{}}lease WHERE expires_at > {now}")
    return rows[0][0] if rows else ""


async def has_gone_on(backend: PostgresBackend, after: str, position: int) -> bool:
    return await holder(backend) not in ("", after) and await placed(backend) > position


async def write_until(log: EventLog, stop: asyncio.Event, number: int) -> list[tuple[str, int]]:
    stored: list[tuple[str, int]] = []
    while not stop.is_set():
        stored += await write(log, number, 1)
    return stored


async def placed(postgres: PostgresBackend) -> int:
    ((position,),) = await postgres.execute("SELECT position FROM {}feed_head")
    return int(position)


async def test_a_lease_that_nobody_renews_runs_out(postgres: PostgresBackend) -> None:
    """A live holder is left alone; one that is gone is not waited for."""
    async with postgres.open() as log:
        queue = log.spi._store.feed.queue
        assert queue is not None
        assert await queue.hold("one", 30)
        assert not await queue.hold("other", 30)
        assert await queue.hold("one", 0)
        assert await queue.hold("other", 30)
        await log.append("chat", ItemsAdded(["a"]))
        # "other" never does it: a feed waits a moment for it, and no longer.
        assert [event.position async for event in log.feed()] == [1]


async def test_a_clock_that_was_put_back_stops_no_subscriber(postgres: PostgresBackend) -> None:
    """The lease of a holder that is gone has an hour to go: nobody can have given it that."""
    async with postgres.open() as log:
        await log.append("chat", ItemsAdded(["a"]))
        await log.position()
        hour = "extract(epoch FROM clock_timestamp()) * 1000000 + 3600000000"
        await postgres.execute(f"INSERT INTO {{}}lease VALUES ('sequencer', 'gone', {hour})")
        async with contextlib.aclosing(log.subscribe()) as events:
            assert (await anext(events)).version == 1
            for number in range(2, 5):
                # Behind the back of this process, whose announcement has it placed at once.
                await append_elsewhere(postgres, number)
                async with asyncio.timeout(PATIENCE):
                    assert (await anext(events)).version == number
        assert await holder(postgres) != "gone"


async def append_elsewhere(postgres: PostgresBackend, number: int) -> None:
    async with open_elsewhere(postgres) as log:
        assert (await log.append("chat", ItemsAdded([number]))).first == number


async def test_a_lost_listen_connection_is_opened_again(alone: PostgresBackend) -> None:
    """The subscription goes on meanwhile, and hears another process afterwards."""
    reader, writer = alone.open(poll_interval=0.5), alone.open(poll_interval=0.5)
    await writer.append("chat", ItemsAdded(["a"]))
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(follow(reader, 6, asyncio.Event()))
        for _ in range(5):
            await until(lambda: are_listening(alone, 1), "the subscription listens")
            await alone.execute(f"SELECT pg_terminate_backend(pid) {LISTENING}")
            await writer.append("chat", ItemsAdded(["b"]))
    check(reading.result(), [("chat", version) for version in range(1, 7)])


LISTENING = (
    "FROM pg_stat_activity WHERE datname = current_database()"
    " AND application_name = 'eventlog feed' AND query LIKE 'LISTEN%'"
)


async def are_listening(backend: PostgresBackend, count: int) -> bool:
    return len(await backend.execute(f"SELECT 1 {LISTENING}")) == count


async def test_a_redis_that_is_killed_ends_no_subscription(backend: Backend) -> None:
    """Notifications stop, events do not."""
    with contextlib.ExitStack() as redis:
        url = servers.start_redis(redis)
        async with backend.open(redis=url) as log, asyncio.TaskGroup() as group:
            reading = group.create_task(follow(log, 20, asyncio.Event()))
            for number in range(20):
                await log.append("chat", ItemsAdded(["a"]))
                if number == 5:
                    redis.close()
            check(await reading, [("chat", version) for version in range(1, 21)])


async def test_an_outage_of_the_database_is_waited_out(
    alone: PostgresBackend, caplog: pytest.LogCaptureFixture
) -> None:
    """Every connection is cut, again and again: the subscription misses nothing and goes on."""
    reader, writer = alone.open(), alone.open()
    await writer.append("chat", ItemsAdded(["a"]))
    async with asyncio.TaskGroup() as group:
        begun = asyncio.Event()
        reading = group.create_task(follow(reader, 6, begun))
        await begun.wait()  # Until then an outage is an error.
        for _ in range(5):
            await asyncio.sleep(0.05)
            await alone.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name LIKE 'eventlog%'"
            )
            await writer.append("chat", ItemsAdded(["b"]))
    check(reading.result(), [("chat", version) for version in range(1, 7)])
