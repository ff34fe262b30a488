"""What the list of items is, now and at any moment, on every backend."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from eventlog import Context, EventLog, ItemsReplaced
from eventlog.errors import InvalidMomentError
from eventlog.events import ConversationRewound
from eventlog_projections import Conversation
from tests.backends import Backend
from tests.conftest import Clock


@pytest.fixture
def chat(log: EventLog) -> Conversation:
    return Conversation(log, "chat")


async def test_a_new_conversation_has_no_items(chat: Conversation) -> None:
    """Nothing is there, and reading it creates nothing."""
    assert await chat.read() == (0, [], 0)
    assert [row async for row in chat.log.streams()] == []


async def test_items_come_back_in_order_across_batches(chat: Conversation) -> None:
    """Batches follow each other, each contiguous."""
    await chat.add(["a", "b"])
    await chat.add(["c"])
    assert await chat.items() == ["a", "b", "c"]


async def test_limit_gives_the_last_items(chat: Conversation) -> None:
    """The latest ones, oldest first, across and within batches."""
    await chat.add(["a", "b", "c"])
    await chat.add(["d"])
    for limit in range(6):
        assert await chat.items(limit=limit) == ["a", "b", "c", "d"][max(0, 4 - limit) :]


async def test_pop_takes_the_last_item_and_the_log_keeps_it(chat: Conversation) -> None:
    """The item leaves the list; the event that added it is still there."""
    await chat.add(["a", "b"])
    assert await chat.pop(reason="typo") == "b"
    assert await chat.items() == ["a"]
    assert await chat.items(as_of=1) == ["a", "b"]
    events = [event async for event in chat.log.read("chat")]
    assert [event.kind for event in events] == ["added", "popped"]
    assert getattr(events[1].event, "reason", None) == "typo"


async def test_pop_goes_through_batches_down_to_nothing(chat: Conversation) -> None:
    """Every item can be popped; a pop of nothing stores nothing."""
    await chat.add(["a", "b"])
    await chat.add(["c"])
    assert [await chat.pop() for _ in range(4)] == ["c", "b", "a", None]
    assert await chat.log.version("chat") == 5


async def test_concurrent_pops_never_return_the_same_item(chat: Conversation) -> None:
    """A pop names the version that it pops from."""
    await chat.add(list(range(8)))
    popped = await asyncio.gather(*[chat.pop() for _ in range(8)])
    assert set(popped) == set(range(8))
    assert await chat.items() == []


async def test_clear_is_an_event_even_when_there_is_nothing(chat: Conversation) -> None:
    """Somebody cleared it: that is a fact."""
    await chat.clear(reason="fresh start", context=Context(actor="ana"))
    (event,) = [event async for event in chat.log.read("chat")]
    assert (event.kind, event.context.actor) == ("cleared", "ana")
    assert await chat.items() == []


async def test_a_cleared_list_starts_anew_and_the_past_stays(chat: Conversation) -> None:
    """A clear is a tombstone, not a deletion."""
    await chat.add(["a"])
    await chat.clear()
    await chat.add(["b"])
    assert await chat.items() == ["b"]
    assert [await chat.items(as_of=version) for version in range(4)] == [[], ["a"], [], ["b"]]


async def test_adding_nothing_stores_nothing(chat: Conversation) -> None:
    """An empty batch is no event."""
    assert await chat.add([]) is None
    assert await chat.log.version("chat") == 0


async def test_a_rewind_brings_back_the_list_of_then(chat: Conversation) -> None:
    """Also across a clear, and again from a rewind: undo and redo."""
    await chat.add(["a"])
    await chat.add(["b"])
    await chat.clear()
    await rewind(chat, 2)
    assert await chat.items() == ["a", "b"]
    await rewind(chat, 1)
    await chat.add(["c"])
    assert await chat.items() == ["a", "c"]
    await rewind(chat, 4)
    assert await chat.items() == ["a", "b"]
    await rewind(chat, 0)
    assert await chat.items() == []


async def rewind(chat: Conversation, version: int) -> None:
    seen = await chat.log.version("chat")
    await chat.log.append("chat", ConversationRewound(version), expected_version=seen)


async def test_a_replacement_exchanges_the_tail_at_once(chat: Conversation) -> None:
    """A compaction is one event; nobody ever sees the list empty in between."""
    await chat.add(["a", "b"])
    await chat.add(["c", "d"])
    await chat.log.append("chat", ItemsReplaced(1, ["summary"]))
    assert await chat.items() == ["a", "summary"]
    assert await chat.items(as_of=2) == ["a", "b", "c", "d"]


async def test_as_of_a_moment_is_the_list_of_that_moment(backend: Backend, clock: Clock) -> None:
    """Up to and including what was recorded at that microsecond, in any time zone."""
    chat = Conversation(backend.open(clock=clock), "chat")
    moments: list[datetime] = []
    for item in ("a", "b", "c"):
        moments.append(datetime.fromtimestamp(clock.tick() / 1e6, UTC))
        await chat.add([item])
    tick = timedelta(microseconds=1)
    assert await chat.items(as_of=moments[0] - tick) == []
    assert await chat.items(as_of=moments[0]) == ["a"]
    assert await chat.items(as_of=moments[2] - tick) == ["a", "b"]
    tokyo = timezone(timedelta(hours=9))
    assert await chat.items(as_of=moments[1].astimezone(tokyo)) == ["a", "b"]
    assert await chat.items(as_of=datetime(2999, 1, 1, tzinfo=UTC), limit=1) == ["c"]


@pytest.mark.parametrize("as_of", [2, -1, datetime(2026, 1, 1), True, "yesterday", 1.0], ids=repr)
async def test_a_moment_that_is_none_is_refused(chat: Conversation, as_of: Any) -> None:
    """A version beyond the head, a naive time, or something else: an error, not an empty list."""
    await chat.add(["a"])
    with pytest.raises(InvalidMomentError):
        await chat.items(as_of=as_of)


async def test_the_past_never_changes(chat: Conversation) -> None:
    """items(as_of=v) is the same list for ever once v exists."""
    seen: list[list[Any]] = [[]]
    for number in range(6):
        await (chat.pop() if number == 3 else chat.add([number, number]))
        seen.append(await chat.items())
    await chat.clear()
    assert [await chat.items(as_of=version) for version in range(7)] == seen


async def test_two_tenants_never_see_each_other(backend: Backend) -> None:
    """The same name in two tenants is two conversations, in reads, lists and checks."""
    ours, theirs = backend.open(tenant="ours"), backend.open(tenant="theirs")
    await Conversation(ours, "chat").add(["ours"])
    assert await Conversation(theirs, "chat").items() == []
    assert [row.name async for row in theirs.streams()] == []
    assert (await theirs.verify()).events == 0
    await Conversation(theirs, "chat").clear()
    assert await Conversation(ours, "chat").items() == ["ours"]


async def test_a_history_longer_than_a_page_reads_whole(chat: Conversation) -> None:
    """Paging is not seen from outside."""
    for _ in range(3):
        await chat.log.append("chat", [_batch(n) for n in range(700)])
    assert len(await chat.items()) == 2100
    assert (await chat.log.verify("chat")).events == 2100


def _batch(number: int) -> Any:
    from eventlog import ItemsAdded

    return ItemsAdded([number])
