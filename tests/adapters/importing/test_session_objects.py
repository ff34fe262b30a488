"""Importing through a session object: the SDK's real classes over stand-ins for their services."""

from typing import Any, Final

import pytest
from agents import OpenAIConversationsSession, SQLiteSession

from eventlog import EventLog
from eventlog.errors import InvalidOptionError, SourceError
from eventlog_importing import SessionSource, import_sessions
from eventlog_projections import Conversation
from tests.adapters.remote import dapr, mongo
from tests.adapters.remote.conversations import Conversations, client_of

ITEMS: Final[list[Any]] = [{"role": "user", "content": f"item {number}"} for number in range(45)]


async def items(log: EventLog, name: str = "chat") -> list[Any]:
    return await Conversation(log, name).items()


async def check(log: EventLog, session: Any, name: str) -> None:
    """Import twice, and once more after it has grown."""
    assert (await import_sessions(log, session)).copied == 1
    assert await items(log, name) == await session.get_items()
    assert (await import_sessions(log, session)).unchanged == 1
    await session.add_items([{"role": "user", "content": "more"}])
    assert (await import_sessions(log, session)).items == 1
    assert await items(log, name) == await session.get_items()


async def test_mongodb(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real class over a stand-in for its driver; a settings limit hides nothing."""
    session = mongo.session_class(monkeypatch)(
        "chat", client=mongo.AsyncMongoClient(), session_settings={"limit": 3}
    )
    await session.add_items(ITEMS[:40])
    await session.add_items(ITEMS[40:])
    await import_sessions(log, session)
    assert await items(log) == ITEMS
    session.session_settings.limit = None
    await session.add_items(ITEMS)
    await import_sessions(log, session)
    assert await items(log) == [*ITEMS, *ITEMS]


async def test_dapr(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real class over a stand-in for its client."""
    session = dapr.session_class(monkeypatch)(
        "chat", state_store_name="store", dapr_client=dapr.DaprClient()
    )
    await session.add_items(ITEMS)
    await check(log, session, "chat")


async def test_conversations_of_openai(log: EventLog) -> None:
    """The real class and the real client over a stand-in for the service; page after page."""
    service = Conversations()
    name = service.create(*ITEMS)
    async with client_of(service) as client:
        session = OpenAIConversationsSession(conversation_id=name, openai_client=client)
        await check(log, session, name)
        assert len(await items(log, name)) == len(ITEMS) + 1


async def test_a_conversation_of_openai_that_does_not_exist_is_not_created(log: EventLog) -> None:
    """The source is only read."""
    service = Conversations()
    async with client_of(service) as client:
        with pytest.raises(SourceError, match="no conversation yet"):
            await import_sessions(log, OpenAIConversationsSession(openai_client=client))
    assert service.calls == []


async def test_several_sessions_are_imported_in_one_call(log: EventLog) -> None:
    """Each under its own id; one without items is there too."""
    sessions = [SQLiteSession("a"), SQLiteSession("b"), SQLiteSession("empty")]
    await sessions[0].add_items(ITEMS[:2])
    await sessions[1].add_items(ITEMS)
    report = await import_sessions(log, SessionSource(*sessions))
    assert (report.copied, report.items) == (3, 2 + len(ITEMS))
    assert await items(log, "b") == ITEMS
    assert await log.version("empty") == 1
    for session in sessions:
        session.close()


async def test_what_cannot_be_imported_is_an_error_that_says_what_can(log: EventLog) -> None:
    """Before anything is touched."""
    with pytest.raises(InvalidOptionError, match="path of a SQLite file"):
        await import_sessions(log, 42)
