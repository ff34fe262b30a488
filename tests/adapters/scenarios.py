"""Runs of the SDK, each a function of the session that it runs on.

A scenario makes agents and a scripted model of its own and returns what the caller of a run and the
model could see, so that two sessions can be compared by it.
"""

import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, cast

from agents import (
    Agent,
    FunctionTool,
    GuardrailFunctionOutput,
    InputGuardrail,
    InputGuardrailTripwireTriggered,
    MaxTurnsExceeded,
    ModelSettings,
    OutputGuardrail,
    OutputGuardrailTripwireTriggered,
    RunConfig,
    Runner,
    RunState,
    Session,
    SessionSettings,
    TResponseInputItem,
    function_tool,
)
from agents.items import TResponseOutputItem
from agents.result import RunResultBase
from agents.testing import ModelStep, ScriptedModel, assistant_message, function_call

Seen = list[Any]
Run = Callable[..., Awaitable[RunResultBase]]
"""`Runner.run`, or `streamed`."""

Scenario = Callable[[Session, Run], Awaitable[Seen]]


async def streamed(*args: Any, **options: Any) -> RunResultBase:
    """Do what `Runner.run` does, as a stream read to its end."""
    result = Runner.run_streamed(*args, **options)
    async for _ in result.stream_events():
        pass
    return result


def agent(model: ScriptedModel, *tools: FunctionTool, **options: Any) -> Agent[Any]:
    options = {"name": "Helper", "model_settings": ModelSettings(), **options}
    return Agent[Any](model=model, tools=list(tools), **options)


@function_tool
def weather(city: str) -> str:
    return f"{city}: 21 °C\x00"


@function_tool(needs_approval=True)
def refund(order: int) -> str:
    return f"order {order} refunded"


def ask(city: str, call_id: str) -> TResponseOutputItem:
    return function_call("weather", {"city": city}, call_id=call_id)


def say(text: str, item_id: str = "msg_1") -> TResponseOutputItem:
    return assistant_message(text, item_id=item_id)


def shown(model: ScriptedModel) -> Seen:
    """Return what the model was given, call by call."""
    return [call.input for call in model.calls]


async def text(session: Session, run: Run) -> Seen:
    model = ScriptedModel([[say("Hello.")]])
    result = await run(agent(model), "Hi", session=session)
    return [result.final_output, shown(model)]


async def one_tool(session: Session, run: Run) -> Seen:
    model = ScriptedModel([[ask("Bern", "c1")], [say("It is warm.")]])
    result = await run(agent(model, weather), "How is Bern?", session=session)
    return [result.final_output, shown(model)]


async def two_tools_in_one_turn(session: Session, run: Run) -> Seen:
    model = ScriptedModel([[ask("Bern", "c1"), ask("Rome", "c2")], [say("Both are warm.")]])
    result = await run(agent(model, weather), "Bern or Rome?", session=session)
    return [result.final_output, shown(model)]


async def handoff(session: Session, run: Run) -> Seen:
    model = ScriptedModel(
        [[function_call("transfer_to_expert", {}, call_id="h1")], [say("I am the expert.")]]
    )
    expert = agent(model, name="Expert")
    result = await run(agent(model, handoffs=[expert]), "An expert, please", session=session)
    return [result.final_output, shown(model)]


def _tripping(*_: Any) -> GuardrailFunctionOutput:
    return GuardrailFunctionOutput(output_info="no", tripwire_triggered=True)


async def input_guardrail_in_parallel(session: Session, run: Run) -> Seen:
    return await _guarded_input(session, run, run_in_parallel=True)


async def input_guardrail_before_the_model(session: Session, run: Run) -> Seen:
    return await _guarded_input(session, run, run_in_parallel=False)


async def _guarded_input(session: Session, run: Run, *, run_in_parallel: bool) -> Seen:
    model = ScriptedModel([[say("Sure.")]])
    guardrail = InputGuardrail[Any](_tripping, run_in_parallel=run_in_parallel)
    try:
        await run(agent(model, input_guardrails=[guardrail]), "Something bad", session=session)
    except InputGuardrailTripwireTriggered as error:
        return [error.guardrail_result.output.output_info]
    raise AssertionError("the guardrail did not trip")


async def output_guardrail(session: Session, run: Run) -> Seen:
    model = ScriptedModel([[ask("Bern", "c1")], [say("A secret.")]])
    guarded = agent(model, weather, output_guardrails=[OutputGuardrail[Any](_tripping)])
    try:
        await run(guarded, "Tell me", session=session)
    except OutputGuardrailTripwireTriggered:
        return shown(model)
    raise AssertionError("the guardrail did not trip")


async def model_raises(session: Session, run: Run) -> Seen:
    model = ScriptedModel([[ask("Bern", "c1")], ModelStep.raise_error(OSError("model is down"))])
    try:
        await run(agent(model, weather), "How is Bern?", session=session)
    except OSError as error:
        return [str(error), shown(model)]
    raise AssertionError("the model did not raise")


async def max_turns(session: Session, run: Run) -> Seen:
    model = ScriptedModel([[ask("Bern", "c1")], [ask("Rome", "c2")], [say("Never said.")]])
    try:
        await run(agent(model, weather), "How is it?", session=session, max_turns=2)
    except MaxTurnsExceeded as error:
        return [str(error), shown(model)]
    raise AssertionError("the run ended in time")


