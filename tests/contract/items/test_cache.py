"""What a process remembers of what it has read: bounded, private to nobody, never in the way."""

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Generator
from random import Random
from typing import Any

import pytest

from eventlog import EventLog
from eventlog.snapshots import StreamSnapshots
from eventlog_projections import Conversation
from eventlog_projections.items.copies import Copies
from tests.backends import Backend
from tests.elsewhere import NAME, add_many, elsewhere, filled, stream_id


def hits(log: EventLog) -> tuple[int, int]:
    return log.counters.cache_hits, log.counters.cache_misses


async def test_the_least_recently_used_conversation_is_forgotten_first(backend: Backend) -> None:
    """What is remembered never takes more than cache_bytes."""
    log = backend.open(cache_bytes=50_000)
    chats = [Conversation(log, f"chat {number}") for number in range(4)]
    for chat in chats:
        await chat.add(["x" * 100] * 100)
    for chat in (*chats[:3], chats[0], chats[3]):
        await chat.items()
        assert log.spi.cache.size <= 50_000
    before = hits(log)
    await chats[0].items()
    await chats[3].items()
    assert hits(log) == (before[0] + 2, before[1])
    remembered = [log.spi.cache.get(stream_id(log, chat.name)) is not None for chat in chats]
    assert remembered[0]
    assert remembered[3]


async def test_without_a_cache_nothing_is_remembered(backend: Backend) -> None:
    """cache_bytes=0 switches it off, and every answer is the same."""
    log = backend.open(cache_bytes=0)
    chat = Conversation(log, NAME)
    await add_many(log, list(range(300)))
    for _ in range(3):
        assert await chat.items() == list(range(300))
    assert log.spi.cache.size == 0
    assert log.counters.cache_hits == 0
    await log.spi.background.finish()
    before = log.counters.snapshot_hits
    assert await chat.items(limit=2) == [298, 299]
    assert log.counters.snapshot_hits == before + 1


@pytest.mark.parametrize(
    "text",
    [lambda random: random.randbytes(2_000).hex(), lambda _: "the same words " * 270],
    ids=["hard to compress", "easy to compress"],
)
@pytest.mark.parametrize("reads", ["from events", "from segments"])
async def test_what_is_remembered_is_counted_as_the_bytes_that_it_takes(
    backend: Backend, text: Any, reads: str
) -> None:
    """At most its JSON, what copies are made from, and what is stored, however it compresses."""
    random = Random(1)
    items = [text(random) for _ in range(500 if reads == "from segments" else 200)]
    json_bytes = sum(map(len, items))
    async with backend.open() as log:
        chat = Conversation(log, NAME)
        await (filled(log, items) if reads == "from segments" else add_many(log, items))
    async with elsewhere(backend) as chat:
        for _ in range(2):
            await chat.items()
        await chat.add(["one more"])
        await chat.items()
        await chat.log.spi.background.finish()
        assert json_bytes / 2 < chat.log.spi.cache.size < 2.75 * json_bytes


async def test_a_list_that_is_read_again_does_not_push_itself_out(backend: Backend) -> None:
    """Copies of a list that fills the cache are made from the list: it stays."""
    async with backend.open(cache_bytes=150_000) as log:
        chat = Conversation(log, NAME)
        await add_many(log, ["x" * 1_000] * 100)
        for _ in range(4):
            await chat.items()
        await log.spi.background.finish()
        before = hits(log)
        for _ in range(4):
            assert await chat.items() == ["x" * 1_000] * 100
        assert hits(log) == (before[0] + 4, before[1])


async def test_nothing_is_kept_of_a_list_that_has_become_another(backend: Backend) -> None:
    """Read again and again, then cleared elsewhere: the next read, of whatever part, forgets it."""
    async with backend.open() as log:
        chat = Conversation(log, NAME)
        await add_many(log, ["secret"] * 4)
        for _ in range(3):
            await chat.items()
        assert "secret" in repr(remembered(log))
        async with elsewhere(backend) as other:
            await other.clear()
        assert await chat.items(limit=1) == []
        assert "secret" not in repr(remembered(log))


def remembered(log: EventLog) -> list[Any]:
    return [value for value, _ in log.spi.cache._entries.values() if isinstance(value, Copies)]


async def test_what_a_caller_does_to_items_reaches_nobody_else(log: EventLog) -> None:
    """Not the next reader, warm, limited or past, nor the log."""
    items: list[Any] = [{"n": number, "in": ["side"]} for number in range(300)]
    chat = await filled(log, items)
    await chat.add([{"n": 300, "in": ["side"]}])
    expected = [{"n": number, "in": ["side"]} for number in range(301)]
    for _ in range(2):
        for item in await chat.items():
            item["in"].clear()
            item["n"] = None
        (last,) = await chat.items(limit=1)
        last.clear()
        (await chat.items()).clear()
        assert await chat.items() == expected
        assert await chat.items(limit=2) == expected[-2:]
        assert await chat.items(as_of=301) == expected


async def test_handles_on_one_database_remember_together(backend: Backend) -> None:
    """What one has read, the other does not read again."""
    log, other = backend.open(), backend.open()
    await Conversation(log, NAME).add([1])
    assert await Conversation(log, NAME).items() == [1]
    assert await Conversation(other, NAME).items() == [1]
    assert log.counters is other.counters
    assert hits(log) == (1, 1)


