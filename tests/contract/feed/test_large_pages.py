"""A page, and a batch of a view, holds so many bytes, however large the events are."""

import random
import tracemalloc
from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from eventlog import EventLog, ItemsAdded, paging
from eventlog.format.records import StoredEvent, held
from eventlog.store.contract import events
from eventlog.store.nouns import work
from eventlog.store.postgres import runner as postgres
from eventlog.store.sqlite import runner as sqlite
from eventlog_projections import Conversation, erase_event
from eventlog_projections.views import Views
from eventlog_projections.views.batches import batch
from eventlog_projections.views.queries import search
from tests.backends import Backend

SIZE: Final = 1_000_000
EVENTS: Final = 60
MOST: Final = 4 * SIZE
"""Bytes of a page, and of a batch, here."""


def noise(number: int) -> str:
    """A text that no compression makes shorter than half."""
    return random.Random(number).randbytes(SIZE // 2).hex()


async def fill(log: EventLog, text: Callable[[int], str] = noise) -> None:
    for number in range(EVENTS):
        item = {"role": "user", "content": text(number)}
        await log.append(f"chat-{number % 2}", ItemsAdded([item]))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (paging, events, work, postgres, sqlite):
        monkeypatch.setattr(module, "PAGE_BYTES", MOST)
    monkeypatch.setattr(batch, "BATCH_BYTES", MOST)


async def peak(working: Callable[[], Awaitable[object]]) -> int:
    tracemalloc.start()
    try:
        await working()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


async def test_pages_are_cut_by_bytes_and_nothing_is_missed(log: EventLog) -> None:
    """Of streams, of kinds, of several streams, of a tenant's feed and of everybody's."""
    await fill(log)
    end = await log.position()
    store, one = log.spi.store, log.spi.stream_id("chat-0")
    both = [one, log.spi.stream_id("chat-1")]
    for page in (
        await store.events.page(one, 0, 10**9, 1000),
        await store.events.page(one, 0, 10**9, 1000, ItemsAdded.kind),
        [StoredEvent._make(row) for row in await store.events.many(both, 1000)],
        [StoredEvent._make(row[3:]) for row in await store.feed.page(log.tenant, 0, end, 1000)],
        [StoredEvent._make(row[4:]) for row in await store.feed.every_page(0, end, 1000)],
    ):
        assert MOST <= sum(map(held, page)) <= MOST + 16 * SIZE
        assert [event.version for event in page[:2]] in ([1, 2], [1, 1])
    (first,) = await store.events.page(one, 0, 1, 1000)
    assert first.version == 1
    assert [event.version for event in await log.read("chat-1").all()] == [*range(1, 31)]
    assert [event.position for event in await log.feed().all()] == [*range(1, EVENTS + 1)]
    assert [event.position for event in await log.feed(7).all()] == [*range(8, EVENTS + 1)]
    assert (await log.verify()).ok
    assert [entry.version for entry in await Conversation(log, "chat-0").history().all()] == [
        *range(1, 31)
    ]


async def test_an_event_that_fills_a_page_by_itself_stops_nobody(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is a page of its own, and so is what comes after it."""
    for module in (paging, events, work, postgres, sqlite):
        monkeypatch.setattr(module, "PAGE_BYTES", 1000)
    monkeypatch.setattr(batch, "BATCH_BYTES", 1000)
    for number in range(5):
        item = {"role": "user", "content": f"needle{number} {noise(number)[:10_000]}"}
        await log.append("chat", [ItemsAdded([item]), ItemsAdded(["small"])])
    chat = Conversation(log, "chat")
    versions = [*range(1, 11)]
    assert [event.version for event in await log.read("chat").all()] == versions
    assert [event.position for event in await log.feed().all()] == versions
    assert [entry.version for entry in await chat.history().all()] == versions
    assert len(await chat.items()) == 10
    found = await log.verify()
    assert (found.ok, found.events) == (True, 10)
    assert [len(await search(Views(log), f"needle{number}")) for number in range(5)] == [1] * 5
    await erase_event(log, "chat", 3, by="dpo", reason="gdpr-17")
    assert [len(await search(Views(log), f"needle{number}")) for number in range(3)] == [1, 0, 1]


async def test_readers_of_the_whole_log_hold_a_page_of_it(log: EventLog) -> None:
    """Verification, the feed, a conversation's events and its history."""
    await fill(log)

    async def feed() -> None:
        async for _ in log.feed():
            pass

    async def of_one() -> None:
        async for _ in log.read("chat-0"):
            pass

    async def history() -> None:
        async for _ in Conversation(log, "chat-0").history():
            pass

    for reading in (log.verify, feed, of_one, history):
        assert await peak(reading) < EVENTS * SIZE / 4, reading


async def test_a_view_takes_large_events_in_small_batches(
    backend: Backend, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what takes little room where it is stored: what is decoded counts."""

    def text(number: int) -> str:
        return f"needle{number} " + "word " * (SIZE // 5)

    await fill(log, text)
    views = Views(log)
    assert await peak(views.catch_up) < EVENTS * SIZE / 2
    assert [status.behind for status in await views.status()] == [0, 0, 0, 0]
    for number in (0, 1, EVENTS - 1):
        (found,) = await search(views, f"needle{number}")
        assert found.conversation == f"chat-{number % 2}"
    monkeypatch.undo()
    for status in await views.status():
        assert await views.check(status.view) == []
