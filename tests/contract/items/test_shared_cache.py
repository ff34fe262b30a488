"""What processes remember together in Redis: a help while it works, and never more than that."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from eventlog import EventLog
from eventlog.redis import shared_cache
from eventlog.resources import redis_name
from eventlog.retrying import Backoff
from eventlog_projections import Conversation, rebuild
from eventlog_projections.items.segments import SCHEMA
from tests import servers
from tests.backends import Backend
from tests.elsewhere import NAME, add_many, open_elsewhere, stream_id
from tests.waiting import PATIENCE

ITEMS: list[Any] = [{"n": number} for number in range(300)]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for Redis however slow the machine is; who waits in vain says how long for."""
    monkeypatch.setattr(shared_cache, "PATIENCE", PATIENCE)


@pytest.fixture(scope="module")
def own_redis_url() -> Iterator[str]:
    """A Redis that a test may fill and hold up: no other test uses it."""
    with contextlib.ExitStack() as stack:
        yield servers.start_redis(stack)


@contextlib.asynccontextmanager
async def client_of(url: str) -> AsyncGenerator[Any]:
    client = Redis.from_url(url)
    try:
        yield client
    finally:
        await client.aclose()


def key(log: EventLog, name: str = NAME) -> str:
    prefix = redis_name(log.spi.address)
    return f"{prefix}:items:{SCHEMA}:{stream_id(log, name).hex()}"


async def read(log: EventLog, name: str = NAME, **view: Any) -> list[Any]:
    items = await Conversation(log, name).items(**view)
    await log.spi.background.finish()
    return items


async def shared(log: EventLog) -> None:
    """Have the conversation in Redis."""
    await add_many(log, ITEMS)
    assert await read(log) == ITEMS


async def test_what_one_process_has_read_helps_the_next(backend: Backend, redis_url: str) -> None:
    """Without a snapshot or an event being read; what is newer comes from the log."""
    async with (
        backend.open(redis=redis_url) as log,
        open_elsewhere(backend, redis=redis_url) as other,
        open_elsewhere(backend, redis=redis_url) as third,
    ):
        await shared(log)
        assert await read(other) == ITEMS
        assert (other.counters.shared_hits, other.counters.shared_misses) == (1, 0)
        assert (other.counters.snapshot_hits, other.counters.snapshot_misses) == (0, 0)
        await add_many(log, ["new"])
        assert await read(third, limit=2) == [ITEMS[-1], "new"]
        assert third.counters.shared_hits == 1
        assert await read(third) == [*ITEMS, "new"]
        assert (third.counters.cache_hits, third.counters.cache_misses) == (1, 1)


async def test_it_is_forgotten_after_a_while(backend: Backend, redis_url: str) -> None:
    """Redis holds nothing for ever."""
    async with backend.open(redis=redis_url) as log, client_of(redis_url) as client:
        await shared(log)
        assert 0 < await client.ttl(key(log)) <= shared_cache.LIFETIME


async def test_an_older_list_never_replaces_a_newer_one(backend: Backend, redis_url: str) -> None:
    """Whoever is late writes nothing."""
    async with backend.open(redis=redis_url) as log, client_of(redis_url) as client:
        await shared(log)
        newest = await client.hgetall(key(log))
        assert newest[b"version"] == b"300"
        assert log.spi.shared is not None
        await log.spi.shared.put(key(log).split(":", 2)[2], 299, b"older")
        assert await client.hgetall(key(log)) == newest
        await log.spi.shared.put(key(log).split(":", 2)[2], 301, b"newer")
        assert (await client.hgetall(key(log)))[b"value"] == b"newer"


async def test_a_rebuild_leaves_no_old_list_there(backend: Backend, redis_url: str) -> None:
    """It forgets what is shared as well, and shares what it made."""
    async with (
        backend.open(redis=redis_url) as log,
        open_elsewhere(backend, redis=redis_url) as other,
        client_of(redis_url) as client,
    ):
        await shared(log)
        await client.hset(key(log), "value", "garbage")
        assert await rebuild(log) == 1
        assert (await client.hgetall(key(log)))[b"value"] != b"garbage"
        assert await read(other) == ITEMS
        assert other.counters.shared_hits == 1


GARBAGE = {
    "nothing": b"",
    "no bytes of ours": b"garbage",
    "an empty list": msgspec.msgpack.encode([]),
    "other types": msgspec.msgpack.encode([SCHEMA, "1", None, 0, 0, [], {}, []]),
    "version zero": msgspec.msgpack.encode([SCHEMA, 0, b"", 0, False, [], {}, []]),
    "sources that are missing": msgspec.msgpack.encode(
        [SCHEMA, 300, bytes(32), 0, False, [[-1, 0, 1], [5, 0, 1]], {}, []]
    ),
}


