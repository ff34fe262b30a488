"""The four methods, call for call as in the SDK's own session, on every backend."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest
from agents import Session, SessionABC, SessionSettings, SQLiteSession
from agents.memory.session import (
    _session_accepts_wrapper,
    is_openai_responses_compaction_aware_session,
)

from eventlog import EventLog
from eventlog_openai_agents import EventLogSession

ALL: Final = 2_147_483_647
"""What the SDK's compaction asks for where it means everything."""


def said(content: object) -> Any:
    return {"role": "user", "content": content}


def contents(items: list[Any]) -> list[Any]:
    return [item["content"] for item in items]


async def kinds(session: EventLogSession) -> list[str]:
    return [event.kind async for event in session.log.read(session.session_id)]


async def both(
    session: EventLogSession, theirs: SQLiteSession, call: Callable[[Session], Awaitable[Any]]
) -> Any:
    """Make one call of both sessions, and return the one answer."""
    answer = await call(session)
    assert answer == await call(theirs)
    return answer


def test_a_session_is_what_the_sdk_calls_one() -> None:
    """By protocol and by base class."""
    session = EventLogSession("user-123")
    assert isinstance(session, Session)
    assert isinstance(session, SessionABC)


def test_a_session_asks_for_the_runs_wrapper() -> None:
    """The SDK hands the run to a session only if all four methods take it."""
    assert _session_accepts_wrapper(EventLogSession("user-123"))


def test_a_session_does_not_compact_by_accident() -> None:
    """The SDK takes anything with a certain method for a session that compacts itself."""
    assert not is_openai_responses_compaction_aware_session(EventLogSession("user-123"))


@pytest.mark.parametrize("default", [None, 0, 2, -1])
async def test_a_limit_means_what_it_means_in_the_sdks_session(
    session: EventLogSession, theirs: SQLiteSession, default: int | None
) -> None:
    """Zero is nothing, a negative one everything, and an explicit one beats the settings'."""
    session.session_settings = theirs.session_settings = SessionSettings(limit=default)
    every = [1, 2, 3, 4, 5]
    await both(session, theirs, lambda it: it.add_items([said(1), said(2)]))
    await both(session, theirs, lambda it: it.add_items([said(3), said(4), said(5)]))
    for limit in (None, 0, 1, 3, 5, 6, ALL, -1, -3):
        by_position = await both(session, theirs, lambda it: it.get_items(limit))  # noqa: B023
        by_name = await both(session, theirs, lambda it: it.get_items(limit=limit))  # noqa: B023
        effective = default if limit is None else limit
        latest = every if effective is None or effective < 0 else every[5 - min(5, effective) :]
        assert contents(by_position) == contents(by_name) == latest


@pytest.mark.parametrize(
    ("settings", "limit"),
    [(SessionSettings(limit=1), 1), ({"limit": 1}, 1), (SessionSettings(), None), ({}, None)],
)
async def test_settings_are_given_as_an_object_or_a_dict(settings: Any, limit: int | None) -> None:
    """To the constructor or later; they read back as an object."""
    session = EventLogSession("user-123", session_settings=settings)
    assert session.session_settings == SessionSettings(limit=limit)
    session.session_settings = None
    session.session_settings = settings
    assert session.session_settings == SessionSettings(limit=limit)
    await session.add_items([said(1), said(2)])
    assert len(await session.get_items()) == (limit or 2)


async def test_no_settings_means_no_limit() -> None:
    """None is what a session starts with, and what takes a limit away."""
    session = EventLogSession("user-123", session_settings=None)
    assert session.session_settings == SessionSettings()
    session.session_settings = SessionSettings(limit=1)
    session.session_settings = None
    await session.add_items([said(1), said(2)])
    assert len(await session.get_items()) == 2


@pytest.mark.parametrize("settings", [{"limits": 1}, 7])
def test_settings_the_sdk_does_not_know_are_refused(settings: Any) -> None:
    """With the SDK's own error, when they are given."""
    with pytest.raises(TypeError) as ours:
        EventLogSession("user-123", session_settings=settings)
    with pytest.raises(TypeError) as theirs:
        SQLiteSession("user-123", session_settings=settings)
    assert str(ours.value) == str(theirs.value)


async def test_a_new_session_is_empty(session: EventLogSession, theirs: SQLiteSession) -> None:
    """Reading what is not there is no error and stores nothing."""
    assert await both(session, theirs, lambda it: it.get_items()) == []
    assert await both(session, theirs, lambda it: it.get_items(3)) == []
    assert [row async for row in session.log.streams()] == []


async def test_items_come_back_in_the_order_they_were_added(session: EventLogSession) -> None:
    """Batch after batch, and in the order of each batch."""
    await session.add_items([said(1), said(2)])
    await session.add_items([said(3)])
    assert await session.get_items() == [said(1), said(2), said(3)]


async def test_one_call_of_add_items_is_one_event(session: EventLogSession) -> None:
    """A batch is stored as one, all or nothing."""
    await session.add_items([said(1), said(2), said(3)])
    assert await kinds(session) == ["added"]


async def test_adding_no_items_stores_nothing(session: EventLogSession) -> None:
    """There is no event of nothing."""
    await session.add_items([])
    assert await kinds(session) == []


