"""Recording a session that the SDK compacts: each way it has becomes one event."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from uuid import uuid4

import pytest
import redis.asyncio
from agents import SQLiteSession
from agents.extensions.memory import RedisSession
from agents.memory import (
    OpenAIResponsesCompactionSession,
    is_openai_responses_compaction_aware_session,
)

from eventlog import EventLog
from eventlog_openai_agents import RecordedSession
from eventlog_projections import Conversation

SUMMARY: Final[Any] = {"type": "compaction", "id": "cmp_1", "encrypted_content": "summary"}
ITEMS: Final[list[Any]] = [
    {"type": "message", "role": role, "content": f"item {number}"}
    for number in range(12)
    for role in ("user", "assistant")
]


class Responses:
    """The endpoint that compacts, as far as the SDK calls it."""

    async def compact(self, **_: Any) -> Any:
        return SimpleNamespace(output=[SUMMARY], model_dump=lambda **_: {"output": [SUMMARY]})


def compacting(session: Any) -> Any:
    client: Any = SimpleNamespace(responses=Responses())
    return OpenAIResponsesCompactionSession("chat", session, client=client, compaction_mode="input")


async def kinds(log: EventLog) -> list[str]:
    return [event.kind async for event in log.read("chat")]


async def test_a_compaction_over_a_recorded_session_is_one_event(
    tmp_path: Path, log: EventLog
) -> None:
    """The log has what was compacted away; the session has the summary."""
    plain = SQLiteSession("chat", tmp_path / "theirs.db")
    session = compacting(RecordedSession(plain, log))
    await session.add_items(ITEMS)
    await session.run_compaction({"force": True})
    assert await plain.get_items() == [SUMMARY] == await Conversation(log, "chat").items()
    assert await Conversation(log, "chat").items(as_of=1) == ITEMS
    plain.close()


async def test_a_store_that_replaces_at_once_does_so_recorded(
    redis_url: str, log: EventLog
) -> None:
    """RedisSession has a hook for it, which the SDK looks up on the type."""
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        inner = RedisSession("chat", redis_client=client, key_prefix=uuid4().hex, ttl=60)
        session = compacting(RecordedSession(inner, log))
        await session.add_items(ITEMS)
        await session.run_compaction({"force": True})
        assert await inner.get_items() == [SUMMARY]
        assert await kinds(log) == ["added", "replaced"]
        assert await Conversation(log, "chat").items() == [SUMMARY]


async def test_a_recorded_session_that_compacts_is_known_as_one(log: EventLog) -> None:
    """The SDK finds run_compaction on it, and what it does is recorded."""
    plain = SQLiteSession("chat")
    session: Any = RecordedSession(compacting(plain), log, actor="ana")
    assert is_openai_responses_compaction_aware_session(session)
    await session.add_items(ITEMS)
    await session.run_compaction({"force": True})
    assert await session.get_items() == [SUMMARY]
    assert await kinds(log) == ["added", "replaced"]
    last = [event async for event in log.read("chat")][-1]
    assert last.context.actor == "ana"
    plain.close()


@pytest.mark.parametrize("start", [0, 3])
async def test_a_replaced_end_is_one_event(log: EventLog, tmp_path: Path, start: int) -> None:
    """The SDK's private hook of a bounded snapshot, which SQLiteSession has."""
    plain = SQLiteSession("chat", tmp_path / "theirs.db")
    session: Any = RecordedSession(plain, log)
    await session.add_items(ITEMS[:6])
    snapshot = await session._get_compaction_snapshot(100)
    assert snapshot.items == ITEMS[:6]
    assert await snapshot.replace_suffix(start, [SUMMARY])
    assert await plain.get_items() == [*ITEMS[:start], SUMMARY]
    assert await Conversation(log, "chat").items() == [*ITEMS[:start], SUMMARY]
    assert await kinds(log) == ["added", "replaced"]
    plain.close()


async def test_a_session_without_the_hooks_has_none(log: EventLog, redis_url: str) -> None:
    """The SDK then takes its other way."""
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        inner = RedisSession("chat", redis_client=client, key_prefix=uuid4().hex)
        assert not hasattr(RecordedSession(inner, log), "_get_compaction_snapshot")
    plain = SQLiteSession("chat")
    assert not await RecordedSession(plain, log)._atomic_replace_items([SUMMARY])
    plain.close()
