"""RecordedSession: the session does what it did, and the log has what it did."""

import asyncio
import contextlib
import inspect
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
import redis.asyncio
from agents import Agent, Runner, Session, SessionSettings, SQLiteSession
from agents.extensions.memory import EncryptedSession, RedisSession, SQLAlchemySession
from agents.memory import is_openai_responses_compaction_aware_session
from agents.memory.session import _get_session_wrapper, _session_accepts_wrapper
from agents.run_context import RunContextWrapper
from agents.testing import ScriptedModel, assistant_message
from sqlalchemy.ext.asyncio import create_async_engine

from eventlog import EventLog, ItemsReplaced, RecordedEvent, StoreError
from eventlog.errors import InvalidOptionError
from eventlog_openai_agents import EventLogSession, RecordedSession
from eventlog_projections import Conversation
from tests.adapters.scenarios import SCENARIOS, one_tool, text

ITEMS: Final[list[Any]] = [{"role": "user", "content": f"item {number}"} for number in range(5)]


@pytest.fixture(params=["SQLiteSession", "SQLAlchemySession", "RedisSession"])
async def inner(
    request: pytest.FixtureRequest, tmp_path: Path, redis_url: str
) -> AsyncIterator[Any]:
    """A session of the SDK on a real store."""
    async with contextlib.AsyncExitStack() as stack:
        if request.param == "SQLiteSession":
            sqlite = SQLiteSession("chat", tmp_path / "theirs.db")
            stack.callback(sqlite.close)
            yield sqlite
        elif request.param == "SQLAlchemySession":
            engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'theirs.db'}")
            stack.push_async_callback(engine.dispose)
            yield SQLAlchemySession("chat", engine=engine, create_tables=True)
        else:
            client = await stack.enter_async_context(redis.asyncio.Redis.from_url(redis_url))
            yield RedisSession("chat", redis_client=client, key_prefix=uuid4().hex, ttl=60)


@pytest.fixture
def plain(tmp_path: Path) -> Any:
    """A SQLiteSession, where the kind of session does not matter."""
    session = SQLiteSession("chat", tmp_path / "plain.db")
    yield session
    session.close()


async def items(log: EventLog) -> list[Any]:
    return await Conversation(log, "chat").items()


async def events(log: EventLog) -> list[RecordedEvent]:
    return [event async for event in log.read("chat")]


async def kinds(log: EventLog) -> list[str]:
    return [event.kind for event in await events(log)]


async def test_every_change_becomes_an_event(inner: Any, log: EventLog) -> None:
    """In both places is the same, and the log has what is no longer there."""
    session = RecordedSession(inner, log, actor="ana")
    await session.add_items(ITEMS[:2])
    await session.add_items(ITEMS[2:])
    assert await session.pop_item() == ITEMS[-1]
    assert await session.get_items() == ITEMS[:-1] == await items(log)
    assert await session.get_items(2) == ITEMS[2:4]
    await session.clear_session()
    assert await session.pop_item() is None
    await session.add_items([])
    assert await session.get_items() == [] == await items(log)
    recorded = await events(log)
    assert [event.kind for event in recorded] == ["added", "added", "popped", "cleared"]
    assert {event.context.actor for event in recorded} == {"ana"}
    assert await Conversation(log, "chat").items(as_of=2) == ITEMS


@pytest.mark.parametrize("scenario", [text, one_tool])
async def test_a_run_is_what_it_is_without_recording(
    inner: Any, log: EventLog, scenario: Any
) -> None:
    """The model sees the same; the log says in which run what was said."""
    session: Session = RecordedSession(inner, log)
    plain = SQLiteSession("other")
    assert await scenario(session, Runner.run) == await scenario(plain, Runner.run)
    plain.close()
    assert await items(log) == await inner.get_items()
    runs = {event.context.run_id for event in await events(log)}
    assert len(runs) == 1
    assert None not in runs


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_every_kind_of_run_is_recorded(plain: Any, log: EventLog, scenario: Any) -> None:
    """Handoffs, guardrails, approvals: callers and models see no difference, the log has it all."""
    twin = SQLiteSession("twin")
    assert await scenario(RecordedSession(plain, log), Runner.run) == await scenario(
        twin, Runner.run
    )
    twin.close()
    assert await items(log) == await plain.get_items()
    assert {event.context.actor for event in await events(log)}.isdisjoint({"observed", None})