async def test_garbage_is_a_miss_and_removed(backend: Backend, redis_url: str) -> None:
    """Counted, never an error, and the next process is helped again."""
    for name, garbage in GARBAGE.items():
        async with (
            open_elsewhere(backend, redis=redis_url) as log,
            open_elsewhere(backend, redis=redis_url) as next_one,
            client_of(redis_url) as client,
        ):
            if name == "nothing":
                await shared(log)
            await client.hset(key(log), mapping={"version": 10**9, "value": garbage})
            log.spi.cache.evict(stream_id(log))
            before = log.counters.shared_misses
            assert await read(log) == ITEMS, name
            assert log.counters.shared_misses == before + 1, name
            assert log.counters.shared_failures == 0
            assert await read(next_one) == ITEMS, name
            assert next_one.counters.shared_hits == 1, name


async def test_a_list_of_other_code_is_a_miss(backend: Backend, redis_url: str) -> None:
    """Another release may have written under this key."""
    async with backend.open(redis=redis_url) as log, client_of(redis_url) as client:
        await shared(log)
        value = msgspec.msgpack.decode(await client.hget(key(log), "value"))
        await client.hset(key(log), "value", msgspec.msgpack.encode([SCHEMA + 1, *value[1:]]))
        log.spi.cache.evict(stream_id(log))
        assert await read(log) == ITEMS
        assert (log.counters.shared_hits, log.counters.shared_misses) == (0, 2)


async def test_the_list_of_another_conversation_is_a_miss(backend: Backend, redis_url: str) -> None:
    """Its hash is not on this chain."""
    async with backend.open(redis=redis_url) as log, client_of(redis_url) as client:
        await shared(log)
        await add_many(log, ["theirs"] * 300, name="other")
        await read(log, "other")
        await client.hset(key(log), mapping=await client.hgetall(key(log, "other")))
        log.spi.cache.evict(stream_id(log))
        assert await read(log) == ITEMS
        assert log.counters.shared_hits == 0


async def test_a_damaged_list_is_read_around(backend: Backend, redis_url: str) -> None:
    """The right hash, and places or segments that are not what they should be."""
    async with backend.open(redis=redis_url) as log, client_of(redis_url) as client:
        await shared(log)
        await client.delete(key(log))
        log.spi.cache.evict(stream_id(log))
        assert await read(log) == ITEMS  # Now from the snapshot, which is what is shared.
        good = msgspec.msgpack.decode(await client.hget(key(log), "value"), strict=False)
        places, segments = good[5], good[6]
        segment_id = places[0][0]
        for damaged in (
            ([[segment_id, 0, 10**6], *places[1:]], segments),
            ([[segment_id, -5, 256], *places[1:]], segments),
            ([[segment_id, 9, 3], *places[1:]], segments),
            (places, {**segments, segment_id: b"garbage"}),
            (places, {**segments, segment_id: b""}),
        ):
            value = msgspec.msgpack.encode([*good[:5], *damaged, *good[7:]])
            await client.hset(key(log), mapping={"version": 10**9, "value": value})
            log.spi.cache.evict(stream_id(log))
            assert await read(log) == ITEMS
            log.spi.cache.evict(stream_id(log))
            assert await read(log) == ITEMS


async def test_a_key_that_holds_something_else_is_removed(backend: Backend, redis_url: str) -> None:
    """It costs no other conversation its help."""
    async with (
        backend.open(redis=redis_url) as log,
        open_elsewhere(backend, redis=redis_url) as other,
        client_of(redis_url) as client,
    ):
        await shared(log)
        await add_many(log, ["theirs"], name="other")
        await read(log, "other")
        await client.set(key(log), "a string")
        assert await read(other) == ITEMS
        assert await read(other, "other") == ["theirs"]
        assert (other.counters.shared_hits, other.counters.shared_misses) == (1, 1)
        assert await client.type(key(log)) == b"hash"


async def test_a_client_that_decodes_works(backend: Backend, redis_url: str) -> None:
    """What is stored is bytes, whatever the client does for its owner."""
    client: Any = Redis.from_url(redis_url, decode_responses=True)
    async with (
        backend.open(redis=client) as log,
        open_elsewhere(backend, redis=client) as other,
    ):
        await shared(log)
        assert await read(other) == ITEMS
        assert other.counters.shared_hits == 1
        assert other.counters.shared_failures == 0
    assert await client.ping()
    await client.aclose()


def warnings(caplog: pytest.LogCaptureFixture) -> int:
    return len([record for record in caplog.records if "Redis" in record.getMessage()])


