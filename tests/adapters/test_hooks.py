"""What EventLogHooks add: the exact input of each model call, and what each one used."""

import logging
from typing import Any, Final

import pytest
from agents import (
    Agent,
    ModelBehaviorError,
    ModelResponse,
    OpenAIChatCompletionsModel,
    RunConfig,
    Runner,
)
from agents.models import get_default_model
from agents.models.interface import Model, ModelProvider
from agents.run import CallModelData, ModelInputData
from agents.testing import ModelStep, ScriptedModel, function_call
from openai import AsyncOpenAI

from eventlog import EventLog, ItemsAdded
from eventlog.events import ModelCalled, UsageRecorded, digest
from eventlog_openai_agents import EventLogHooks, EventLogSession
from eventlog_session_conformance.agent import Run, agent, say, weather
from eventlog_session_conformance.agent import ask_weather as ask
from tests.adapters import scenarios, scenarios_paused
from tests.adapters.metering import (
    CALL,
    Meter,
    Metered,
    a_run,
    both,
    called,
    counts_of,
    events,
    hooked,
    inputs,
    recorded,
    said,
    times,
    total,
    unreachable,
    used,
)
from tests.adapters.scenarios import SCENARIOS, Scenario

INSTRUCTIONS: Final = "Answer briefly."


OUTER_ONLY: Final = scenarios.agent_as_tool
"""The nested run is given no hooks, and what its model sees is reported apart."""


@both
@pytest.mark.parametrize("scenario", [it for it in SCENARIOS if it is not OUTER_ONLY])
async def test_the_digests_are_those_of_the_exact_input_of_each_call(
    session: EventLogSession,
    calls: Meter,
    monkeypatch: pytest.MonkeyPatch,
    scenario: Scenario,
    run: Run,
) -> None:
    """Item by item, in order, of every call that was made, failed ones too."""
    seen: list[list[str]] = []
    as_recorded = Metered._record_call

    def record(self: Metered, **call: Any) -> Any:
        seen.append([digest(item) for item in call["input"]])
        return as_recorded(self, **call)

    monkeypatch.setattr(Metered, "_record_call", record)
    await scenario(session, hooked(run, EventLogHooks(session)))
    made = await inputs(session)
    assert made[: len(seen)] == seen
    assert len(seen) == calls()
    # Of a call that a guardrail stopped, the input may be there without the call.
    assert len(made) - len(seen) in ((0, 1) if "guardrail" in scenario.__name__ else (0,))


@both
async def test_every_digest_is_found_among_the_items_of_the_log(
    session: EventLogSession, run: Run
) -> None:
    """By digesting them: which of the stored items the model saw is known to the item."""
    await scenarios.several_turns(session, hooked(run, EventLogHooks(session)))
    stored = {
        digest(item)
        for event in await events(session)
        if isinstance(event.event, ItemsAdded)
        for item in event.event.items
    }
    assert all(each in stored for given in await inputs(session) for each in given)


@both
async def test_a_filter_of_the_input_shows_in_the_digests(
    session: EventLogSession, run: Run
) -> None:
    """What the model was shown, where `seen_version` says only what the run had read."""
    changed: Any = {"role": "user", "content": "changed"}

    def only_this(data: CallModelData[Any]) -> ModelInputData:
        return ModelInputData(input=[changed], instructions="Whisper.")

    await session.add_items(said("before"))
    config = RunConfig(call_model_input_filter=only_this)
    model = ScriptedModel([[say("Hello.")]])
    hooks = EventLogHooks(session)
    await run(
        agent(model, instructions=INSTRUCTIONS),
        "Hi",
        session=session,
        run_config=config,
        hooks=hooks,
    )
    (call,) = await called(session)
    assert call == ModelCalled(input=[digest(changed)], instructions=digest("Whisper."))


@both
async def test_instructions_are_a_digest_and_absent_without(
    session: EventLogSession, run: Run
) -> None:
    """No content of either is in the event."""
    for instructions in (INSTRUCTIONS, None):
        model = ScriptedModel([[say("Hello.")]])
        hooks = EventLogHooks(session)
        await run(agent(model, instructions=instructions), "Hi", session=session, hooks=hooks)
    with_some, without = await called(session)
    assert with_some.instructions == digest(INSTRUCTIONS)
    assert without.instructions is None
    assert b"Answer" not in with_some.body()
    assert b"Hi" not in with_some.body()


ALL_CALLS: Final = [
    scenarios.text,
    scenarios.one_tool,
    scenarios.handoff,
    scenarios.max_turns,
    scenarios.several_turns,
    scenarios.output_guardrail,
    scenarios_paused.approved,
    scenarios.agent_as_tool,
]


