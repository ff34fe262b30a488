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
    EventLog,
    ItemPopped,
    ItemsAdded,
    ItemsReplaced,
)
from eventlog.events import ConversationRewound
from eventlog.format.codec import decode_msgpack
from eventlog.snapshots import StreamSnapshots
from eventlog_projections import Conversation
from eventlog_projections.items.segments import MAX_BYTES, MAX_ITEMS, unpack
from tests.backends import Backend
from tests.elsewhere import (
    NAME,
    add_many,
    bodies,
    cold,
    elsewhere,
    filled,
    read_and_wait,
    snapshots,
    versions,
)
from tests.waiting import PATIENCE

LARGE = {"text": "large " * 20_000}


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
    await log.spi.background.finish()
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
from eventlog import EventLog, ItemsAdded, PostgresOptions
from eventlog_projections import Conversation
log = EventLog(sys.argv[1], postgres=PostgresOptions(schema=sys.argv[2]))

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
        timeout=PATIENCE,
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
    log.spi.cache.evict(log.spi.snapshots(NAME, 1).stream_id)
    assert len(await read_and_wait(log)) == 300
    assert await versions(backend) == [1]
    await asyncio.to_thread(left.run_until_complete, log.spi.background.finish())
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
    assert sum(len(packed.array) for packed in found.values()) <= len(json.dumps(items))
    seen = [item["n"] for packed in found.values() for item in decode_msgpack(packed.array)]
    assert len(seen) == len(set(seen)) >= 2000 - MAX_ITEMS
    assert max(len(packed.ends) for packed in found.values()) <= MAX_ITEMS
    assert len(await versions(backend)) <= 8


async def test_a_segment_holds_at_most_256_kib(backend: Backend, log: EventLog) -> None:
    """However long its items are, as long as they are copied at all."""
    await filled(log, ["x" * 5_000, *["y" * 60_000, *["z"] * 40] * 20])
    packed = [unpack(key, body) for key, body in (await bodies(backend)).items()]
    assert packed
    assert max(segment.ends[-1] for segment in packed) <= MAX_BYTES


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
    assert sum(len(unpack(*found).array) for found in (await bodies(backend)).items()) < 10_000
    stored = (await snapshots(backend))[-1]
    assert len([piece for piece in stored.pieces if piece.source > 0]) == 2
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