async def test_what_was_there_before_is_recorded_first(inner: Any, log: EventLog) -> None:
    """As observed, whatever the first call is."""
    await inner.add_items(ITEMS[:2])
    session = RecordedSession(inner, log, actor="ana")
    await session.add_items(ITEMS[2:])
    assert await items(log) == ITEMS
    first, second = await events(log)
    assert (first.kind, first.context.actor) == ("replaced", "observed")
    assert (second.kind, second.context.actor) == ("added", "ana")


async def test_a_change_behind_its_back_is_recorded_once_as_observed(
    inner: Any, log: EventLog
) -> None:
    """The end of the list that is other now, and nothing when it is read again."""
    session = RecordedSession(inner, log)
    await session.add_items(ITEMS[:3])
    await inner.pop_item()
    await inner.add_items(ITEMS[3:])
    for _ in range(3):
        assert await session.get_items() == [*ITEMS[:2], *ITEMS[3:]]
    added, observed = await events(log)
    assert added.kind == "added"
    assert observed.event == ItemsReplaced(2, ITEMS[3:])
    assert observed.context.actor == "observed"
    assert await items(log) == [*ITEMS[:2], *ITEMS[3:]]


@pytest.mark.parametrize("limit", [1, 2, 4, 100])
async def test_a_limited_read_notices_what_it_can_see(
    inner: Any, log: EventLog, limit: int
) -> None:
    """Then all of the list is read, and recorded."""
    session = RecordedSession(inner, log)
    await session.add_items(ITEMS[:3])
    await inner.add_items(ITEMS[3:])
    await session.get_items(limit)
    assert await items(log) == ITEMS
    assert await kinds(log) == ["added", "replaced"]


@pytest.mark.parametrize("taking", ["pop_item", "clear_session"])
async def test_what_is_taken_away_was_recorded_before(
    inner: Any, log: EventLog, taking: str
) -> None:
    """An item that somebody else has added, and this session pops or clears, is in the log."""
    session = RecordedSession(inner, log)
    await session.add_items(ITEMS[:3])
    await inner.add_items(ITEMS[3:])
    await getattr(session, taking)()
    assert await Conversation(log, "chat").items(as_of=2) == ITEMS
    assert len(await kinds(log)) == 3
    assert await items(log) == await inner.get_items()


async def test_items_are_recorded_as_they_were_given(plain: Any, log: EventLog) -> None:
    """A run goes on changing what it gave."""
    session = RecordedSession(plain, log)
    given: list[Any] = [{"role": "user", "content": ["a"]}]
    adding = asyncio.ensure_future(session.add_items(given))
    await asyncio.sleep(0)
    given[0]["content"].append("b")
    await adding
    assert await items(log) == [{"role": "user", "content": ["a"]}]


async def test_calls_of_one_object_are_recorded_in_their_order(inner: Any, log: EventLog) -> None:
    """However many at once; and none is observed twice."""
    session = RecordedSession(inner, log)
    await asyncio.gather(*(session.add_items([{"n": number}]) for number in range(20)))  # type: ignore[list-item]
    assert await items(log) == await inner.get_items()
    assert await kinds(log) == ["added"] * 20


async def test_two_recorders_of_one_session_end_with_what_it_holds(
    inner: Any, log: EventLog
) -> None:
    """Whoever is second finds out by reading; nothing is there twice."""
    sessions = [RecordedSession(inner, log) for _ in range(3)]
    await asyncio.gather(
        *(sessions[number % 3].add_items([{"n": number}]) for number in range(15))  # type: ignore[list-item]
    )
    assert await sessions[0].get_items() == await items(log)
    assert len(await items(log)) == 15