@both
@pytest.mark.parametrize("scenario", ALL_CALLS)
async def test_with_hooks_too_every_call_is_counted_once(
    session: EventLogSession, calls: Meter, scenario: Scenario, run: Run
) -> None:
    """By the hook, not by the append; also the call that no append follows."""
    await scenario(session, hooked(run, EventLogHooks(session)))
    assert await total(session) == times(calls())
    assert {counts_of(event) for event in await recorded(session)} == {CALL}


@both
async def test_what_hooks_record_is_the_runs_that_called(
    session: EventLogSession, calls: Meter, run: Run
) -> None:
    """The same run id as the items', and the agent that the model was called for."""
    await scenarios.handoff(session, hooked(run, EventLogHooks(session)))
    found = await events(session)
    by_hooks = [event for event in found if event.kind in ("called", "usage")]
    assert [event.context.agent for event in by_hooks] == ["Helper"] * 2 + ["Expert"] * 2
    assert {event.context.actor for event in by_hooks} == {"agent:Helper", "agent:Expert"}
    assert len({event.context.run_id for event in found}) == 1
    assert calls() == 2


@pytest.mark.parametrize(
    ("run", "order"),
    [
        (Runner.run, ["added", "called", "usage", "added"]),
        (scenarios.streamed, ["called", "added", "usage", "added"]),
    ],
)
async def test_a_streamed_run_stores_its_input_behind_the_call(
    session: EventLogSession, run: Run, order: list[str]
) -> None:
    """The SDK does it in that order, and the log keeps the order of what happened."""
    await scenarios.text(session, hooked(run, EventLogHooks(session)))
    assert [event.kind for event in await events(session)] == order


@both
@pytest.mark.parametrize("of_the_inner", [True, False])
async def test_nested_runs_are_counted_once_whether_they_have_hooks_or_not(
    session: EventLogSession, calls: Meter, run: Run, of_the_inner: bool
) -> None:
    """One hooks object may serve both; calls of a run without any go with its append."""
    inner = EventLogSession("inner", log=session.log)
    hooks = EventLogHooks(inner) if of_the_inner else None
    model = Metered([[ask("Bern", "c1")], [say("21 °C", "inner_1")]])
    tool = agent(model, weather, name="Inner").as_tool("t", "T.", session=inner, hooks=hooks)
    asked = function_call("t", {"input": "Bern?"}, call_id="n1")
    outer = Metered([[asked], [say("It is warm.")]])
    await run(agent(outer, tool), "Bern?", session=session, hooks=EventLogHooks(session))
    assert (await total(session), await total(inner)) == (times(2), times(2))
    assert calls() == 4
    assert len(await called(inner)) == (2 if of_the_inner else 0)


@both
async def test_hooks_of_a_nested_run_without_a_session_record_its_calls(
    session: EventLogSession, calls: Meter, run: Run
) -> None:
    """In the conversation that they were made for, and nowhere else."""
    inner = EventLogSession("inner", log=session.log)
    model = Metered([[say("21 °C", "inner_1")]])
    tool = agent(model, name="Inner").as_tool("t", "T.", hooks=EventLogHooks(inner))
    outer = Metered([[function_call("t", {"input": "?"}, call_id="n1")], [say("Warm.")]])
    await run(agent(outer, tool), "Bern?", session=session)
    assert (await total(session), await total(inner)) == (times(2), CALL)
    assert calls() == 3


@both
async def test_hooks_alone_record_the_calls_of_a_run_without_a_session(
    session: EventLogSession, calls: Meter, run: Run
) -> None:
    """The conversation is the one that the hooks were made for."""
    model = Metered([[ask("Bern", "c1")], [say("Warm.")]])
    await run(agent(model, weather), "Bern?", hooks=EventLogHooks(session))
    assert [event.kind for event in await events(session)] == ["called", "usage"] * 2
    assert await total(session) == times(2) == times(calls())


@both
async def test_a_response_that_the_sdk_refuses_is_counted(
    session: EventLogSession, calls: Meter, run: Run
) -> None:
    """Its items are nowhere; what it used is."""
    model = Metered([[function_call("unheard of", {}, call_id="c1")]])
    with pytest.raises(ModelBehaviorError):
        await run(agent(model), "Hi", session=session, hooks=EventLogHooks(session))
    assert [event.kind for event in await events(session)].count("added") == 1
    assert len(await called(session)) == calls() == 1
    assert await total(session) == CALL


class Provider(ModelProvider):
    """Whatever the name, the model is this one."""

    def get_model(self, model_name: str | None) -> Model:
        return ScriptedModel([ModelStep(output=[say("Hello.")], usage=used(), response_id="r-7")])


