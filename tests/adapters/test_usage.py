"""What model calls used is in the log, each counted once, beside the items that they made."""

import asyncio
import gc
from typing import Any, Final

import pytest
from agents import SQLiteSession
from agents.result import RunResultBase
from agents.testing import ModelStep, ScriptedModel, function_call

from eventlog import EventLog, UnavailableError
from eventlog.errors import InvalidItemError
from eventlog.events import UsageRecorded
from eventlog_openai_agents import EventLogSession, usage
from eventlog_session_conformance.agent import Run, agent, say, weather
from eventlog_session_conformance.agent import ask_weather as ask
from tests.adapters import scenarios, scenarios_paused
from tests.adapters.metering import (
    CALL,
    Meter,
    Metered,
    a_run,
    both,
    counts_of,
    events,
    recorded,
    said,
    times,
    total,
    unreachable,
    used,
)
from tests.adapters.scenarios import Scenario

ALL_CALLS_APPEND: Final = [
    scenarios.text,
    scenarios.one_tool,
    scenarios.two_tools_in_one_turn,
    scenarios.handoff,
    scenarios.max_turns,
    scenarios.several_turns,
    scenarios_paused.approved,
    scenarios_paused.rejected,
    scenarios.agent_as_tool,
]


@both
@pytest.mark.parametrize("scenario", ALL_CALLS_APPEND)
async def test_every_call_is_counted_once(
    session: EventLogSession, calls: Meter, scenario: Scenario, run: Run
) -> None:
    """With tools, handoffs, several runs, a resumed run's restored total, and agents as tools."""
    await scenario(session, run)
    assert await total(session) == times(calls())
    assert {counts_of(event) for event in await recorded(session)} == {CALL}


@both
async def test_a_call_is_counted_for_the_agent_that_made_it(
    session: EventLogSession, calls: Meter, run: Run
) -> None:
    """After a handoff too."""
    await scenarios.handoff(session, run)
    found = [event for event in await events(session) if event.kind == UsageRecorded.kind]
    assert [event.context.agent for event in found] == ["Helper", "Expert"]
    assert calls() == 2


@both
async def test_use_stands_behind_the_items_of_its_append(
    session: EventLogSession, calls: Meter, run: Run
) -> None:
    """One append, so of one time, with one context."""
    await scenarios.one_tool(session, run)
    found = await events(session)
    assert [event.kind for event in found] == ["added", "added", "usage", "added", "usage"]
    for items, use in (found[1:3], found[3:5]):
        assert use.recorded_at == items.recorded_at
        assert use.context == items.context
    assert calls() == 2


@both
async def test_without_hooks_use_has_no_model_and_so_no_price(
    session: EventLogSession, calls: Meter, run: Run
) -> None:
    """Absent in the stored bytes as well: never an empty name, never 0."""
    await scenarios.text(session, run)
    (event,) = await recorded(session)
    assert (event.model, event.response_id) == (None, None)
    assert b"model" not in event.body()
    assert calls() == 1


@both
async def test_a_run_outside_of_the_log_is_not_counted_in_it(
    session: EventLogSession, calls: Meter, run: Run
) -> None:
    """An agent that is a tool writes to the log: its own calls count, and no others."""
    await scenarios.agent_as_tool(session, run)
    assert await total(session) == times(4) == times(calls())
    theirs, ours = SQLiteSession("outer"), EventLogSession("inner", log=session.log)
    await nested(theirs, ours, run)
    assert await total(ours) == times(2)
    theirs.close()


@both
async def test_nested_runs_in_two_conversations_are_counted_each_in_its_own(
    session: EventLogSession, calls: Meter, run: Run
) -> None:
    """Though the SDK adds both up in one object."""
    inner = EventLogSession("inner", log=session.log)
    result = await nested(session, inner, run)
    assert (await total(session), await total(inner)) == (times(2), times(2))
    assert usage.counts_of(result.context_wrapper.usage) == times(4) == times(calls())


@both
async def test_a_nested_run_without_a_session_is_counted_with_the_run_around_it(
    session: EventLogSession, calls: Meter, run: Run
) -> None:
    """Nobody else could."""
    await nested(session, None, run)
    assert await total(session) == times(4) == times(calls())


async def nested(outer: Any, inner: Any, run: Run) -> RunResultBase:
    """Run an agent whose tool is an agent; each calls its model twice."""
    inner_model = Metered([[ask("Bern", "c1")], [say("21 °C", "inner_1")]])
    tool = agent(inner_model, weather, name="Inner").as_tool("look_up", "Looks.", session=inner)
    asked = function_call("look_up", {"input": "Bern?"}, call_id="n1")
    model = Metered([[asked], [say("It is warm.")]])
    result: RunResultBase = await run(agent(model, tool), "How is Bern?", session=outer)
    return result


