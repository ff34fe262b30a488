"""Recording sessions whose store is a service: the SDK's real classes over stand-ins for these."""

from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
from agents import Agent, OpenAIConversationsSession, Runner
from agents.memory import OpenAIResponsesCompactionSession
from agents.run_internal.session_persistence import _ignore_ids_for_matching
from agents.testing import ScriptedModel, assistant_message
from openai import NotFoundError

from eventlog import EventLog, RecordedEvent
from eventlog_openai_agents import RecordedSession
from eventlog_projections import Conversation
from tests.adapters.remote import dapr, mongo
from tests.adapters.remote.conversations import Conversations, client_of

ITEMS: Final[list[Any]] = [{"role": "user", "content": f"item {number}"} for number in range(5)]


async def items(log: EventLog, name: str) -> list[Any]:
    return await Conversation(log, name).items()


async def events(log: EventLog, name: str) -> list[RecordedEvent]:
    return [event async for event in log.read(name)]


def agent(*answers: str) -> Agent[Any]:
    model = ScriptedModel([[assistant_message(answer)] for answer in answers])
    return Agent[Any](name="Helper", model=model)


@pytest.fixture
def service() -> Conversations:
    return Conversations()


@pytest.fixture
async def client(service: Conversations) -> AsyncIterator[Any]:
    async with client_of(service) as opened:
        yield opened


async def test_the_sdk_takes_it_for_a_conversation_of_openai(client: Any, log: EventLog) -> None:
    """Wherever it asks: it strips ids for the service, matches without them, never compacts it."""
    inner = OpenAIConversationsSession(openai_client=client)
    session: Any = RecordedSession(inner, log)
    assert _ignore_ids_for_matching(session)
    with pytest.raises(ValueError, match="cannot wrap OpenAIConversationsSession"):
        OpenAIResponsesCompactionSession("chat", session)
    assert isinstance(session, OpenAIConversationsSession)


async def test_runs_on_a_conversation_of_openai_are_recorded(
    service: Conversations, client: Any, log: EventLog
) -> None:
    """From before it has an id; what the service makes of items is recorded by the next read."""
    session: Any = RecordedSession(OpenAIConversationsSession(openai_client=client), log)
    with pytest.raises(ValueError, match="not yet available"):
        _ = session.session_id
    helper = agent("Hello.", "Good.")
    await Runner.run(helper, "Hi", session=session)
    await Runner.run(helper, "How are you?", session=session)
    (name,) = service.items
    assert session.session_id == name
    listed = await session.get_items()
    assert listed == await items(log, name)
    assert [item["id"] for item in listed] == [item["id"] for item in service.items[name]]
    await session.get_items()
    kinds = [event.kind for event in await events(log, name)]
    assert kinds == ["added", "added", "replaced", "added", "added", "replaced"]


async def test_each_conversation_of_openai_is_one_of_the_log(
    service: Conversations, client: Any, log: EventLog
) -> None:
    """Clearing deletes the one; the next item begins another."""
    session: Any = RecordedSession(OpenAIConversationsSession(openai_client=client), log)
    await session.clear_session()
    assert service.calls == []
    await session.add_items(ITEMS)
    first = session.session_id
    await session.clear_session()
    assert list(service.items) == []
    await session.add_items(ITEMS[:1])
    second = session.session_id
    assert first != second
    assert await items(log, first) == []
    assert [event.kind for event in await events(log, first)][-1] == "cleared"
    assert await items(log, second) == ITEMS[:1]


async def test_what_somebody_else_adds_to_a_conversation_is_observed(
    service: Conversations, client: Any, log: EventLog
) -> None:
    """The service has other clients; what they delete, the log still has."""
    name = service.create(*ITEMS[:2])
    inner = OpenAIConversationsSession(conversation_id=name, openai_client=client)
    session: Any = RecordedSession(inner, log)
    assert len(await session.get_items()) == 2
    service.add(name, *ITEMS[2:])
    del service.items[name][0]
    listed = await session.get_items()
    assert listed == await items(log, name)
    assert [event.context.actor for event in await events(log, name)] == ["observed"] * 2
    assert len(await Conversation(log, name).items(as_of=1)) == 2


async def test_an_error_of_the_service_is_its_own(client: Any, log: EventLog) -> None:
    """And nothing is recorded."""
    inner = OpenAIConversationsSession(conversation_id="conv_none", openai_client=client)
    session: Any = RecordedSession(inner, log)
    with pytest.raises(NotFoundError):
        await session.get_items()
    assert await log.version("conv_none") == 0


async def test_dapr(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real class over a stand-in for its client, with a run."""
    inner = dapr.session_class(monkeypatch)(
        "chat", state_store_name="store", dapr_client=dapr.DaprClient()
    )
    await check(RecordedSession(inner, log), inner, log)


async def test_mongodb(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real class over a stand-in for its driver, with a run."""
    inner = mongo.session_class(monkeypatch)("chat", client=mongo.AsyncMongoClient())
    await check(RecordedSession(inner, log), inner, log)


async def check(session: Any, inner: Any, log: EventLog) -> None:
    assert isinstance(session, type(inner))
    await Runner.run(agent("Hello."), "Hi", session=session)
    await inner.add_items(ITEMS)
    assert await session.pop_item() == ITEMS[-1]
    assert await items(log, "chat") == await inner.get_items()
    await session.clear_session()
    kinds = [event.kind for event in await events(log, "chat")]
    assert kinds == ["added", "added", "replaced", "popped", "cleared"]
