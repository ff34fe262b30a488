"""Runs of the SDK, each a function of the session that it runs on.

A scenario makes agents and a scripted model of its own and returns what the caller of a run and the
model could see, so that two sessions can be compared by it.
"""

import functools
from collections.abc import Awaitable, Callable
from typing import Any, Final

from agents import (
    GuardrailFunctionOutput,
    InputGuardrail,
    InputGuardrailTripwireTriggered,
    MaxTurnsExceeded,
    OutputGuardrail,
    OutputGuardrailTripwireTriggered,
    Session,
    UserError,
)
from agents import (
    handoff as handing_over,
)
from agents.extensions.handoff_filters import remove_all_tools
from agents.testing import ModelStep, ScriptedModel, function_call

from eventlog_session_conformance.agent import Run, agent, say, stream, weather
from eventlog_session_conformance.agent import ask_weather as ask

Seen = list[Any]
Scenario = Callable[[Session, Run], Awaitable[Seen]]

streamed: Final[Run] = functools.partial(stream, run_config=None)
"""What `Runner.run` does, as a stream read to its end; traced, if that is on."""


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


async def handoff_with_a_filter(session: Session, run: Run) -> Seen:
    model = ScriptedModel(
        [
            [ask("Bern", "c1")],
            [function_call("transfer_to_expert", {}, call_id="h1")],
            [say("I saw no tool.")],
        ]
    )
    expert = handing_over(agent(model, name="Expert"), input_filter=remove_all_tools)
    first = agent(model, weather, handoffs=[expert])
    result = await run(first, "An expert, please", session=session)
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


async def stopped_by_a_tool(session: Session, run: Run) -> Seen:
    model = ScriptedModel([[ask("Bern", "c1")]])
    final = agent(model, weather, tool_use_behavior="stop_on_first_tool")
    result = await run(final, "How is Bern?", session=session)
    return [result.final_output, shown(model)]


async def no_turn_at_all(session: Session, run: Run) -> Seen:
    """A run that the SDK refuses before it asks the session for anything."""
    refused: list[dict[str, Any]] = [
        {"conversation_id": "conv_1"},
        {"previous_response_id": "resp_1"},
        {"auto_previous_response_id": True},
    ]
    return [
        await refusal(run(agent(ScriptedModel([])), "Hi", session=session, **options))
        for options in refused
    ]


async def refusal(call: Awaitable[Any]) -> str:
    """Return what the SDK says where it refuses to go on."""
    try:
        await call
    except UserError as error:
        return str(error)
    raise AssertionError("the SDK refused nothing")


async def several_turns(session: Session, run: Run) -> Seen:
    model = ScriptedModel(
        [[say("One.", "m1")], [ask("Bern", "c1")], [say("Two.", "m2")], [say("Three.", "m3")]]
    )
    helper = agent(model, weather)
    answers = [await run(helper, each, session=session) for each in ("1?", "2?", "3?")]
    return [[answer.final_output for answer in answers], shown(model)]


async def input_as_a_list(session: Session, run: Run) -> Seen:
    model = ScriptedModel([[say("I see.", "m1")], [say("Again.", "m2")]])
    content = [{"type": "input_text", "text": "Look \ud800 at\x00it"}]
    spoken: Any = [{"content": content, "role": "user"}, {"role": "user", "content": "Really?"}]
    await run(agent(model), spoken, session=session)
    result = await run(agent(model), spoken, session=session)
    return [result.final_output, shown(model)]


async def a_history_to_mend(session: Session, run: Run) -> Seen:
    """Equal ids and a call without output: the model is given neither, the session keeps both."""
    said: Any = {"role": "user", "content": "Before"}
    call: Any = function_call("weather", {"city": "Bern"}, call_id="c0")
    message: Any = say("Twice.").model_dump()
    await session.add_items([said, message, call.model_dump(), said, message])
    model = ScriptedModel([[say("Hello.", "m9")]])
    await run(agent(model, weather), "Hi", session=session)
    return shown(model)


async def agent_as_tool(session: Session, run: Run) -> Seen:
    inner_model = ScriptedModel([[ask("Bern", "c1")], [say("21 °C", "inner_1")]])
    inner = agent(inner_model, weather, name="Inner")
    tool = inner.as_tool("look_up", "Looks it up.", session=session)
    model = ScriptedModel(
        [[function_call("look_up", {"input": "Bern?"}, call_id="n1")], [say("It is warm.")]]
    )
    result = await run(agent(model, tool), "How is Bern?", session=session)
    return [result.final_output, shown(model), shown(inner_model)]


CALL: Final = ("function_call", "function_call_output")
THREE_TURNS: Final = ("user", "message", "user", *CALL, "message", "user", "message")
TWO_CALLS: Final = ("function_call", "function_call", *("function_call_output",) * 2)

SCENARIOS: Final[dict[Scenario, tuple[str, ...]]] = {
    text: ("user", "message"),
    one_tool: ("user", *CALL, "message"),
    two_tools_in_one_turn: ("user", *TWO_CALLS, "message"),
    stopped_by_a_tool: ("user", *CALL),
    handoff: ("user", *CALL, "message"),
    handoff_with_a_filter: ("user", *CALL, "message"),
    input_guardrail_in_parallel: ("user",),
    input_guardrail_before_the_model: ("user",),
    output_guardrail: ("user", *CALL),
    model_raises: ("user", *CALL),
    max_turns: ("user", *CALL, *CALL),
    no_turn_at_all: (),
    several_turns: THREE_TURNS,
    input_as_a_list: ("user", "user", "message", "user", "user", "message"),
    a_history_to_mend: ("user", "message", "function_call", "user", "message", "user", "message"),
    agent_as_tool: ("user", "user", *CALL, "message", *CALL, "message"),
}
"""Every scenario of this module, and the kinds of items that it leaves in a session."""
