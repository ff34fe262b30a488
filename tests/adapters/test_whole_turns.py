"""What a turn is: undo, a limit of turns, the views and usage agree on it."""

import asyncio
import contextlib
from typing import Any, cast

import pytest
from agents import Runner, SessionSettings
from agents.testing import ModelStep, ScriptedModel, function_call
from hypothesis import given, settings
from hypothesis import strategies as st

from eventlog import Context, EventLog, NewEvent
from eventlog.errors import (
    InvalidInputError,
    InvalidOptionError,
    NoSuchTurnError,
    NothingToRedoError,
)
from eventlog_openai_agents import EventLogSession
from eventlog_projections import Conversation
from eventlog_projections.views import Views, turns
from eventlog_session_conformance.agent import QUIET, agent, ask_weather, say, weather
from tests.adapters import metering
from tests.backends import Backend
from tests.usage import used


def user(text: str = "a question") -> Any:
    return {"role": "user", "content": text}


def call(call_id: str = "x") -> Any:
    return {"type": "function_call", "call_id": call_id, "name": "f", "arguments": "{}"}


def output(call_id: str = "x") -> Any:
    return {"type": "function_call_output", "call_id": call_id, "output": "done"}


SAID: Any = {"role": "assistant", "content": "an answer"}


def used_by(run: str, tokens: int = 1) -> NewEvent:
    return NewEvent(used(tokens), Context(run_id=run))


async def test_a_result_of_an_answered_call_takes_no_earlier_turn_along(backend: Backend) -> None:
    """The call that has its id again is another one, and has its answer."""
    async with backend.open() as log:
        chat = Conversation(log, "chat")
        await chat.add([user(), call(), output(), user(), output()])
        await chat.undo()
        assert await chat.items() == [user(), call(), output()]


def metered(script: list[Any]) -> ScriptedModel:
    return ScriptedModel(script, default_usage=metering.used())


async def nested(session: EventLogSession) -> None:
    inner = agent(metered([[ask_weather("Bern", "c1")], [say("21 °C", "inner_1")]]), weather)
    tool = inner.as_tool("look_up", "Looks it up.", session=session)
    asks = function_call("look_up", {"input": "Bern?"}, call_id="n1")
    outer = agent(metered([[asks], [say("It is warm.")]]), tool)
    await Runner.run(outer, "How is Bern?", session=session, run_config=QUIET)


async def test_what_an_agent_that_is_a_tool_is_told_is_no_turn(backend: Backend) -> None:
    """Undo takes the person's whole turn; all that was used in it is the turn's."""
    async with backend.open() as log:
        session = EventLogSession("chat", log=log)
        await Runner.run(
            agent(ScriptedModel([[say("Hello.")]])), "Hi", session=session, run_config=QUIET
        )
        before = await session.get_items()
        await nested(session)
        told = cast("list[Any]", await session.get_turn_usage())
        assert [(turn["user_turn_number"], turn["requests"]) for turn in told] == [(1, 1), (2, 4)]
        assert [turn["content"] for turn in await session.get_conversation_turns()] == [
            "Hi",
            "How is Bern?",
        ]
        shown = await turns(Views(log), "chat")
        assert [(turn.message, turn.usage.requests) for turn in shown] == [
            ("Hi", 1),
            ("How is Bern?", 4),
        ]
        assert await session.get_items(limit_turns=1) == (await session.get_items())[len(before) :]
        await session.undo()
        assert await session.get_items() == before


async def test_an_outer_run_that_failed_leaves_no_half_turn(backend: Backend) -> None:
    """The inner run has ended, the outer one never will: still its message is not the person's."""
    async with backend.open() as log:
        session = EventLogSession("chat", log=log)
        inner = agent(ScriptedModel([[say("21 °C", "inner_1")]]))
        tool = inner.as_tool("look_up", "Looks it up.", session=session)
        asks = function_call("look_up", {"input": "Bern?"}, call_id="n1")
        fails = ModelStep(error=RuntimeError("no model"))
        outer = agent(ScriptedModel([[asks], fails]), tool)
        with pytest.raises(RuntimeError, match="no model"):
            await Runner.run(outer, "How is Bern?", session=session, run_config=QUIET)
        await session.undo()
        assert await session.get_items() == []


async def test_inner_messages_are_known_in_snapshots_and_forks(backend: Backend) -> None:
    """Their events are not copied with others: only the event tells."""
    async with backend.open() as log:
        chat = Conversation(log, "chat")
        for number in range(40):
            await chat.add([user(f"{number}")], context=Context(run_id=f"o{number}"))
            within = Context(run_id=f"i{number}", parent_run_id=f"o{number}")
            await chat.add([user("inner"), SAID], context=within)
            await chat.add([SAID] * 40, context=Context(run_id=f"o{number}"))
        assert await chat._stream._states.save()
        await chat._stream._states.evict()
        fork = await chat.fork("fork")
        for each in (chat, fork):
            last = await each.items(limit_turns=2)
            assert (len(last), last[0], last[43]) == (86, user("38"), user("39"))
            assert len((await each.turns()).starts) == 40


