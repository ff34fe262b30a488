"""Following the feed: what wakes a reader, and what it leaves behind."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import pytest

from eventlog import EventLog, ItemsAdded, RecordedEvent
from eventlog.errors import InvalidOptionError
from eventlog.feed import tail
from eventlog.redis import address as redis_address
from eventlog.redis import notifier as redis_notifier
from eventlog.resources import redis_name
from tests import processes
from tests.backends import Backend
from tests.faults.silent import Silent
from tests.waiting import LONG, PATIENCE, until

NEVER = 3600.0
"""A poll that does not come within a test: what arrives was announced."""


AT_ONCE = 0.1 if LONG else PATIENCE
"""Seconds; a quiet machine needs 3 ms. What is not announced comes never."""


@pytest.fixture
def only_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does a tail look again by itself because the feed has moved just now."""
    monkeypatch.setattr(tail, "EAGER", NEVER)


async def add(log: EventLog, stream: str = "chat", events: int = 1) -> None:
    await log.append(stream, [ItemsAdded([n]) for n in range(events)])


async def take(events: AsyncIterator[RecordedEvent], count: int) -> list[int | None]:
    return [(await asyncio.wait_for(anext(events), PATIENCE)).position for _ in range(count)]


async def nothing_is_left(log: EventLog) -> None:
    """Give the loop's own cleaning of a generator that was dropped its turn."""

    async def nothing() -> bool:
        return not tails(log) and len(asyncio.all_tasks()) == 1

    await until(nothing, "the subscription has left no tail and no task")


def tails(log: EventLog) -> tuple[Any, ...]:
    return log.spi.notifier._tails.values()


async def test_a_subscription_begins_with_what_is_there_and_goes_on(log: EventLog) -> None:
    """One stream of events, without a seam between old and new."""
    await add(log, events=3)
    async with contextlib.aclosing(log.subscribe(1)) as events:
        assert await take(events, 2) == [2, 3]
        await add(log)
        await add(log, "other")
        assert await take(events, 2) == [4, 5]


@pytest.mark.usefixtures("only_announced")
async def test_an_append_of_this_process_wakes_at_once(backend: Backend) -> None:
    """Within milliseconds and without a poll, also one through another handle."""
    log, writer = backend.open(poll_interval=NEVER), backend.open(poll_interval=NEVER)
    await add(writer)
    delays: list[float] = []
    async with contextlib.aclosing(log.subscribe()) as events:
        await take(events, 1)
        for _ in range(20):
            began = time.perf_counter()
            await add(writer)
            await take(events, 1)
            delays.append(time.perf_counter() - began)
    assert sorted(delays)[10] < AT_ONCE


async def test_a_hundred_subscriptions_share_one_follower(backend: Backend) -> None:
    """Each gets every event of its tenant; one task looks for all."""
    logs = [backend.open(tenant=f"tenant-{n % 2}") for n in range(100)]
    reading = [asyncio.ensure_future(take(log.subscribe(), 3)) for log in logs]
    for n in range(6):
        await add(logs[n])
    found = await asyncio.gather(*reading)
    assert sorted(found) == [[1, 3, 5]] * 50 + [[2, 4, 6]] * 50
    await nothing_is_left(logs[0])


async def test_breaking_out_leaves_nothing(log: EventLog) -> None:
    """No task, no connection (the fixture's teardown looks), no memory of the reader."""
    await add(log, events=3)
    async for _ in log.subscribe():
        break
    await nothing_is_left(log)


async def test_a_closed_subscription_leaves_nothing(log: EventLog) -> None:
    """Closed in the middle of a page or while it waits."""
    await add(log, events=3)
    for count in (1, 3):
        events = log.subscribe()
        await take(events, count)
        await events.aclose()
        await nothing_is_left(log)


@pytest.mark.parametrize("turns", range(0, 60, 7))
async def test_a_cancelled_subscription_leaves_nothing(log: EventLog, turns: int) -> None:
    """Whenever the cancellation comes."""
    await add(log)

    async def follow() -> None:
        async for _ in log.subscribe():
            pass

    following = asyncio.ensure_future(follow())
    for _ in range(turns):
        await asyncio.sleep(0)
    following.cancel()
    with pytest.raises(asyncio.CancelledError):
        await following
    await nothing_is_left(log)
    await add(log)


async def test_closing_the_log_ends_its_subscriptions_quietly(backend: Backend) -> None:
    """Those that wait and those in the middle; another handle's go on."""
    log, other = backend.open(), backend.open()
    await add(log, events=3)
    waiting, middle, others = log.subscribe(), log.subscribe(), other.subscribe()
    await take(waiting, 3)
    await take(middle, 1)
    await take(others, 3)
    last = asyncio.ensure_future(anext(waiting, None))
    await asyncio.sleep(0)
    await log.close()
    assert await asyncio.wait_for(last, PATIENCE) is None
    assert await anext(middle, None) is None
    await add(other)
    assert await take(others, 1) == [4]
    await others.aclose()
    await nothing_is_left(other)