async def test_without_a_redis_every_answer_is_right(
    backend: Backend, unused_tcp_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    """One warning, counted, and asked again only after a pause."""
    async with backend.open(redis=f"redis://127.0.0.1:{unused_tcp_port}") as log:
        await shared(log)
        for _ in range(20):
            log.spi.cache.evict(stream_id(log))
            assert await read(log) == ITEMS
        assert 1 <= log.counters.shared_failures < 10
        assert log.counters.shared_misses == 21
    assert warnings(caplog) == 1


class Silent:
    """A Redis that accepts and never answers; it counts who comes."""

    def __init__(self) -> None:
        self.came = 0
        self._writers: list[asyncio.StreamWriter] = []

    async def meet(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.came += 1
        self._writers.append(writer)

    def leave(self) -> None:
        for writer in self._writers:
            writer.close()


async def test_a_redis_that_does_not_answer_costs_one_wait_for_each_pause(
    backend: Backend, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reads between two tries do not ask at all."""
    now = 1000.0
    monkeypatch.setattr(shared_cache, "time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(shared_cache, "PATIENCE", 0.02)
    silent = Silent()
    server = await asyncio.start_server(silent.meet, "127.0.0.1", unused_tcp_port)
    async with backend.open() as writer:
        await add_many(writer, ITEMS)
    async with backend.open(redis=f"redis://127.0.0.1:{unused_tcp_port}") as log:
        failures: list[int] = []
        for _ in range(8):
            for _ in range(5):
                log.spi.cache.evict(stream_id(log))
                assert await read(log) == ITEMS
            failures.append(log.counters.shared_failures)
            now += shared_cache.FIRST_PAUSE + 0.001
        # The pauses double: after 1 s, 2 s, 4 s.
        assert failures == [1, 2, 2, 3, 3, 3, 3, 4]
    silent.leave()
    server.close()
    await server.wait_closed()


async def test_an_answer_that_comes_late_is_nobodys_answer(
    backend: Backend, own_redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was asked for one conversation is never taken for another's."""
    monkeypatch.setattr(shared_cache, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(shared_cache, "PATIENCE", 0.25)
    async with (
        backend.open(redis=own_redis_url) as log,
        client_of(own_redis_url) as client,
    ):
        await shared(log)
        for number in range(5):
            await add_many(log, [number], name=f"other {number}")
            await read(log, f"other {number}")
        await client.client_pause(400, all=False)
        log.spi.shared._backoff = Backoff(0.0, 0.0)  # type: ignore[union-attr]
        for _ in range(3):
            for number in range(5):
                log.spi.cache.evict(stream_id(log, f"other {number}"))
                assert await read(log, f"other {number}") == [number]
            log.spi.cache.evict(stream_id(log))
            assert await read(log) == ITEMS


async def test_a_full_redis_changes_nothing(
    backend: Backend, own_redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It cannot be written: counted, one warning, and right answers."""
    async with client_of(own_redis_url) as client:
        await client.config_set("maxmemory", 1)
        try:
            async with backend.open(redis=own_redis_url) as log:
                await shared(log)
                for number in range(5):
                    log.spi.cache.evict(stream_id(log))
                    assert log.spi.shared is not None
                    log.spi.shared._again_at = 0.0
                    await add_many(log, [number])
                    assert await read(log) == ITEMS + list(range(number + 1))
                assert log.counters.shared_failures >= 1
                assert log.counters.snapshots_written >= 1
        finally:
            await client.config_set("maxmemory", 0)
    assert warnings(caplog) == 1


async def test_a_redis_that_lost_everything_is_filled_again(
    backend: Backend, own_redis_url: str
) -> None:
    """As after a restart: connections are gone, and every key."""
    async with (
        backend.open(redis=own_redis_url) as log,
        open_elsewhere(backend, redis=own_redis_url) as other,
        client_of(own_redis_url) as client,
    ):
        await shared(log)
        await client.flushall()
        await client.client_kill_filter(_type="normal", skipme=True)
        for _ in range(2):
            log.spi.cache.evict(stream_id(log))
            assert await read(log) == ITEMS
            assert log.spi.shared is not None
            log.spi.shared._again_at = 0.0  # A broken connection costs one pause.
        assert await read(other) == ITEMS
        assert log.counters.shared_failures <= 1
        assert other.counters.shared_hits == 1


async def test_a_list_that_is_too_large_is_not_shared(
    backend: Backend, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read from the database."""
    monkeypatch.setattr(shared_cache, "MAX_BYTES", 100)
    async with backend.open(redis=redis_url) as log, client_of(redis_url) as client:
        await shared(log)
        assert not await client.exists(key(log))
        log.spi.cache.evict(stream_id(log))
        assert await read(log) == ITEMS