async def test_use_counts_for_the_turn_of_its_run(backend: Backend) -> None:
    """Also where another run has begun a turn meanwhile; and for the last one if its is gone."""
    async with backend.open() as log:
        chat = Conversation(log, "chat")
        for run in ("a", "b"):
            await chat.add([user(run)], context=Context(run_id=run))
        await chat.append([used_by("a", 1), used_by("b", 10), used_by("c", 100)])
        assert [found.turn for found in await chat.usage_by_turn()] == [1, 2, 2]
        await chat.undo()
        await chat.append(used_by("b", 1000))
        assert [found.turn for found in await chat.usage_by_turn()] == [1, 2, 2, 1]
        shown = await turns(Views(log), "chat")
        assert [turn.total_tokens for turn in shown] == [1001, 110]


@pytest.mark.parametrize("as_of", [None, 3])
async def test_a_limit_of_turns_begins_inside_no_call(backend: Backend, as_of: int | None) -> None:
    """Of a list of fewer turns it is all; of no turns nothing; as of a moment too."""
    async with backend.open() as log:
        chat = Conversation(log, "chat")
        await chat.add([{"role": "system", "content": "be kind"}, user("1"), call()])
        await chat.add([user("2"), output(), SAID])
        await chat.add([user("3"), SAID])
        items = await chat.items()
        await chat.add([user("4"), SAID])
        if as_of is None:
            await chat.undo()
        found = [await chat.items(limit_turns=n, as_of=as_of) for n in range(5)]
        assert found == [[], items[6:], items[1:], items[1:], items]
        with pytest.raises(InvalidInputError):
            await chat.items(limit_turns=-1, as_of=as_of)
        with pytest.raises(InvalidOptionError):
            await chat.items(limit_turns=1, limit=1, as_of=as_of)


async def test_a_session_gives_its_last_turns_to_a_run(backend: Backend) -> None:
    """A limit of the call, and then of its settings, goes before it."""
    async with backend.open() as log:
        session = EventLogSession("chat", log=log, limit_turns=1)
        model = ScriptedModel([[say("1", "m1")], [say("2", "m2")], [say("3", "m3")]])
        for text in ("one", "two", "three"):
            await Runner.run(agent(model), text, session=session, run_config=QUIET)
        assert len(await session.get_items()) == 2
        assert len(await session.get_items(3)) == 3
        assert len(await session.get_items(limit_turns=2)) == 4
        assert len(await session.get_items(limit_turns=-1)) == 6
        session.session_settings = SessionSettings(limit=1)
        assert len(await session.get_items()) == 1


ITEMS = st.sampled_from([user(), SAID, call("x"), output("x"), call(""), output(""), call("y")])
RUNS = st.sampled_from(["a", "b", "c"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.lists(ITEMS, min_size=1, max_size=5), RUNS, st.booleans()),
        st.tuples(st.just("use"), RUNS),
        st.tuples(st.just("undo"), st.integers(1, 3)),
        st.just(("redo",)),
        st.just(("pop",)),
    ),
    min_size=3,
    max_size=14,
)


async def _agree(steps: Any) -> None:
    async with EventLog(":memory:") as log:
        session = EventLogSession("chat", log=log)
        chat, views = Conversation(log, "chat"), Views(log)
        for step in steps:
            match step:
                case ("add", items, run, is_inner):
                    within = Context(run_id=run, parent_run_id="outer" if is_inner else None)
                    await chat.add(items, context=within)
                case ("use", run):
                    await chat.append(used_by(run))
                case ("undo", count):
                    before = await chat.items()
                    gone = await chat.items(limit_turns=count)
                    try:
                        await chat.undo(count)
                    except NoSuchTurnError:
                        assert gone == before
                    else:
                        assert [*await chat.items(), *gone] == before
                case ("redo",):
                    with contextlib.suppress(NothingToRedoError):
                        await chat.redo()
                case _:
                    await chat.pop()
        seen = await chat.turns()
        shown = [turn for turn in await turns(views, "chat") if not turn.removed]
        assert [turn.usage.place for turn in shown] == seen.starts
        assert len(await session.get_conversation_turns()) == len(seen.starts)
        told = sum(turn.total_tokens for turn in await turns(views, "chat"))
        by_turn = await chat.usage_by_turn()
        assert told == sum(1 for found in by_turn if found.turn)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_undo_limits_views_and_usage_agree_on_turns(steps: Any) -> None:
    """Whatever is said, in whichever runs: what an undo takes off is what a limit would show."""
    asyncio.run(_agree(steps))