async def test_readers_in_many_threads_get_right_answers(backend: Backend) -> None:
    """One cache for all loops, while the conversation grows."""
    log = backend.open()
    await add_many(log, list(range(400)))

    async def read() -> None:
        chat = Conversation(log, NAME)
        for _ in range(10):
            items = await chat.items()
            assert items == list(range(len(items)))
            await chat.items(limit=3)
        await log.spi.background.finish()

    readings = [asyncio.to_thread(asyncio.run, read()) for _ in range(4)]
    growing = asyncio.gather(*readings)
    for number in range(400, 420):
        await add_many(log, [number])
    await growing
    assert await Conversation(log, NAME).items() == list(range(420))


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_child_may_use_it(backend: Backend) -> None:
    """Also if the parent was just using it, in another thread, when it forked."""
    log = backend.open()

    async def prepare() -> None:
        await add_many(log, list(range(300)))
        await Conversation(log, NAME).items()
        await log.spi.background.finish()

    async def use() -> bool:
        chat = Conversation(log, NAME)
        return await chat.items() == list(range(300)) and await chat.items(limit=1) == [299]

    asyncio.run(prepare())
    with held(log.spi.cache._lock):
        child = os.fork()
        if child == 0:
            signal.alarm(10)
            ok = False
            with contextlib.suppress(BaseException):
                ok = asyncio.run(use()) and log.counters.cache_hits > 0
            os._exit(0 if ok else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    asyncio.run(log.close())


@contextlib.contextmanager
def held(lock: Any) -> Generator[None]:
    """Hold a lock in another thread."""
    is_held, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            is_held.set()
            may_end.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    is_held.wait()
    yield
    may_end.set()
    thread.join()


class Trips:
    """Counts round trips to the database."""

    def __init__(self, backend: Backend, log: EventLog, patch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.patch = patch
        store: Any = log.spi._store
        owner = store.runner._reader if backend.name == "sqlite" else store.runner.pools
        real = owner.run

        def counted(*args: Any) -> Any:
            self.count += 1
            return real(*args)

        patch.setattr(owner, "run", counted)

    async def of(self, reading: Any) -> int:
        before = self.count
        await reading
        return self.count - before


async def test_a_warm_read_is_one_round_trip(
    backend: Backend, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether nothing is new or something is."""
    chat = await filled(log, list(range(600)))
    await chat.items()
    trips = Trips(backend, log, monkeypatch)
    assert await trips.of(chat.items()) == 1
    assert await trips.of(chat.items(limit=5)) == 1
    await add_many(log, [1, 2, 3])
    assert await trips.of(chat.items()) == 1
    await log.spi.background.finish()


async def test_a_cold_read_is_one_round_trip(
    backend: Backend, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Snapshot, segments and what follows come together, also for the last items only."""
    chat = await filled(log, [*range(600), "x" * 100_000])
    await add_many(log, ["tail"])
    await chat.items()
    await log.spi.background.finish()
    trips = Trips(backend, log, monkeypatch)
    for view in ({}, {"limit": 20}, {"limit": 1}):
        log.spi.cache.evict(stream_id(log))
        assert await trips.of(chat.items(**view)) == 1, view
    log.spi.cache.evict(stream_id(log, "new"))
    assert await trips.of(Conversation(log, "new").items()) == 1


async def test_the_last_items_of_a_cold_list_cost_the_last_segments(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are fetched when somebody wants them."""
    async with backend.open() as log:
        await filled(log, list(range(256 * 8)), 64)
    fetched: list[int] = []
    load = StreamSnapshots.load

    async def counted(self: StreamSnapshots, until: int | None, wanted: int) -> Any:
        loaded = await load(self, until, wanted)
        fetched.append(len(loaded.segments))
        return loaded

    monkeypatch.setattr(StreamSnapshots, "load", counted)
    async with elsewhere(backend) as chat:
        assert await chat.items(limit=20) == list(range(2028, 2048))
        assert await chat.items(limit=300) == list(range(1748, 2048))
        assert await chat.items() == list(range(2048))
    assert fetched == [1]


async def test_a_past_moment_costs_one_snapshot_and_what_follows_it(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never more than 1,024 events where the conversation was read as it grew."""
    async with backend.open() as log:
        for number in range(12):
            await filled(log, [number] * 256)
    loads: list[tuple[int, int]] = []
    load = StreamSnapshots.load

    async def counted(self: StreamSnapshots, until: int | None, wanted: int) -> Any:
        loaded = await load(self, until, wanted)
        loads.append((loaded.snapshot.version if loaded.snapshot else 0, len(loaded.tail)))
        return loaded

    monkeypatch.setattr(StreamSnapshots, "load", counted)
    async with elsewhere(backend) as chat:
        for version in (100, 256, 257, 1500, 3072):
            loads.clear()
            items = await chat.items(as_of=version)
            assert items == [number // 256 for number in range(version)]
            ((base, followed),) = loads
            assert base == version // 256 * 256
            assert followed == version - base
