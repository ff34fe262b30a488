"""The SDK's own compaction on top of our session: one event, nothing lost, nobody overrun."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from agents import Agent, Runner
from agents.extensions.memory import EncryptedSession
from agents.memory import OpenAIResponsesCompactionSession
from agents.testing import ScriptedModel, assistant_message

from eventlog import EventLog
from eventlog_openai_agents import EventLogSession

SUMMARY: Any = {"type": "compaction", "id": "cmp_1", "encrypted_content": "sealed"}


def said(number: int) -> Any:
    if number % 2 == 0:
        return {"role": "user", "content": f"question {number}"}
    return {"role": "assistant", "content": f"answer {number}"}


class Client:
    """Stands in for the API: notes what it was asked, and what happens meanwhile."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.meanwhile: Callable[[], Awaitable[None]] | None = None
        self.responses = SimpleNamespace(compact=self._compact)

    async def _compact(self, **asked: Any) -> Any:
        self.asked.append(asked)
        if self.meanwhile is not None:
            await self.meanwhile()
        return SimpleNamespace(output=[SUMMARY], usage=None)


@pytest.fixture
def client() -> Client:
    return Client()


def compacting(session: Any, client: Client, **options: Any) -> OpenAIResponsesCompactionSession:
    api: Any = client
    return OpenAIResponsesCompactionSession("user-123", session, client=api, **options)


async def kinds(log: EventLog) -> list[str]:
    return [event.kind async for event in log.read("user-123")]


async def test_a_manual_compaction_is_one_event(session: EventLogSession, client: Client) -> None:
    """No clear, no moment without items, and the transcript stays."""
    items = [said(number) for number in range(12)]
    await session.add_items(items)
    await compacting(session, client).run_compaction({"force": True, "compaction_mode": "input"})
    assert await session.get_items() == [SUMMARY]
    assert await kinds(session.log) == ["added", "replaced"]
    assert await session.get_items(as_of=1) == items
    assert (await session.log.verify()).ok


async def test_what_others_add_during_a_compaction_stays(
    session: EventLogSession, client: Client
) -> None:
    """It was not in what was compacted, so it follows the summary."""
    await session.add_items([said(number) for number in range(12)])
    other = EventLogSession("user-123", log=session.log)
    client.meanwhile = lambda: other.add_items([said(100)])
    await compacting(session, client).run_compaction({"force": True, "compaction_mode": "input"})
    assert await session.get_items() == [SUMMARY, said(100)]
    assert await kinds(session.log) == ["added", "added", "replaced"]


async def test_what_it_added_itself_is_compacted_too(
    session: EventLogSession, client: Client
) -> None:
    """Its view is what it read and what went through it since."""
    wrapped = compacting(session, client)
    await wrapped.add_items([said(number) for number in range(6)])
    force: Any = {"force": True, "compaction_mode": "input"}
    await wrapped.run_compaction(force)
    await wrapped.add_items([said(number) for number in range(6)])
    await wrapped.run_compaction(force)
    assert await session.get_items() == [SUMMARY]
    assert await kinds(session.log) == ["added", "replaced", "added", "replaced"]


@pytest.mark.parametrize("mode", ["auto", "input", "previous_response_id"])
@pytest.mark.parametrize("streamed", [False, True])
async def test_runs_compact_by_themselves(
    session: EventLogSession, client: Client, mode: Any, streamed: bool
) -> None:
    """In each mode, after the turn that made it due: one event, and the next run goes on."""
    model = ScriptedModel([[assistant_message(f"answer {n}")] for n in range(4)])
    agent = Agent(name="Ana", model=model)
    wrapped = compacting(
        session,
        client,
        compaction_mode=mode,
        should_trigger_compaction=lambda asked: len(asked["session_items"]) >= 4,
    )
    for number in range(3):
        if streamed:
            result = Runner.run_streamed(agent, f"question {number}", session=wrapped)
            async for _ in result.stream_events():
                pass
        else:
            await Runner.run(agent, f"question {number}", session=wrapped)
    found = await kinds(session.log)
    assert "cleared" not in found
    assert found.count("replaced") == len(client.asked) >= 1
    items = await session.get_items()
    assert items[0] == SUMMARY
    every = [item async for item in transcript(session)]
    assert [item["content"] for item in every if item.get("role") == "user"] == [
        f"question {number}" for number in range(3)
    ]


async def transcript(session: EventLogSession) -> AsyncIterator[Any]:
    async for event in session.log.read("user-123"):
        for item in getattr(event.event, "items", []):
            if item != SUMMARY:
                yield item


async def test_a_suffix_is_replaced_and_what_is_before_it_stays(session: EventLogSession) -> None:
    """As the SDK's own stores do: the tail from `start` becomes the output, at once."""
    items = [said(number) for number in range(10)]
    await session.add_items(items[:6])
    await session.add_items(items[6:])
    snapshot = await session._get_compaction_snapshot(4)
    assert (snapshot.items, snapshot.complete) == (items[6:], False)
    assert await snapshot.replace_suffix(1, [SUMMARY])
    assert await session.get_items() == [*items[:7], SUMMARY]
    assert not await snapshot.replace_suffix(1, [SUMMARY])
    assert not await snapshot.replace_suffix(4, [SUMMARY])
    assert (await session._get_compaction_snapshot(50)).complete