async def several_turns(session: Session, run: Run) -> Seen:
    model = ScriptedModel(
        [[say("One.", "m1")], [ask("Bern", "c1")], [say("Two.", "m2")], [say("Three.", "m3")]]
    )
    helper = agent(model, weather)
    answers = [await run(helper, each, session=session) for each in ("1?", "2?", "3?")]
    return [[answer.final_output for answer in answers], shown(model)]


async def input_as_a_list(session: Session, run: Run) -> Seen:
    model = ScriptedModel([[say("I see.", "m1")], [say("Again.", "m2")]])
    content = [{"type": "input_text", "text": "Look \ud800 at it"}]
    spoken: Any = [{"content": content, "role": "user"}, {"role": "user", "content": "Really?"}]
    await run(agent(model), spoken, session=session)
    result = await run(agent(model), spoken, session=session)
    return [result.final_output, shown(model)]


async def session_input_callback(session: Session, run: Run) -> Seen:
    def only_the_last(
        history: list[TResponseInputItem], new: list[TResponseInputItem]
    ) -> list[TResponseInputItem]:
        cast(Any, new[-1])["content"] = "rewritten"
        return history[-1:] + new

    model = ScriptedModel([[say("One.", "m1")], [say("Two.", "m2")]])
    config = RunConfig(session_input_callback=only_the_last)
    for question in ("1?", "2?"):
        await run(agent(model), question, session=session, run_config=config)
    return shown(model)


async def limit_of_the_run(session: Session, run: Run) -> Seen:
    return await _limited(session, run, 2)


async def limit_zero(session: Session, run: Run) -> Seen:
    return await _limited(session, run, 0)


async def _limited(session: Session, run: Run, limit: int) -> Seen:
    await several_turns(session, run)
    model = ScriptedModel([[say("Done.", "m9")]])
    config = RunConfig(session_settings=SessionSettings(limit=limit))
    await run(agent(model), "And?", session=session, run_config=config)
    return shown(model)


async def approved(session: Session, run: Run) -> Seen:
    return await _resumed(session, run, lambda state, call: state.approve(call))


async def rejected(session: Session, run: Run) -> Seen:
    return await _resumed(session, run, lambda state, call: state.reject(call))


async def _resumed(
    session: Session, run: Run, decide: Callable[[RunState[Any, Agent[Any]], Any], None]
) -> Seen:
    asking = ScriptedModel(
        [[ask("Bern", "c1"), function_call("refund", {"order": 7}, call_id="c2")]]
    )
    paused = await run(agent(asking, weather, refund), "Refund order 7", session=session)
    stored = json.dumps(_state(paused).to_json())
    # Somebody else decides, somewhere else: nothing is left but the stored state and the session.
    model = ScriptedModel([[say("As you decided.")]])
    helper = agent(model, weather, refund)
    state = await RunState.from_json(helper, json.loads(stored))
    for call in state.get_interruptions():
        decide(state, call)
    result = await run(helper, state, session=session)
    return [result.final_output, shown(asking), shown(model)]


def _state(result: RunResultBase) -> RunState[Any, Agent[Any]]:
    return cast(RunState[Any, Agent[Any]], cast(Any, result).to_state())


async def agent_as_tool(session: Session, run: Run) -> Seen:
    inner_model = ScriptedModel([[ask("Bern", "c1")], [say("21 °C", "inner_1")]])
    inner = agent(inner_model, weather, name="Inner")
    tool = inner.as_tool("look_up", "Looks it up.", session=session)
    model = ScriptedModel(
        [[function_call("look_up", {"input": "Bern?"}, call_id="n1")], [say("It is warm.")]]
    )
    result = await run(agent(model, tool), "How is Bern?", session=session)
    return [result.final_output, shown(model), shown(inner_model)]


_CALL: Final = ("function_call", "function_call_output")
_THREE_TURNS: Final = ("user", "message", "user", *_CALL, "message", "user", "message")
_TWO_CALLS: Final = ("function_call", "function_call", *("function_call_output",) * 2)

SCENARIOS: Final[dict[Scenario, tuple[str, ...]]] = {
    text: ("user", "message"),
    one_tool: ("user", *_CALL, "message"),
    two_tools_in_one_turn: ("user", *_TWO_CALLS, "message"),
    handoff: ("user", *_CALL, "message"),
    input_guardrail_in_parallel: ("user",),
    input_guardrail_before_the_model: ("user",),
    output_guardrail: ("user", *_CALL),
    model_raises: ("user", *_CALL),
    max_turns: ("user", *_CALL, *_CALL),
    several_turns: _THREE_TURNS,
    input_as_a_list: ("user", "user", "message", "user", "user", "message"),
    session_input_callback: ("user", "message", "user", "message"),
    limit_of_the_run: (*_THREE_TURNS, "user", "message"),
    limit_zero: (*_THREE_TURNS, "user", "message"),
    approved: ("user", *_TWO_CALLS, "message"),
    rejected: ("user", *_TWO_CALLS, "message"),
    agent_as_tool: ("user", "user", *_CALL, "message", *_CALL, "message"),
}
"""Every scenario, and the kinds of items that it leaves in a session."""


def kinds(items: Iterable[TResponseInputItem]) -> tuple[str, ...]:
    return tuple(str(item.get("type") or item.get("role")) for item in items)
