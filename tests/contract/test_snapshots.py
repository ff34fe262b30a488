"""When snapshots are stored, what they hold, and that nobody waits for them or misses them."""

import asyncio
import json
import subprocess
import sys
import threading
from random import Random
from typing import Any

import pytest

from eventlog import (
    ConversationCleared,
    ConversationRewound,
    EventLog,
    ItemPopped,
    ItemsAdded,
    ItemsReplaced,
)
from eventlog.snapshots import StreamSnapshots
from projections import Conversation, rebuild
from projections.segments import MAX_BYTES, MAX_ITEMS, unpack
from tests.backends import Backend
from tests.elsewhere import (
    NAME,
    add_many,
    bodies,
    cold,
    elsewhere,
    filled,
    open_elsewhere,
    snapshots,
)

LARGE = {"text": "large " * 20_000}


async def versions(backend: Backend) -> list[int]:
    return [snapshot.version for snapshot in await snapshots(backend)]


async def read_and_wait(log: EventLog) -> list[Any]:
    items = await Conversation(log, NAME).items()
    await log.background.finish()
    return items


async def test_a_snapshot_is_stored_after_256_items(backend: Backend, log: EventLog) -> None:
    """Not before; and the next one after as many again."""
    await add_many(log, list(range(255)))
    await read_and_wait(log)
    assert await versions(backend) == []
    await add_many(log, [255])
    await read_and_wait(log)
    assert await versions(backend) == [256]
    await add_many(log, list(range(255)))
    await read_and_wait(log)
    assert await versions(backend) == [256]
    await add_many(log, [255])
    await read_and_wait(log)
    assert await versions(backend) == [256, 512]
    assert log.counters.snapshots_written == 2


async def test_a_snapshot_is_stored_after_a_mebibyte_of_items(
    backend: Backend, log: EventLog
) -> None:
    """Few items can be long too; what one very large item adds is bounded."""
    await log.append(NAME, [ItemsAdded([number, LARGE]) for number in range(5)])
    await read_and_wait(log)
    assert await versions(backend) == []
    await add_many(log, hard_to_compress(40, 40_000))
    await read_and_wait(log)
    assert await versions(backend) == [45]