async def test_a_suffix_that_has_changed_is_left_alone(session: EventLogSession) -> None:
    """Another writer appended: nothing is replaced, and the caller is told."""
    items = [said(number) for number in range(4)]
    await session.add_items(items)
    snapshot = await session._get_compaction_snapshot(2)
    await EventLogSession("user-123", log=session.log).add_items([said(100)])
    assert not await snapshot.replace_suffix(0, [SUMMARY])
    assert await session.get_items() == [*items, said(100)]


async def test_a_suffix_that_came_back_is_replaced(session: EventLogSession) -> None:
    """Only the list counts, not how often it changed meanwhile."""
    items = [said(number) for number in range(4)]
    await session.add_items(items)
    snapshot = await session._get_compaction_snapshot(2)
    await session.add_items([said(100)])
    await session.pop_item()
    assert await snapshot.replace_suffix(0, [SUMMARY])
    assert await session.get_items() == [*items[:2], SUMMARY]


async def test_old_items_are_pruned_in_the_same_event(session: EventLogSession) -> None:
    """Up to the first that may stay; the log keeps them all."""
    items = [said(number) for number in range(8)]
    await session.add_items(items)
    old = items[:3] + items[4:5]
    snapshot = await session._get_compaction_snapshot(2, prune_prefix=lambda item: item in old)
    assert await snapshot.replace_suffix(0, [SUMMARY])
    assert await session.get_items() == [*items[3:6], SUMMARY]
    assert await kinds(session.log) == ["added", "replaced"]


async def test_no_reader_sees_an_empty_list_while_it_is_compacted(
    session: EventLogSession, client: Client
) -> None:
    """Readers beside it see the whole list or the summary."""
    await session.add_items([said(number) for number in range(12)])
    seen: set[int] = set()
    done = asyncio.Event()

    async def look() -> None:
        other = EventLogSession("user-123", log=session.log)
        while not done.is_set():
            seen.add(len(await other.get_items()))

    async with asyncio.TaskGroup() as group:
        group.create_task(look())
        for _ in range(5):
            await compacting(session, client).run_compaction(
                {"force": True, "compaction_mode": "input"}
            )
            await session.add_items([said(number) for number in range(11)])
        done.set()
    assert 0 not in seen


async def test_an_encrypted_session_compacts_too(session: EventLogSession, client: Client) -> None:
    """What is stored is its envelopes; what it reads is the summary."""
    secret = EncryptedSession("user-123", compacting(session, client), "key", ttl=3600)
    await secret.add_items([said(number) for number in range(6)])
    force: Any = {"force": True, "compaction_mode": "input"}
    await secret.run_compaction(force)
    assert await secret.get_items() == [SUMMARY]
    assert "cleared" not in await kinds(session.log)


async def test_a_pop_with_a_wrong_key_destroys_nothing(session: EventLogSession) -> None:
    """One call of the SDK pops all six, unread: six events, and one more brings them back."""
    items = [said(number) for number in range(6)]
    right = EncryptedSession("user-123", session, "right", ttl=3600)
    for item in items:
        await right.add_items([item])
    envelopes, version = await session.get_items(), await session.log.version("user-123")
    wrong = EncryptedSession("user-123", session, "wrong", ttl=3600)
    assert await wrong.pop_item() is None
    assert await session.get_items() == []
    assert await kinds(session.log) == ["added"] * 6 + ["popped"] * 6
    assert await session.get_items(as_of=version) == envelopes
    await session.restore(version)
    assert await session.get_items() == envelopes
    assert await right.get_items() == items
    assert await right.pop_item() == items[-1]
    assert (await session.log.verify()).ok


@pytest.mark.parametrize("steps", [0, 1, 2, 5, 15])
async def test_a_cancelled_replacement_is_settled(session: EventLogSession, steps: int) -> None:
    """It happened or it did not, and the caller hears so after that, however often it cancels."""
    items = [said(number) for number in range(4)]
    await session.add_items(items)
    snapshot = await session._get_compaction_snapshot(2)
    calls: list[tuple[Callable[[], Awaitable[bool]], list[Any]]] = [
        (lambda: snapshot.replace_suffix(0, [SUMMARY]), [*items[:2], SUMMARY]),
        (lambda: session._atomic_replace_items([SUMMARY]), [SUMMARY]),
    ]
    for call, replaced in calls:
        before = await session.get_items()
        task = asyncio.ensure_future(call())
        for _ in range(steps):
            await asyncio.sleep(0)
        while not task.done():
            task.cancel()
            await asyncio.sleep(0)
        after = await session.get_items()
        assert after in (before, replaced)
        await session.add_items([said(9)])
        assert await session.get_items() == [*after, said(9)]
        await session.pop_item()