async def test_what_cannot_be_compared_is_recorded_once(plain: Any, log: EventLog) -> None:
    """NaN is not equal to itself, and no change."""
    session = RecordedSession(plain, log)
    await session.add_items([{"n": float("nan")}])  # type: ignore[list-item]
    await session.get_items()
    await session.get_items()
    assert await kinds(log) == ["added"]


async def test_an_error_of_the_session_is_its_own_and_nothing_is_recorded(
    plain: Any, log: EventLog
) -> None:
    """What did not happen is not in the log."""
    session = RecordedSession(plain, log)
    await session.add_items(ITEMS)
    with pytest.raises(TypeError):
        await session.add_items([{"not": object()}])  # type: ignore[list-item]
    session.close()
    with pytest.raises(RuntimeError, match="SQLiteSession is closed"):
        await session.clear_session()
    assert await kinds(log) == ["added"]


def closed_log(tmp_path: Path) -> EventLog:
    """A log that cannot be written: its file is a folder."""
    (tmp_path / "folder").mkdir()
    return EventLog(tmp_path / "folder")


CALLS: Final[dict[str, Any]] = {
    "get_items": lambda session: session.get_items(),
    "add_items": lambda session: session.add_items(ITEMS),
    "pop_item": lambda session: session.pop_item(),
    "clear_session": lambda session: session.clear_session(),
}


@pytest.mark.parametrize("call", CALLS)
async def test_a_log_that_fails_fails_the_call(plain: Any, tmp_path: Path, call: str) -> None:
    """By default; a change is refused before it is made."""
    await plain.add_items(ITEMS)
    session = RecordedSession(plain, closed_log(tmp_path))
    with pytest.raises(StoreError):
        await CALLS[call](session)
    assert await plain.get_items() == ITEMS


