"""The feed: every committed event once, by dense positions, in the order of each stream."""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any

import pytest

from eventlog import EventLog, ItemsAdded, RecordedEvent
from eventlog.errors import InvalidMomentError, WaitTimeoutError
from eventlog.feed import reading
from tests import processes
from tests.backends import Backend
from tests.waiting import PATIENCE


async def add(log: EventLog, stream: str, events: int = 1) -> int:
    return (await log.append(stream, [ItemsAdded([n]) for n in range(events)])).last


async def read(log: EventLog, after: int = 0) -> list[RecordedEvent]:
    return [event async for event in log.feed(after)]


def places(events: Iterable[RecordedEvent]) -> list[tuple[int | None, str, int]]:
    return [(event.position, event.stream, event.version) for event in events]


async def test_an_empty_log_has_an_empty_feed(log: EventLog) -> None:
    """It is at position 0, and that is no error."""
    assert await read(log) == []
    assert await log.position() == 0


async def test_positions_are_dense_and_keep_the_order_of_each_stream(log: EventLog) -> None:
    """Whatever is appended at once: 1, 2, 3 and so on, and versions rise."""
    names = [f"chat-{n % 7}" for n in range(60)]
    await asyncio.gather(*[add(log, name, n % 5 + 1) for n, name in enumerate(names)])
    events = await read(log)
    assert [event.position for event in events] == list(range(1, len(events) + 1))
    for name in set(names):
        versions = [event.version for event in events if event.stream == name]
        assert versions == list(range(1, await log.version(name) + 1))


async def test_what_is_refused_leaves_no_gap(log: EventLog) -> None:
    """Conflicts burn no position."""
    await add(log, "chat")
    for _ in range(5):
        with contextlib.suppress(Exception):
            await log.append("chat", ItemsAdded([0]), expected_version=9)
    await add(log, "chat")
    assert places(await read(log)) == [(1, "chat", 1), (2, "chat", 2)]


async def test_an_event_of_the_feed_is_the_event_that_was_appended(log: EventLog) -> None:
    """Same bytes, same content; only `read` knows no position."""
    await log.append("chat", ItemsAdded(["a", {"b": 1}]))
    (of_feed,) = await read(log)
    (of_stream,) = [event async for event in log.read("chat")]
    assert of_feed.stored == of_stream.stored
    assert of_feed.event == ItemsAdded(["a", {"b": 1}])
    assert of_stream.position is None


async def test_after_is_exclusive(log: EventLog) -> None:
    """Reading on from the last position seen misses and repeats nothing."""
    await add(log, "chat", 5)
    assert [event.position for event in await read(log, 3)] == [4, 5]
    assert await read(log, 5) == []


@pytest.mark.parametrize("after", [-1, 1.5, "1", None, True], ids=repr)
async def test_an_after_that_is_no_position_is_refused(after: Any) -> None:
    """At the call, not at the first event; in every method that takes one."""
    log = EventLog(":memory:")
    for call in (log.feed, log.subscribe):
        with pytest.raises(InvalidMomentError):
            call(after)
    with pytest.raises(InvalidMomentError):
        await log.wait_for(after)


async def test_a_tenant_sees_its_own_events_at_the_positions_of_all(backend: Backend) -> None:
    """Positions are of the database; between one's own are those of others."""
    ours, theirs = backend.open(), backend.open(tenant="other")
    for _ in range(3):
        await add(ours, "chat")
        await add(theirs, "chat")
    assert [event.position for event in await read(ours)] == [1, 3, 5]
    assert [event.position for event in await read(theirs)] == [2, 4, 6]
    assert await ours.position() == await theirs.position() == 6