@pytest.mark.filterwarnings("error")
def test_a_loop_may_end_with_a_subscription_in_it(backend: Backend) -> None:
    """asyncio.run takes it down; the next loop follows anew."""
    log = backend.open()

    async def follow(last: int) -> None:
        await add(log)
        events = log.subscribe(last - 1)
        assert await take(events, 1) == [last]
        following.append(events)

    following: list[AsyncIterator[RecordedEvent]] = []
    for number in range(1, 4):
        asyncio.run(follow(number))
    asyncio.run(log.close())


WRITER = """
import asyncio, sys
from eventlog import EventLog, ItemsAdded, PostgresOptions

async def main(url: str, schema: str, redis: str) -> None:
    log = EventLog(url, redis=redis or None, postgres=PostgresOptions(schema=schema))
    for _ in sys.stdin:
        await log.append("chat", ItemsAdded(["a"]))
        print("appended", flush=True)
    await log.close()

asyncio.run(main(*sys.argv[1:]))
"""


@contextlib.asynccontextmanager
async def another_process(
    backend: Backend, redis: str = ""
) -> AsyncGenerator[asyncio.subprocess.Process]:
    schema = backend.options.get("schema", "eventlog")
    arguments = ("-c", WRITER, backend.url, schema, redis)
    async with processes.python(*arguments, stdin=asyncio.subprocess.PIPE) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        await process.communicate()
        assert process.returncode == 0


async def let_it_append(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"\n")
    assert await process.stdout.readline() == b"appended\n"


@pytest.mark.usefixtures("only_announced")
@pytest.mark.parametrize("redis", [False, True])
async def test_another_process_is_heard(backend: Backend, redis_url: str, redis: bool) -> None:
    """By the poll alone, and with Redis even where no poll would come."""
    options: dict[str, Any] = {"redis": redis_url, "poll_interval": NEVER} if redis else {}
    async with (
        backend.open(**options) as log,
        another_process(backend, redis_url if redis else "") as process,
    ):
        await add(log)
        async with contextlib.aclosing(log.subscribe()) as events:
            assert await take(events, 1) == [1]
            if redis:
                await until_it_listens(log, redis_url)
            heard = asyncio.ensure_future(take(events, 4))
            # A hint may be lost, so the other process goes on until one was heard.
            while not heard.done():
                await let_it_append(process)
                await asyncio.wait((heard,), timeout=0.5)
            assert heard.result() == [2, 3, 4, 5]


async def until_it_listens(log: EventLog, redis_url: str) -> None:
    from redis.asyncio import Redis

    channel = redis_name(log.spi.address)
    async with Redis.from_url(redis_url) as client:

        async def listens() -> bool:
            return (await client.pubsub_numsub(channel))[0][1] > 0

        await until(listens, "the subscription listens to Redis")


async def test_a_redis_that_is_not_there_changes_nothing(
    backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    """No error, no wait; one line in the log, without the password."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # A port that is taken, so that no other test listens there.
        url = f"redis://:s3cret@127.0.0.1:{nobody.getsockname()[1]}/0"
        async with backend.open(redis=url) as log:
            async with contextlib.aclosing(log.subscribe()) as events:
                for number in range(1, 6):
                    await add(log)
                    assert await take(events, 1) == [number]
            await log.wait_for(5)
    lines = [record.getMessage() for record in caplog.records]
    assert len([line for line in lines if "Redis" in line]) == 1
    assert "s3cret" not in "".join(lines)


async def test_a_redis_that_does_not_answer_holds_up_nobody(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It accepts and says nothing: appends and readers do not notice."""
    async with Silent() as server:
        log = backend.open(redis=f"redis://127.0.0.1:{server.port}")
        with monkeypatch.context() as patient:
            for module in (
                redis_notifier,
                redis_address,
            ):  # Whoever waits for Redis waits for ever.
                patient.setattr(module, "PATIENCE", NEVER)
            async with asyncio.timeout(PATIENCE), contextlib.aclosing(log.subscribe()) as events:
                for number in range(1, 11):
                    await add(log)
                    assert await take(events, 1) == [number]
        await log.close()


async def test_a_client_that_was_passed_in_is_left_open(backend: Backend, redis_url: str) -> None:
    """Who made it closes it."""
    from redis.asyncio import Redis

    client = Redis.from_url(redis_url)
    async with backend.open(redis=client) as log:
        await add(log)
        async with contextlib.aclosing(log.subscribe()) as events:
            assert await take(events, 1) == [1]
    assert await client.ping()
    await client.aclose()


@pytest.mark.parametrize("url", ["localhost:6379", "http://localhost", "redis://host:port"])
def test_a_redis_url_that_is_none_is_refused(url: str) -> None:
    """When the log is made, before anything is stored."""
    with pytest.raises(InvalidOptionError, match="redis"):
        EventLog(":memory:", redis=url)


@pytest.mark.parametrize("interval", [0, -1, float("nan")])
def test_a_poll_interval_that_is_none_is_refused(interval: float) -> None:
    """Nobody polls without a pause."""
    with pytest.raises(InvalidOptionError, match="poll_interval"):
        EventLog(":memory:", poll_interval=interval)
