"""What a session writes beside the items: who, in which run, having seen what, and when."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from agents import RunConfig, RunContextWrapper, Runner, SessionSettings
from agents.testing import ScriptedModel

from eventlog import (
    Context,
    ConversationCleared,
    EventLog,
    InvalidInputError,
    ItemPopped,
    RecordedEvent,
)
from eventlog.errors import InvalidMomentError
from eventlog.events import UsageRecorded
from eventlog_openai_agents import EventLogSession
from eventlog_session_conformance.agent import Run, agent, say
from tests.adapters import scenarios, scenarios_paused
from tests.backends import Backend
from tests.conftest import Clock


def said(content: object) -> Any:
    return {"role": "user", "content": content}


async def events(session: EventLogSession) -> list[RecordedEvent]:
    return [event async for event in session.log.read(session.session_id)]


async def contexts(session: EventLogSession) -> list[Context]:
    """Return the contexts of what changed the list."""
    changes = [event for event in await events(session) if event.kind != UsageRecorded.kind]
    return [event.context for event in changes]


async def test_the_items_as_of_a_version_are_what_they_were(session: EventLogSession) -> None:
    """Whatever was popped, cleared or added since; version 0 is before anything."""
    moments: list[list[Any]] = [[]]
    for change in (
        lambda: session.add_items([said(1), said(2)]),
        session.pop_item,
        lambda: session.add_items([said(3)]),
        session.clear_session,
        lambda: session.add_items([said(4)]),
    ):
        await change()
        moments.append(list(await session.get_items()))
    for version, items in enumerate(moments):
        assert await session.get_items(as_of=version) == items
        assert await session.get_items(1, as_of=version) == items[-1:]


async def test_the_items_as_of_a_time_are_what_they_were(backend: Backend, clock: Clock) -> None:
    """A time between two changes shows the first; any time zone will do."""
    session = EventLogSession("user-123", log=backend.open(clock=clock))
    start = datetime.fromtimestamp(clock.now / 1e6, UTC)
    await session.add_items([said(1)])
    clock.tick()
    await session.clear_session()
    tokyo = timezone(timedelta(hours=9))
    half = timedelta(seconds=0.5)
    assert await session.get_items(as_of=start - half) == []
    assert await session.get_items(as_of=start) == [said(1)]
    assert await session.get_items(as_of=(start + half).astimezone(tokyo)) == [said(1)]
    assert await session.get_items(as_of=start + 2 * half) == []
    assert await session.get_items(as_of=datetime(2999, 1, 1, tzinfo=UTC)) == []


async def test_a_moment_that_is_none_is_refused(session: EventLogSession) -> None:
    """A version that is not there yet, a time without a zone, and what is neither."""
    await session.add_items([said(1)])
    moments: list[Any] = [2, -1, True, "1", 1.0, datetime(2026, 1, 1)]
    for moment in moments:
        with pytest.raises(InvalidMomentError):
            await session.get_items(as_of=moment)


async def test_actor_and_reason_of_a_pop_are_in_the_log(session: EventLogSession) -> None:
    """Who took the item off the list, and why."""
    await session.add_items([said(1)])
    await session.pop_item(actor="ana", reason="a typo")
    popped = (await events(session))[-1]
    assert popped.event == ItemPopped("a typo")
    assert popped.context.actor == "ana"


async def test_actor_and_reason_of_a_clear_are_in_the_log(session: EventLogSession) -> None:
    """Under both of its names."""
    await session.clear_session(actor="ana", reason="asked to")
    await session.clear(actor="ben", reason="again")
    first, second = await events(session)
    assert (first.event, first.context.actor) == (ConversationCleared("asked to"), "ana")
    assert (second.event, second.context.actor) == (ConversationCleared("again"), "ben")


async def test_an_actor_or_reason_that_is_no_text_stores_nothing(
    session: EventLogSession,
) -> None:
    """A typed error, and the item stays."""
    await session.add_items([said(1)])
    mistakes: list[Any] = [{"actor": "\ud800"}, {"reason": "\ud800"}, {"actor": 7}, {"reason": 7}]
    for words in mistakes:
        with pytest.raises(InvalidInputError):
            await session.pop_item(**words)
        with pytest.raises(InvalidInputError):
            await session.clear_session(**words)
    assert await session.get_items() == [said(1)]
    assert len(await events(session)) == 1


async def test_without_a_run_the_actor_is_unknown(session: EventLogSession) -> None:
    """And there is no run: nothing is made up."""
    await session.add_items([said(1)])
    await session.pop_item()
    await session.clear_session()
    written = {
        (context.actor, context.agent, context.run_id) for context in await contexts(session)
    }
    assert written == {("unknown", None, None)}


async def test_a_pop_records_the_version_that_it_popped_from(session: EventLogSession) -> None:
    """Without a run too: a pop reads the list before it changes it."""
    await session.add_items([said(1), said(2)])
    await session.pop_item()
    assert [context.seen_version for context in await contexts(session)] == [None, 1]


async def test_what_the_agent_did_is_the_agents_and_what_the_user_said_is_not(
    session: EventLogSession,
) -> None:
    """The SDK tells which agent is at work, not who the user is."""
    await scenarios.one_tool(session, Runner.run)
    said_by = [(context.actor, context.agent) for context in await contexts(session)]
    assert said_by == [("unknown", None), *[("agent:Helper", "Helper")] * 2]


async def test_a_streamed_run_names_the_agent_as_well(session: EventLogSession) -> None:
    """It saves from another task."""
    await scenarios.one_tool(session, scenarios.streamed)
    actors = [context.actor for context in await contexts(session)]
    assert actors == ["unknown", "agent:Helper", "agent:Helper"]


async def test_after_a_handoff_the_other_agent_is_the_actor(session: EventLogSession) -> None:
    """Each turn is the agent's that took it."""
    await scenarios.handoff(session, Runner.run)
    actors = [context.actor for context in await contexts(session)]
    assert actors == ["unknown", "agent:Helper", "agent:Expert"]


