"""Snapshots that are lost, stored twice, cancelled or refused change no answer."""

import asyncio
from typing import Any

import pytest

from eventlog import EventLog
from eventlog.snapshots import StreamSnapshots
from eventlog_projections import Conversation, rebuild
from tests.backends import Backend
from tests.elsewhere import (
    NAME,
    add_many,
    bodies,
    cold,
    elsewhere,
    filled,
    open_elsewhere,
    read_and_wait,
    snapshots,
    versions,
)


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
        log.spi.cache.evict(log.spi.snapshots(NAME, 1).stream_id)
        reading = asyncio.ensure_future(chat.items(limit=turns or None))
        for _ in range(turns):
            await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait((reading,))
    assert await chat.items() == items
    await log.spi.background.finish()
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