@both
async def test_a_call_that_no_append_follows_is_not_counted(
    session: EventLogSession, calls: Meter, run: Run
) -> None:
    """A reply that a guardrail blocked: without hooks the log misses it."""
    await scenarios.output_guardrail(session, run)
    assert calls() == 2
    assert await total(session) == CALL


@both
async def test_a_call_that_failed_counts_as_nothing(
    session: EventLogSession, calls: Meter, run: Run
) -> None:
    """Providers report no use for it."""
    await scenarios.model_raises(session, run)
    assert calls() == 2
    assert await total(session) == CALL


@both
async def test_repeated_requests_are_counted(session: EventLogSession, run: Run) -> None:
    """The SDK tells how many there were, and the log does."""
    model = ScriptedModel([ModelStep(output=[say("Hello.")], usage=used(times(3)))])
    await run(agent(model), "Hi", session=session)
    assert await total(session) == times(3)


async def test_what_a_run_had_used_when_it_was_first_seen_is_not_counted(
    session: EventLogSession,
) -> None:
    """A total that was restored, or was used elsewhere; whether it reads or writes first."""
    for first in (
        lambda run: session.get_items(wrapper=run),
        lambda run: session.add_items(said(1), wrapper=run),
    ):
        run, before = a_run(times(7)), await total(session)
        await first(run)
        assert await total(session) == before
        run.usage.add(used())
        await session.add_items(said(2), wrapper=run)
        assert await total(session) == before.plus(CALL)


async def test_use_whose_append_failed_goes_with_the_next(
    session: EventLogSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the items were refused or the database could not be reached."""
    run = a_run()
    await session.get_items(wrapper=run)
    run.usage.add(used())
    bad: Any = [object()]
    with pytest.raises(InvalidItemError):
        await session.add_items(bad, wrapper=run)
    with monkeypatch.context() as patched:
        patched.setattr(EventLog, "append", unreachable)
        with pytest.raises(UnavailableError):
            await session.add_items(said(1), wrapper=run)
    run.usage.add(used())
    await session.add_items(said(1), wrapper=run)
    await session.add_items(said(2), wrapper=run)
    assert [counts_of(event) for event in await recorded(session)] == [times(2)]


async def test_an_append_without_items_records_no_use(session: EventLogSession) -> None:
    """It is no append; what was used goes with the next."""
    run = a_run()
    await session.get_items(wrapper=run)
    run.usage.add(used())
    await session.add_items([], wrapper=run)
    assert await events(session) == []
    await session.add_items(said(1), wrapper=run)
    assert await total(session) == CALL


async def test_appends_at_once_record_use_once(session: EventLogSession) -> None:
    """Of one run, to one conversation and to another, also from several threads."""
    other = EventLogSession("another", log=session.log)
    run = a_run()
    await session.get_items(wrapper=run)
    run.usage.add(used())

    def in_a_thread(where: EventLogSession) -> None:
        asyncio.run(where.add_items(said("there"), wrapper=run))

    async with asyncio.TaskGroup() as group:
        for where in (session, other) * 4:
            group.create_task(where.add_items(said("here"), wrapper=run))
            group.create_task(asyncio.to_thread(in_a_thread, where))
    assert (await total(session)).plus(await total(other)) == CALL
    assert len(await session.get_items()) == len(await other.get_items()) == 8


async def test_a_cancelled_append_records_use_once(session: EventLogSession) -> None:
    """What was begun comes about, though its caller does not hear of it."""
    run = a_run()
    await session.get_items(wrapper=run)
    run.usage.add(used())
    adding = asyncio.create_task(session.add_items(said(1), wrapper=run))
    await asyncio.sleep(0)
    adding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await adding
    await session.add_items(said(2), wrapper=run)
    assert await session.get_items() == said(1) + said(2)
    assert await total(session) == CALL


async def test_without_a_run_there_is_no_use(session: EventLogSession) -> None:
    """Nobody says what was used."""
    await session.add_items(said(1))
    assert await recorded(session) == []


async def test_use_changes_no_list_of_items(session: EventLogSession) -> None:
    """A pop takes the item before it, and each version before and after has its own list."""
    run = a_run()
    await session.get_items(wrapper=run)
    run.usage.add(used())
    await session.add_items(said(1) + said(2), wrapper=run)
    assert await session.pop_item() == said(2)[0]
    lists = [await session.get_items(as_of=version) for version in range(4)]
    assert lists == [[], said(1) + said(2), said(1) + said(2), said(1)]
    assert (await session.log.verify()).ok


async def test_nothing_is_kept_of_a_run_that_is_over(session: EventLogSession) -> None:
    """What is known of a Usage goes when it goes."""
    gc.collect()
    before = len(usage._ledgers)
    run = a_run()
    await session.add_items(said(1), wrapper=run)
    assert len(usage._ledgers) == before + 1
    del run
    gc.collect()
    assert len(usage._ledgers) == before