@both
@pytest.mark.parametrize(
    ("of_the_agent", "of_the_run", "name"),
    [
        ("gpt-a", None, "gpt-a"),
        ("gpt-a", "gpt-b", "gpt-b"),
        (None, "gpt-b", "gpt-b"),
        (None, None, None),
    ],
)
async def test_the_model_is_the_one_that_the_run_was_given(
    session: EventLogSession,
    run: Run,
    of_the_agent: str | None,
    of_the_run: str | None,
    name: str | None,
) -> None:
    """The run's over the agent's; where neither names one, the provider chose, and nobody says."""
    config = RunConfig(model=of_the_run, model_provider=Provider())
    hooks = EventLogHooks(session, run_config=config)
    helper = Agent[Any](name="Helper", model=of_the_agent)
    await run(helper, "Hi", session=session, run_config=config, hooks=hooks)
    (event,) = await recorded(session)
    assert (event.model, event.response_id) == (name, "r-7")


async def test_a_run_without_a_model_has_the_sdks_default(session: EventLogSession) -> None:
    """Unless another provider was to choose."""
    run, hooks, helper = a_run(), EventLogHooks(session), Agent[Any](name="Helper")
    await hooks.on_llm_start(run, helper, None, [])
    run.usage.add(used())
    await hooks.on_llm_end(run, helper, ModelResponse([], used(), "r-1"))
    assert [event.model for event in await recorded(session)] == [get_default_model()]


async def test_a_model_object_is_asked_for_its_name(session: EventLogSession) -> None:
    """As the SDK's own have one; an object without is not made one up for."""
    client = AsyncOpenAI(api_key="none")
    named = OpenAIChatCompletionsModel("gpt-c", client)
    for model in (named, ScriptedModel()):
        run = a_run()
        hooks = EventLogHooks(session)
        await hooks.on_llm_start(run, Agent(name="Helper", model=model), None, [])
        run.usage.add(used())
        response = ModelResponse(output=[], usage=used(), response_id=None)
        await hooks.on_llm_end(run, Agent(name="Helper", model=model), response)
    assert [event.model for event in await recorded(session)] == ["gpt-c", None]
    assert await total(session) == times(2)
    await client.close()


async def test_a_call_that_another_append_has_recorded_is_not_recorded_again(
    session: EventLogSession,
) -> None:
    """The SDK adds up before it tells the hooks; a nested run's append may come in between."""
    run, hooks, helper = a_run(), EventLogHooks(session), Agent[Any](name="Helper")
    await hooks.on_llm_start(run, helper, None, [])
    run.usage.add(used())
    await session.add_items(said(1), wrapper=run)
    await hooks.on_llm_end(run, helper, ModelResponse([], used(), "r-1"))
    assert [event.response_id for event in await recorded(session)] == [None]
    assert await total(session) == CALL


async def test_the_end_of_a_call_that_began_elsewhere_is_recorded(session: EventLogSession) -> None:
    """A resumed run tells late of a call before it: its total was restored with that call in it."""
    run, hooks = a_run(times(3)), EventLogHooks(session)
    await hooks.on_llm_end(run, Agent[Any](name="Helper"), ModelResponse([], used(), "r-1"))
    assert await total(session) == CALL


@both
async def test_a_log_that_cannot_be_written_does_not_stop_the_call_and_is_reported(
    session: EventLogSession,
    calls: Meter,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    run: Run,
) -> None:
    """Each fact is counted and logged as an error; what was used goes with the next append."""
    append = EventLog.append

    async def no_bookkeeping(self: EventLog, stream: str, events: Any, **more: Any) -> Any:
        event = getattr(events, "event", None)
        if isinstance(event, ModelCalled | UsageRecorded):
            await unreachable()
        return await append(self, stream, events, **more)

    monkeypatch.setattr(EventLog, "append", no_bookkeeping)
    hooks = EventLogHooks(session)
    await scenarios.one_tool(session, hooked(run, hooks))
    assert hooks.failures == 4
    found = [it for it in caplog.records if it.name == "eventlog.openai_agents"]
    assert [it.levelno for it in found] == [logging.ERROR] * 4
    assert "'user-123'" in found[0].getMessage()
    assert "cannot be reached" in found[0].getMessage()
    assert await total(session) == times(2) == times(calls())
    assert {event.model for event in await recorded(session)} == {None}


async def test_what_json_cannot_hold_does_not_stop_the_call(session: EventLogSession) -> None:
    """The model may take what the log cannot digest."""
    hooks = EventLogHooks(session)
    strange: Any = [object()]
    await hooks.on_llm_start(a_run(), Agent[Any](name="Helper"), None, strange)
    assert hooks.failures == 1
    assert await called(session) == []


async def test_a_session_that_is_closed_is_reported_too(session: EventLogSession) -> None:
    """Hooks do not outlive it in silence."""
    hooks = EventLogHooks(session)
    await session.close()
    await hooks.on_llm_start(a_run(), Agent[Any](name="Helper"), None, [])
    assert hooks.failures == 1