@pytest.mark.parametrize("page", [1, 7, 100])
async def test_pages_join_without_a_seam(
    backend: Backend, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever their size, and however many positions of others lie between."""
    monkeypatch.setattr(reading, "PAGE", page)
    ours, theirs = backend.open(), backend.open(tenant="other")
    await add(theirs, "chat", 20)
    await add(ours, "chat", 10)
    await add(theirs, "chat", 20)
    await add(ours, "other chat", 5)
    assert [event.position for event in await read(ours)] == [*range(21, 31), *range(51, 56)]


async def test_positions_survive_reopening(backend: Backend) -> None:
    """What has a position keeps it; what comes later comes behind it."""
    async with backend.open() as log:
        await add(log, "chat", 3)
        before = places(await read(log))
    async with backend.open() as log:
        await add(log, "a chat before it by name", 2)
        assert places(await read(log)) == [
            *before,
            (4, "a chat before it by name", 1),
            (5, "a chat before it by name", 2),
        ]


async def test_what_was_never_sequenced_is_there_at_the_first_read(backend: Backend) -> None:
    """More than one batch, of a process that has ended without reading any feed."""
    async with backend.open() as log:
        for n in range(9):
            await add(log, f"chat-{n}", 500)
    async with backend.open() as log:
        assert [event.position async for event in log.feed()] == list(range(1, 4501))


async def test_what_is_appended_while_reading_is_left_to_the_next_read(log: EventLog) -> None:
    """A feed ends, also under constant writing."""
    await add(log, "chat", 2)
    seen = 0
    async for _ in log.feed():
        seen += 1
        await add(log, "chat")
    assert seen == 2
    assert len(await read(log)) == 4


async def test_wait_for_returns_at_once_if_the_feed_is_there(log: EventLog) -> None:
    """Also with no time to wait."""
    await add(log, "chat", 3)
    await log.wait_for(3, timeout=0)
    await log.wait_for(0, timeout=0)


async def test_wait_for_waits_for_an_append(log: EventLog) -> None:
    """And returns with it."""
    waiting = asyncio.ensure_future(log.wait_for(2, PATIENCE))
    await add(log, "chat")
    await asyncio.sleep(0)
    assert not waiting.done()
    await add(log, "chat")
    await waiting
    assert await log.position() == 2


async def test_wait_for_says_how_far_the_feed_is(log: EventLog) -> None:
    """A typed error that is a TimeoutError too."""
    await add(log, "chat")
    with pytest.raises(TimeoutError, match=r"position 2 within 0\.05 s; it is at 1") as caught:
        await log.wait_for(2, timeout=0.05)
    assert isinstance(caught.value, WaitTimeoutError)
    assert (caught.value.position, caught.value.reached) == (2, 1)


APPENDS_ONLY = """
import asyncio, sys, psutil
from eventlog import EventLog, ItemsAdded, PostgresOptions

async def main() -> None:
    log = EventLog(sys.argv[1], postgres=PostgresOptions(schema=sys.argv[2], pool_size=1))
    for _ in range(3):
        await log.append("chat", ItemsAdded(["a"]))
    connections = psutil.Process().net_connections("all")
    print(len(asyncio.all_tasks()), sum(".PGSQL" in str(c.raddr) for c in connections))

asyncio.run(main())
"""


async def test_a_process_that_only_appends_pays_nothing_for_the_feed(backend: Backend) -> None:
    """No task of its own, and no connection but the one that appends."""
    output = await run(APPENDS_ONLY, backend)
    tasks, connections = map(int, output.split())
    assert tasks <= 2  # main, and asyncpg's own or the writer's while an append is on its way
    assert connections <= (1 if backend.name == "postgres" else 0)


async def run(script: str, backend: Backend) -> str:
    schema = backend.options.get("schema", "eventlog")
    status, output = await processes.output_of("-c", script, backend.url, schema)
    assert status == 0, output
    return output


async def test_a_page_is_found_by_position(backend: Backend) -> None:
    """What it costs does not grow with the log: on SQLite the plan says so."""
    async with backend.open() as log:
        await add(log, "chat")
    if backend.name == "postgres":
        return  # Its plan follows statistics; OFFSET 0 leaves it no other way to each stream.
    from eventlog.store.sqlite.statements import FEED

    page = FEED.page
    values = {"tenant": "default", "after": 0, "until": 10, "limit": 10}
    plan = await backend.execute(f"EXPLAIN QUERY PLAN {page.text}", *page.args(values))
    assert "SEARCH events USING INTEGER PRIMARY KEY" in plan[0][-1]
    assert len(plan) == 2