async def test_the_actor_of_the_session_is_the_actor_of_all_it_writes(log: EventLog) -> None:
    """Of the agent's turns too, beside the agent's name; a call may still say otherwise."""
    session = EventLogSession("user-123", log=log, actor="ana")
    await scenarios.one_tool(session, Runner.run)
    await session.pop_item()
    await session.pop_item(actor="ben")
    written = await contexts(session)
    assert [context.actor for context in written] == ["ana"] * 4 + ["ben"]
    assert [context.agent for context in written] == [None, "Helper", "Helper", None, None]


async def test_two_runs_have_two_run_ids(session: EventLogSession) -> None:
    """One for all that a run writes, another for the next."""
    for _ in range(2):
        await scenarios.one_tool(session, Runner.run)
    ids = [context.run_id for context in await contexts(session)]
    assert all(ids)
    assert ids == [ids[0]] * 3 + [ids[3]] * 3
    assert ids[0] != ids[3]


async def test_an_agent_that_is_a_tool_runs_a_run_of_its_own(session: EventLogSession) -> None:
    """What it writes into the same conversation can be told apart."""
    await scenarios.agent_as_tool(session, Runner.run)
    ids = [context.run_id for context in await contexts(session)]
    outer, inner = ids[0], ids[1]
    assert ids == [outer, inner, inner, inner, outer, outer]
    assert outer != inner


async def test_a_run_records_which_version_it_had_seen(session: EventLogSession) -> None:
    """The one that its read returned, not the one that its own writes made."""
    await scenarios.text(session, Runner.run)
    await session.add_items([said("by the way")])
    await scenarios.text(session, Runner.run)
    seen = [context.seen_version for context in await contexts(session)]
    assert seen == [0, 0, None, 4, 4]


async def test_a_run_records_how_much_it_had_read(session: EventLogSession) -> None:
    """A read with a limit showed the model less than the version holds."""
    model = ScriptedModel([[say("Hello.")]])
    limited = RunConfig(session_settings=SessionSettings(limit=5))
    await Runner.run(agent(model), "Hi", session=session, run_config=limited)
    written = await contexts(session)
    assert [(context.seen_version, context.seen_limit) for context in written] == [(0, 5), (0, 5)]


async def test_what_one_run_has_seen_is_not_what_another_has(session: EventLogSession) -> None:
    """It is kept for each run, also where both use one session object at once."""
    early, late = RunContextWrapper[Any](None), RunContextWrapper[Any](None)
    await session.get_items(wrapper=early)
    await session.add_items([said(1)])
    await session.get_items(wrapper=late)
    await session.add_items([said(2)], wrapper=early)
    await session.add_items([said(3)], wrapper=late)
    assert [context.seen_version for context in await contexts(session)] == [None, 0, 1]


async def test_what_a_run_saw_of_one_conversation_says_nothing_of_another(log: EventLog) -> None:
    """A run may read one and write to the other."""
    one, two = EventLogSession("one", log=log), EventLogSession("two", log=log)
    run = RunContextWrapper[Any](None)
    await one.add_items([said(1)])
    await one.get_items(wrapper=run)
    await two.add_items([said(2)], wrapper=run)
    await one.add_items([said(3)], wrapper=run)
    assert [context.seen_version for context in await contexts(two)] == [None]
    assert [context.seen_version for context in await contexts(one)] == [None, 1]


async def test_looking_back_is_not_what_a_run_has_seen(session: EventLogSession) -> None:
    """A read of the past is no input of the model."""
    run = RunContextWrapper[Any](None)
    await session.add_items([said(1)])
    await session.get_items(as_of=1, wrapper=run)
    await session.add_items([said(2)], wrapper=run)
    assert (await contexts(session))[-1].seen_version is None


async def test_a_resumed_run_is_recorded_as_a_run_of_its_own(session: EventLogSession) -> None:
    """A person decided in between; what the second half had seen is its own read."""
    await scenarios_paused.approved(session, Runner.run)
    written = await contexts(session)
    ids = [context.run_id for context in written]
    assert ids == [ids[0]] * 2 + [ids[2]] * 2
    assert ids[0] != ids[2]
    assert [context.seen_version for context in written] == [0, 0, 3, 3]


@pytest.mark.parametrize("run", [Runner.run, scenarios.streamed])
@pytest.mark.parametrize(
    "refused",
    [scenarios.input_guardrail_in_parallel, scenarios.input_guardrail_before_the_model],
)
async def test_input_that_a_guardrail_refused_is_no_agents(
    session: EventLogSession, refused: scenarios.Scenario, run: Run
) -> None:
    """Though a streamed run saves it while the agent is at work."""
    await refused(session, run)
    assert [(it.actor, it.agent) for it in await contexts(session)] == [("unknown", None)]