@pytest.mark.parametrize("call", CALLS)
async def test_a_log_that_fails_is_loud_where_the_call_goes_on(
    plain: Any, tmp_path: Path, call: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The session does what it is for; an error is logged, and a warning raised."""
    twin = SQLiteSession("twin")
    for session in (plain, twin):
        await session.add_items(ITEMS)
    recorded = RecordedSession(plain, closed_log(tmp_path), on_log_failure="continue")
    with (
        caplog.at_level(logging.ERROR, "eventlog.recording"),
        pytest.warns(RuntimeWarning, match="not in the log"),
    ):
        assert await CALLS[call](recorded) == await CALLS[call](twin)
    assert await plain.get_items() == await twin.get_items()
    twin.close()
    assert "not in the log" in caplog.text
    assert "item 1" not in caplog.text


async def test_what_a_failing_log_missed_is_recorded_by_the_next_read(
    plain: Any, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As observed: who it was is not known any more."""
    session = RecordedSession(plain, log, on_log_failure="continue")
    await session.add_items(ITEMS[:2])
    with monkeypatch.context() as broken:
        broken.setattr(log, "append", _fails)
        with pytest.warns(RuntimeWarning):
            await session.add_items(ITEMS[2:])
    assert await session.get_items() == ITEMS
    assert await items(log) == ITEMS
    assert (await events(log))[-1].context.actor == "observed"


async def _fails(*_: Any, **__: Any) -> None:
    raise StoreError("The disk is gone.")


async def test_a_cancelled_call_is_recorded_if_it_happened(plain: Any, log: EventLog) -> None:
    """What the session did, the log has."""
    session = RecordedSession(plain, log)
    adding = asyncio.ensure_future(session.add_items(ITEMS))
    await asyncio.sleep(0)
    adding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await adding
    assert await plain.get_items() == ITEMS == await items(log)


def test_it_is_an_instance_of_what_it_records(plain: Any, tmp_path: Path) -> None:
    """For the SDK, which asks; and for whoever wants to know."""
    session = RecordedSession(plain, EventLog(tmp_path / "log.db"))
    assert isinstance(session, SQLiteSession)
    assert isinstance(session, RecordedSession)
    assert isinstance(session, Session)
    assert not isinstance(session, EventLogSession)
    assert not is_openai_responses_compaction_aware_session(session)


def test_attributes_are_those_of_the_session(plain: Any, tmp_path: Path) -> None:
    """Read, assigned and deleted."""
    session: Any = RecordedSession(plain, EventLog(tmp_path / "log.db"))
    session.session_settings = SessionSettings(limit=2)
    assert plain.session_settings.limit == 2
    session.note = "mine"
    assert plain.note == "mine"
    del session.note
    assert not hasattr(plain, "note")
    assert (session.session_id, session.db_path) == ("chat", plain.db_path)
    with pytest.raises(AttributeError, match="SQLiteSession"):
        _ = session.nothing_like_it


async def test_a_default_limit_hides_nothing_from_the_log(inner: Any, log: EventLog) -> None:
    """What a read shows and what the session holds are two things."""
    inner.session_settings = SessionSettings(limit=2)
    await inner.add_items(ITEMS)
    session = RecordedSession(inner, log)
    assert await session.get_items() == ITEMS[-2:]
    assert await items(log) == ITEMS


async def test_the_wrapper_reaches_a_session_that_asks_for_it(log: EventLog) -> None:
    """And one that does not is called as ever."""
    seen: list[Any] = []

    class Asks(SQLiteSession):
        async def get_items(self, limit: int | None = None, *, wrapper: Any = None) -> Any:
            seen.append(wrapper)
            return await super().get_items(limit)

        async def add_items(self, items: Any, *, wrapper: Any = None) -> None:
            seen.append(wrapper)
            await super().add_items(items)

        async def pop_item(self, *, wrapper: Any = None) -> Any:
            return await super().pop_item()

        async def clear_session(self, *, wrapper: Any = None) -> None:
            await super().clear_session()

    asking = Asks("chat")
    session: Any = RecordedSession(asking, log)
    assert _session_accepts_wrapper(session)
    wrapper: RunContextWrapper[Any] = RunContextWrapper(context=None)
    assert _get_session_wrapper(session, wrapper) is wrapper
    model = ScriptedModel([[assistant_message("Hello.")]])
    await Runner.run(Agent(name="A", model=model), "Hi", session=session, context={"user": 7})
    given = [one for one in seen if one is not None]
    assert given
    assert all(one.context == {"user": 7} for one in given)
    asking.close()


async def test_it_can_be_encrypted_over(plain: Any, log: EventLog) -> None:
    """The log has what the session has: what is encrypted."""
    session = EncryptedSession("chat", RecordedSession(plain, log), "a key")  # type: ignore[arg-type]
    await session.add_items(ITEMS)
    assert await session.get_items() == ITEMS
    assert await session.pop_item() == ITEMS[-1]
    assert all("__enc__" in item for item in await items(log))
    assert await kinds(log) == ["added", "popped"]


async def test_the_methods_have_the_signatures_that_the_sdk_calls(tmp_path: Path) -> None:
    """`limit` first, by position and by name."""
    session = RecordedSession(SQLiteSession("chat"), EventLog(tmp_path / "log.db"))
    assert next(iter(inspect.signature(session.get_items).parameters)) == "limit"
    assert await session.get_items(limit=1) == await session.get_items(1) == []
    session.close()


def test_what_on_log_failure_may_be_is_said(plain: Any, tmp_path: Path) -> None:
    """An option that nobody knows is refused."""
    with pytest.raises(InvalidOptionError, match="'raise' or 'continue'"):
        RecordedSession(plain, EventLog(tmp_path / "log.db"), on_log_failure="ignore")  # type: ignore[arg-type]