async def test_popping_takes_the_last_item_and_returns_it(
    session: EventLogSession, theirs: SQLiteSession
) -> None:
    """Across the bounds of batches, until there is none."""
    await both(session, theirs, lambda it: it.add_items([said(1), said(2)]))
    await both(session, theirs, lambda it: it.add_items([said(3)]))
    for left in (2, 1, 0):
        assert await both(session, theirs, lambda it: it.pop_item()) == said(left + 1)
        assert len(await both(session, theirs, lambda it: it.get_items())) == left
    assert await both(session, theirs, lambda it: it.pop_item()) is None


async def test_a_pop_of_nothing_stores_nothing(session: EventLogSession) -> None:
    """None, and no event: of a new session and of one that was cleared."""
    assert await session.pop_item() is None
    assert await kinds(session) == []
    await session.clear_session()
    assert await session.pop_item() is None
    assert await kinds(session) == ["cleared"]


async def test_a_pop_ignores_the_limit_of_the_settings(
    session: EventLogSession, theirs: SQLiteSession
) -> None:
    """A session that shows nothing by default still pops its last item."""
    session.session_settings = theirs.session_settings = SessionSettings(limit=0)
    await both(session, theirs, lambda it: it.add_items([said(1)]))
    assert await both(session, theirs, lambda it: it.pop_item()) == said(1)


async def test_concurrent_pops_never_return_the_same_item(session: EventLogSession) -> None:
    """Each item goes to one caller; who comes too late gets None."""
    await session.add_items([said(n) for n in range(5)])
    await session.add_items([said(n) for n in range(5, 8)])
    popped: list[Any] = await asyncio.gather(*[session.pop_item() for _ in range(11)])
    assert sorted(contents([item for item in popped if item is not None])) == list(range(8))
    assert await session.get_items() == []
    assert (await kinds(session)).count("popped") == 8


async def test_pops_and_adds_at_the_same_time_lose_nothing(session: EventLogSession) -> None:
    """What was not popped is still there."""
    await session.add_items([said(n) for n in range(4)])
    adds = [session.add_items([said(n)]) for n in range(4, 8)]
    pops = [session.pop_item() for _ in range(4)]
    answers: list[Any] = await asyncio.gather(*pops, *adds)
    left = contents(await session.get_items())
    assert sorted(contents([item for item in answers if item]) + left) == list(range(8))


async def test_clearing_empties_the_list(session: EventLogSession, theirs: SQLiteSession) -> None:
    """What is added afterwards starts anew."""
    await both(session, theirs, lambda it: it.add_items([said(1), said(2)]))
    await both(session, theirs, lambda it: it.clear_session())
    assert await both(session, theirs, lambda it: it.get_items()) == []
    await both(session, theirs, lambda it: it.add_items([said(3)]))
    assert await both(session, theirs, lambda it: it.get_items()) == [said(3)]


async def test_every_clear_is_an_event(session: EventLogSession) -> None:
    """Also the clear of an empty list: somebody wanted it empty."""
    await session.clear_session()
    await session.clear()
    assert await kinds(session) == ["cleared", "cleared"]


async def test_nothing_that_a_session_does_removes_an_event(session: EventLogSession) -> None:
    """A pop and a clear are events of their own."""
    await session.add_items([said(1), said(2)])
    await session.pop_item()
    await session.clear_session()
    await session.add_items([said(3)])
    assert await kinds(session) == ["added", "popped", "cleared", "added"]
    assert (await session.log.verify("user-123")).ok


async def test_any_sequence_of_calls_answers_as_the_sdks_session(
    session: EventLogSession, theirs: SQLiteSession
) -> None:
    """Sixty calls in an order nobody thought of."""
    dice = random.Random(20)
    calls: list[Callable[[Session, int], Awaitable[Any]]] = [
        lambda it, n: it.add_items([said(f"{n}.{part}") for part in range(n % 4)]),
        lambda it, n: it.add_items([said(n)]),
        lambda it, n: it.pop_item(),
        lambda it, n: it.get_items(n % 7 - 1),
        lambda it, n: it.clear_session() if n % 5 == 0 else it.get_items(),
    ]
    for n in range(60):
        call = dice.choice(calls)
        await both(session, theirs, lambda it: call(it, n))  # noqa: B023
        await both(session, theirs, lambda it: it.get_items())


async def test_two_session_ids_are_two_conversations(log: EventLog) -> None:
    """As two rows of one table are in the SDK."""
    one, two = EventLogSession("one", log=log), EventLogSession("two", log=log)
    await one.add_items([said(1)])
    await two.clear_session()
    assert await two.get_items() == []
    assert await one.get_items() == [said(1)]


async def test_a_call_that_nobody_disputes_never_sleeps(
    session: EventLogSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK's users replace asyncio.sleep and count its calls."""

    def never(*_: object) -> None:
        raise AssertionError("asyncio.sleep was called")

    monkeypatch.setattr(asyncio, "sleep", never)
    await session.add_items([said(1), said(2)])
    assert await session.pop_item() == said(2)
    assert await session.get_items() == [said(1)]
    await session.clear_session()
