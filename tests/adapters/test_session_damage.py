"""A damaged row of the database: it is reported, by name, and hides nothing but itself."""

from typing import Any

import pytest

from eventlog.errors import CorruptEventError
from eventlog_openai_agents import EventLogSession
from tests.backends import Backend


def said(content: object) -> Any:
    return {"role": "user", "content": content}


@pytest.fixture
async def damaged(backend: Backend) -> EventLogSession:
    """A conversation whose second of three batches does not decode, beside one that is whole."""
    async with backend.open() as log:
        for session_id in ("user-123", "other"):
            session = EventLogSession(session_id, log=log)
            for items in ([said(1)], [said(2), said(3)], [said(4), said(5)]):
                await session.add_items(items)
    await backend.tamper(
        "UPDATE {}events SET body = ?, codec = 0 WHERE version = 2"
        " AND stream_id = (SELECT stream_id FROM {}streams WHERE name = ?)",
        b"no items",
        "user-123",
    )
    return EventLogSession("user-123", log=backend.open())


async def test_a_damaged_batch_is_reported(damaged: EventLogSession) -> None:
    """Its conversation and version, and none of its content; never a list that lacks it."""
    for call in (damaged.get_items(), damaged.get_items(4), damaged.get_items(as_of=2)):
        with pytest.raises(CorruptEventError, match="Version 2 of conversation 'user-123'") as told:
            await call
        assert "no items" not in str(told.value)
    report = await damaged.log.verify()
    assert [(fault.stream, fault.version) for fault in report.faults] == [("user-123", 2)]


async def test_a_damaged_batch_hides_nothing_before_or_behind_it(damaged: EventLogSession) -> None:
    """What came earlier is there as of then, the latest items by their number."""
    assert await damaged.get_items(as_of=1) == [said(1)]
    for limit in (0, 1, 2):
        assert await damaged.get_items(limit) == [said(4), said(5)][2 - limit :]
    events = [event.version async for event in damaged.log.read("user-123")]
    assert events == [1, 2, 3]


async def test_a_conversation_with_a_damaged_batch_goes_on(damaged: EventLogSession) -> None:
    """It is added to and popped from the end, and a clear makes a list that reads."""
    await damaged.add_items([said(6)])
    assert await damaged.get_items(2) == [said(5), said(6)]
    assert await damaged.pop_item() == said(6)
    assert await damaged.get_items(1) == [said(5)]
    await damaged.clear_session()
    await damaged.add_items([said(7)])
    assert await damaged.get_items() == [said(7)]


async def test_a_damaged_batch_is_no_other_conversations_matter(damaged: EventLogSession) -> None:
    """Beside it all is as it was."""
    other = EventLogSession("other", log=damaged.log)
    assert await other.get_items() == [said(number) for number in range(1, 6)]
    assert await other.pop_item() == said(5)