def hard_to_compress(items: int, size: int) -> list[str]:
    random = Random(1)
    return [random.randbytes(size // 2).hex() for _ in range(items)]


@pytest.mark.parametrize(
    "event", [ConversationCleared(), ConversationRewound(3)], ids=lambda event: event.kind
)
async def test_a_clear_and_a_rewind_store_a_snapshot(
    backend: Backend, log: EventLog, event: Any
) -> None:
    """However little there is: the list does not come from what was before."""
    await add_many(log, list(range(10)))
    await read_and_wait(log)
    await log.append(NAME, event, expected_version=10)
    items = await read_and_wait(log)
    assert items == ([] if isinstance(event, ConversationCleared) else [0, 1, 2])
    assert await versions(backend) == [11]
    await read_and_wait(log)
    assert log.counters.snapshots_written == 1
    assert await cold(backend) == items


@pytest.mark.parametrize("event", [ItemPopped(), ItemsReplaced(0, [])], ids=lambda e: e.kind)
async def test_a_snapshot_is_stored_after_1024_events(
    backend: Backend, log: EventLog, event: Any
) -> None:
    """Events without items count too: somebody would have to read them."""
    await log.append(NAME, [ItemsAdded([number]) for number in range(5)])
    await log.append(NAME, [event for _ in range(1018)])
    await read_and_wait(log)
    assert await versions(backend) == []
    await log.append(NAME, event)
    assert await read_and_wait(log) == []
    assert await versions(backend) == [1024]


async def test_a_reader_does_not_wait_for_the_snapshot(
    backend: Backend, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has its items before the snapshot is stored."""
    begin, save = asyncio.Event(), StreamSnapshots.save

    async def later(self: StreamSnapshots, *args: Any) -> bool:
        await begin.wait()
        return await save(self, *args)

    monkeypatch.setattr(StreamSnapshots, "save", later)
    await add_many(log, list(range(300)), 300)
    chat = Conversation(log, NAME)
    assert await chat.items() == list(range(300))
    assert await chat.items(limit=1) == [299]
    assert await versions(backend) == []
    begin.set()
    await log.background.finish()
    assert await versions(backend) == [1]


async def test_closing_a_log_waits_for_its_snapshots(backend: Backend) -> None:
    """What was begun is stored."""
    async with backend.open() as log:
        await add_many(log, list(range(300)), 300)
        await Conversation(log, NAME).items()
    assert await versions(backend) == [1]


def test_a_loop_may_end_while_a_snapshot_is_under_way(
    backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    """No warning and no error; the next loop stores it."""
    log = backend.open()

    async def read() -> None:
        await add_many(log, list(range(300)), 300)
        await Conversation(log, NAME).items()

    asyncio.run(read())
    asyncio.run(log.close())
    assert [record.getMessage() for record in caplog.records] == []

    async def read_again() -> list[Any]:
        items = await cold(backend)
        assert await versions(backend) == [1]
        return items

    assert asyncio.run(read_again()) == list(range(300))


LEFT_OPEN = """
import asyncio, sys
from eventlog import EventLog, ItemsAdded
from projections import Conversation
log = EventLog(sys.argv[1], schema=sys.argv[2])

async def main():
    await log.append("chat", ItemsAdded(list(range(300))))
    print(len(await Conversation(log, "chat").items()))

loop = asyncio.new_event_loop()
loop.run_until_complete(main())
"""


async def test_a_program_may_end_while_a_snapshot_is_under_way(backend: Backend) -> None:
    """Its loop was never closed, as Runner.run_sync leaves it: nothing is said at exit."""
    schema = backend.options.get("schema", "eventlog")
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", LEFT_OPEN, backend.url, schema],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "300\n", "")


async def test_a_snapshot_of_one_loop_keeps_no_other_from_its_own(backend: Backend) -> None:
    """A loop that was left in the middle of one is not waited for."""
    log = backend.open()
    await add_many(log, list(range(300)), 300)
    left = asyncio.new_event_loop()
    other = threading.Thread(
        target=left.run_until_complete, args=(Conversation(log, NAME).items(),)
    )
    other.start()
    await asyncio.to_thread(other.join)
    log.cache.forget(log.snapshots(NAME, 1).stream_id)
    assert len(await read_and_wait(log)) == 300
    assert await versions(backend) == [1]
    await asyncio.to_thread(left.run_until_complete, log.background.finish())
    await asyncio.to_thread(left.run_until_complete, left.shutdown_asyncgens())
    await asyncio.to_thread(left.run_until_complete, left.shutdown_default_executor())
    await log.close()
    left.close()


async def test_a_segment_is_small_and_holds_each_item_once(backend: Backend, log: EventLog) -> None:
    """2,000 items in growing lists: as many bytes are stored as there are items."""
    items = [{"n": number} for number in range(2000)]
    for begin in range(0, 2000, 100):
        await filled(log, items[begin : begin + 100])
    found = {key: unpack(key, body) for key, body in (await bodies(backend)).items()}
    assert sum(len(packed.inner) for packed in found.values()) <= len(json.dumps(items))
    seen = [
        item["n"] for packed in found.values() for item in json.loads(f"[{packed.inner.decode()}]")
    ]
    assert len(seen) == len(set(seen)) >= 2000 - MAX_ITEMS
    assert max(len(packed.ends) for packed in found.values()) <= MAX_ITEMS
    assert len(await versions(backend)) <= 8


async def test_a_segment_holds_at_most_256_kib(backend: Backend, log: EventLog) -> None:
    """However long its items are, as long as they are copied at all."""
    await filled(log, ["x" * 5_000, *["y" * 60_000, *["z"] * 40] * 20])
    packed = [unpack(key, body) for key, body in (await bodies(backend)).items()]
    assert packed
    assert max(len(segment.inner) for segment in packed) <= MAX_BYTES


async def test_items_of_some_length_are_copied(backend: Backend, log: EventLog) -> None:
    """A snapshot refers to very large items only; a hundred of 20 KB are a few segments."""
    items = hard_to_compress(100, 20_000)
    await filled(log, items)
    (stored,) = await snapshots(backend)
    assert len(stored.pieces) < 20
    assert await cold(backend) == items


async def test_large_items_are_referred_to(backend: Backend, log: EventLog) -> None:
    """They stay where they lie in the log; the items around them are copied."""
    few = [LARGE, *range(10), LARGE]
    items = [LARGE, *range(300), LARGE, LARGE, *range(300), *few]
    await filled(log, items)
    assert sum(len(unpack(*found).inner) for found in (await bodies(backend)).items()) < 10_000
    stored = (await snapshots(backend))[-1]
    assert len([piece for piece in stored.pieces if piece.source > 0]) == 4
    assert await cold(backend) == items
    assert await cold(backend, limit=305) == items[-305:]


AWKWARD: list[Any] = [
    {"z": 1, "a": 2, "m": {"y": 1, "b": 2}},
    {1: "a number's name", "1": "and its text: twice the same key"},
    10**400,
    -(2**63) - 1,
    2**64,
    1e308,
    5e-324,
    -0.0,
    0.1 + 0.2,
    "",
    '\u0000 \u2028 \U0001f600 \x7f \\ " / ',
    [],
    {},
    None,
    [[[[[[1]]]]]],
    True,
]
MSGSPEC_REFUSES: list[Any] = [
    float("inf"),
    float("-inf"),
    float("nan"),
    "\ud800",
    "\udc00 and more",
    {"\ud83d": ["\ude00"]},
]


@pytest.mark.parametrize("batch", [1, 4, 10_000])
async def test_items_survive_a_snapshot_exactly(
    backend: Backend, log: EventLog, batch: int
) -> None:
    """What json gives back, comes back, in its order; warm, cold, limited and past."""
    items = [*["plain"] * 300, *AWKWARD, *MSGSPEC_REFUSES, *AWKWARD, *["plain"] * 300]
    expected = json.dumps(json.loads(json.dumps(items)))
    chat = await filled(log, items, batch)
    await add_many(log, AWKWARD, batch)
    more = json.loads(json.dumps(AWKWARD))
    head = await log.version(NAME)
    assert json.dumps((await chat.items())[: len(items)]) == expected
    assert (await chat.items())[len(items) :] == more
    async with elsewhere(backend) as fresh:
        assert json.dumps((await fresh.items())[: len(items)]) == expected
        assert await fresh.items(limit=len(more)) == more
        assert fresh.log.counters.snapshot_hits == 1
    past = await cold(backend, as_of=head)
    assert json.dumps(past[: len(items)]) == expected


async def test_deleting_and_rebuilding_changes_no_answer(backend: Backend, log: EventLog) -> None:
    """Promise 4: for readers that go on, warm and cold, here and elsewhere."""
    items: list[Any] = list(range(1000))
    chat = await filled(log, items)
    async with elsewhere(backend) as other:
        for break_it in (
            lambda: backend.execute("DELETE FROM {}snapshots"),
            lambda: backend.execute("DELETE FROM {}segments"),
            lambda: rebuild(log, NAME),
            lambda: rebuild(other.log),
        ):
            assert await other.items() == items
            await break_it()
            assert await other.items(limit=10) == items[-10:]
            assert await chat.items(as_of=500) == items[:500]
            await add_many(log, ["new"])
            items.append("new")
            assert await chat.items() == items
            assert await other.items() == items
            assert await cold(backend) == items
            assert await cold(backend, limit=300) == items[-300:]


async def test_a_rebuild_says_how_many_snapshots_there_are(backend: Backend, log: EventLog) -> None:
    """One for each conversation with something in it, however little."""
    await add_many(log, [1], name="short")
    await filled(log, list(range(600)))
    assert await rebuild(log) == 2
    assert await rebuild(log, "short") == 1
    assert await rebuild(log, "nothing there") == 0
    assert sorted(await versions(backend)) == [1, 600]


async def test_a_rebuild_goes_on_where_another_process_stores_what_is_gone(
    backend: Backend, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its snapshot refers to segments that the rebuild has just deleted."""
    items = list(range(600))
    await filled(log, items)
    async with elsewhere(backend) as other:
        assert await other.items() == items
        await add_many(log, items)
        drop = StreamSnapshots.drop

        async def drop_and_lose_the_race(self: StreamSnapshots) -> None:
            await drop(self)
            monkeypatch.setattr(StreamSnapshots, "drop", drop)
            await read_and_wait(other.log)

        monkeypatch.setattr(StreamSnapshots, "drop", drop_and_lose_the_race)
        await rebuild(log)
    assert await cold(backend) == items + items
    assert await Conversation(log, NAME).items() == items + items
    async with elsewhere(backend) as fresh:
        assert await fresh.items() == items + items
        assert fresh.log.counters.snapshot_hits == 1


async def test_a_snapshot_that_refers_to_what_is_gone_is_read_around(
    backend: Backend, log: EventLog
) -> None:
    """Segments were deleted under a process that remembers them and stores a snapshot later."""
    items = list(range(600))
    await filled(log, items)
    async with elsewhere(backend) as other:
        assert await other.items() == items
        await rebuild(log)
        await add_many(log, items)
        assert await read_and_wait(other.log) == items + items
        assert other.log.counters.snapshots_written == 1
    for view in ({"limit": 700}, {"as_of": 1200}, {}):
        expected = (items + items)[-view.get("limit", 1200) :]
        assert await cold(backend, **view) == expected
    async with elsewhere(backend) as fresh:
        assert await fresh.items() == items + items
        assert fresh.log.counters.snapshot_hits == 1


async def test_two_processes_store_the_same_snapshot_at_once(backend: Backend) -> None:
    """One of them is stored; both go on reading and writing."""
    items = list(range(600))
    async with backend.open() as log:
        await add_many(log, items)
    logs = [open_elsewhere(backend) for _ in range(4)]
    answers = await asyncio.gather(*[read_and_wait(log) for log in logs])
    assert answers == [items] * 4
    assert await versions(backend) == [600]
    assert sum(log.counters.snapshots_written for log in logs) == 1
    assert sum(log.counters.snapshots_failed for log in logs) == 0
    await add_many(logs[0], items)
    for log in logs:
        assert await read_and_wait(log) == items + items
    assert await versions(backend) == [600, 1200]
    stored = {piece.source for snapshot in await snapshots(backend) for piece in snapshot.pieces}
    assert stored == set(await bodies(backend))
    for log in logs:
        await log.close()
    assert await cold(backend) == items + items


async def test_a_read_that_is_cancelled_leaves_nothing_broken(
    backend: Backend, log: EventLog
) -> None:
    """At whatever point; the next one is right."""
    items = list(range(600))
    await add_many(log, items)
    chat = Conversation(log, NAME)
    for turns in range(12):
        log.cache.forget(log.snapshots(NAME, 1).stream_id)
        reading = asyncio.ensure_future(chat.items(limit=turns or None))
        for _ in range(turns):
            await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait((reading,))
    assert await chat.items() == items
    await log.background.finish()
    assert await cold(backend) == items


async def test_what_changes_while_a_snapshot_is_written_is_not_lost(
    backend: Backend, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list goes on growing and shrinking; the snapshot is of when it was begun."""
    items = list(range(300))
    chat, save = Conversation(log, NAME), StreamSnapshots.save

    async def with_changes(self: StreamSnapshots, *args: Any) -> bool:
        await chat.pop()
        await chat.pop()
        await chat.add(["later"])
        assert await chat.items() == [*items[:-2], "later"]
        return await save(self, *args)

    await chat.add(items)
    monkeypatch.setattr(StreamSnapshots, "save", with_changes)
    await read_and_wait(log)
    monkeypatch.setattr(StreamSnapshots, "save", save)
    assert await versions(backend) == [1]
    assert await chat.items() == [*items[:-2], "later"]
    assert await chat.items(as_of=1) == items
    assert await cold(backend) == [*items[:-2], "later"]


async def test_a_snapshot_that_cannot_be_stored_fails_nobody(
    backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    """It is counted, and tried again with what comes next."""
    await add_something(backend)
    if backend.name == "sqlite":
        await backend.execute(
            "CREATE TRIGGER no BEFORE INSERT ON segments BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    else:
        await backend.execute("ALTER TABLE {}segments ADD CHECK (segment_id < 0)")
    async with backend.open() as log:
        for number in range(300, 302):
            assert await read_and_wait(log) == list(range(number))
            await add_many(log, [number])
        assert log.counters.snapshots_failed == 2
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]


async def add_something(backend: Backend) -> None:
    async with backend.open() as log:
        await add_many(log, list(range(300)), 300)
