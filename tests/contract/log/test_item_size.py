"""max_item_bytes: an item that is too large is refused by name, and nothing is stored."""

from typing import Any

import pytest
from agents import TResponseInputItem

from eventlog import EventLog, InvalidInputError, ItemsReplaced
from eventlog.errors import ItemTooLargeError
from eventlog_openai_agents import EventLogSession
from eventlog_projections import Conversation
from tests.backends import Backend


@pytest.mark.parametrize("items", [["x" * 99], [1, 2, "x" * 99, 3]], ids=["alone", "among others"])
async def test_an_item_that_is_too_large_stores_nothing(backend: Backend, items: list[Any]) -> None:
    """The error says which, how large it is, and what the limit is."""
    log = backend.open(max_item_bytes=100)
    with pytest.raises(ItemTooLargeError) as caught:
        await Conversation(log, "chat").add(items)
    message = str(caught.value)
    for part in (f"Item {items.index('x' * 99)} ", "'chat'", " 101 bytes", " 100 ", "max_item"):
        assert part in message
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, InvalidInputError)
    assert "xxx" not in message
    assert await log.version("chat") == 0
    assert [row async for row in log.streams()] == []


async def test_an_item_of_just_the_limit_is_stored(backend: Backend) -> None:
    """The limit is what fits, in bytes of UTF-8."""
    chat = Conversation(backend.open(max_item_bytes=100), "chat")
    await chat.add(["x" * 98, "é" * 49])
    with pytest.raises(ItemTooLargeError):
        await chat.add(["é" * 50])
    assert await chat.items() == ["x" * 98, "é" * 49]


async def test_many_small_items_may_be_more_than_the_limit_together(backend: Backend) -> None:
    """The limit is about one item, however large the batch."""
    chat = Conversation(backend.open(max_item_bytes=100), "chat")
    await chat.add(["x" * 90] * 50)
    assert await chat.items() == ["x" * 90] * 50


@pytest.mark.parametrize("odd", [float("inf"), "\ud800"], ids=ascii)
async def test_the_limit_is_the_same_beside_items_that_only_json_reads(
    backend: Backend, odd: Any
) -> None:
    """Infinity and lone surrogates in a batch change nothing for the others in it."""
    log = backend.open(max_item_bytes=100)
    chat = Conversation(log, "chat")
    await chat.add([odd, "é" * 49, *["x" * 50] * 3])
    with pytest.raises(ItemTooLargeError, match=r"Item 1 .* 102 bytes"):
        await chat.add([odd, "é" * 50, "x"])
    assert await log.version("chat") == 1
    with pytest.raises(ItemTooLargeError, match="Item 0 "):
        await chat.add([[odd] * 50])


async def test_a_replacement_is_limited_too(backend: Backend) -> None:
    """A compaction can write no more than an addition."""
    log = backend.open(max_item_bytes=100)
    await Conversation(log, "chat").add([1])
    with pytest.raises(ItemTooLargeError, match="Item 1 "):
        await log.append("chat", ItemsReplaced(0, [1, "x" * 100]))
    assert await Conversation(log, "chat").items() == [1]


async def test_a_session_refuses_it_too(backend: Backend) -> None:
    """With the same error, and nothing stored."""
    log = backend.open(max_item_bytes=100)
    session = EventLogSession("chat", log=log)
    item: TResponseInputItem = {"role": "user", "content": "x" * 100}
    with pytest.raises(ItemTooLargeError, match="'chat'"):
        await session.add_items([item])
    assert await session.get_items() == []
    await session.add_items([{"role": "user", "content": "x"}])


async def test_without_a_limit_of_its_own_a_log_takes_large_items(log: EventLog) -> None:
    """Several megabytes are usual for images."""
    chat = Conversation(log, "chat")
    await chat.add(["x" * 5_000_000])
    assert [len(item) for item in await chat.items()] == [5_000_000]
