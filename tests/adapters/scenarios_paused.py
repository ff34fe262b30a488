"""Runs that wait for a person, go through JSON, and go on: also after an append that failed."""

import json
from typing import Any, Final, Literal

from agents import (
    Agent,
    GuardrailFunctionOutput,
    OutputGuardrail,
    OutputGuardrailTripwireTriggered,
    RunState,
    Session,
)
from agents.testing import ScriptedModel

from eventlog_session_conformance.agent import (
    Fallible,
    Run,
    agent,
    ask_charge,
    charging,
    lost,
    say,
    weather,
)
from eventlog_session_conformance.agent import ask_weather as ask
from tests.adapters.scenarios import Scenario, Seen, refusal, shown

_State = RunState[Any, Agent[Any]]


class _Paused:
    """A run with a finished tool and one that waits for a person; nothing is left but JSON."""

    def __init__(self, run: Run, **options: Any) -> None:
        self.charged: Final[list[int]] = []
        self.asking: Final = ScriptedModel([[ask("Bern", "c1"), ask_charge()]])
        self.model: Final = ScriptedModel([[say("As you decided.")]])
        self._run: Final = run
        self._options: Final = options
        self._stored = ""

    def helper(self, model: ScriptedModel, **options: Any) -> Agent[Any]:
        tools = (weather, charging(self.charged))
        return agent(model, *tools, **{**self._options, **options})

    async def begin(self, session: Session) -> None:
        paused = await self._run(self.helper(self.asking), "Charge order 7", session=session)
        self.store(paused.to_state())

    def store(self, state: _State) -> None:
        self._stored = json.dumps(state.to_json())

    async def resume(
        self,
        session: Any,
        decision: Literal["approve", "reject", "decided"] = "decided",
        **options: Any,
    ) -> Any:
        """Go on from what is stored; what an error leaves of the state is stored again."""
        helper = self.helper(self.model, **options)
        state: _State = await RunState.from_json(helper, json.loads(self._stored))
        for call in state.get_interruptions() if decision != "decided" else ():
            getattr(state, decision)(call)
        try:
            return (await self._run(helper, state, session=session)).final_output
        except Exception:
            self.store(state)
            raise

    def seen(self, *answers: object) -> Seen:
        return [*answers, self.charged, shown(self.asking), shown(self.model)]


async def approved(session: Session, run: Run) -> Seen:
    paused = _Paused(run)
    await paused.begin(session)
    return paused.seen(await paused.resume(session, "approve"))


async def rejected(session: Session, run: Run) -> Seen:
    paused = _Paused(run)
    await paused.begin(session)
    return paused.seen(await paused.resume(session, "reject"))


async def _failed(session: Session, run: Run, when: Literal["before", "after"]) -> _Paused:
    """Approve; the append of the tool's output fails before it is stored, or after."""
    paused = _Paused(run)
    await paused.begin(session)
    front = Fallible(session, lost)
    front.when = when
    try:
        await paused.resume(front, "approve")
    except OSError:
        return paused
    raise AssertionError("the append did not fail")


async def append_failed(session: Session, run: Run) -> Seen:
    paused = await _failed(session, run, "before")
    return paused.seen(await paused.resume(session))


async def append_unanswered(session: Session, run: Run) -> Seen:
    paused = await _failed(session, run, "after")
    return paused.seen(await paused.resume(session))


async def append_failed_and_somebody_else_wrote(session: Session, run: Run) -> Seen:
    return await _written_over(session, run, "before")


async def append_unanswered_and_somebody_else_wrote(session: Session, run: Run) -> Seen:
    return await _written_over(session, run, "after")


async def _written_over(session: Session, run: Run, when: Literal["before", "after"]) -> Seen:
    paused = await _failed(session, run, when)
    foreign: Any = {"role": "user", "content": "Hello?"}
    await session.add_items([foreign])
    first = await refusal(paused.resume(session))
    # It can be mended by hand.
    await session.pop_item()
    return paused.seen(first, await paused.resume(session))


async def append_failed_behind_its_like(session: Session, run: Run) -> Seen:
    """The list ends the same way whether it was stored or not: nobody can tell."""
    paused = _Paused(run)
    await paused.begin(session)
    output: Any = {
        "call_id": "charge_1",
        "output": "order 7 charged",
        "type": "function_call_output",
    }
    await session.add_items([output, output])
    front = Fallible(session, lost)
    front.when = "after"
    try:
        await paused.resume(front, "approve")
    except OSError:
        return paused.seen(await refusal(paused.resume(session)))
    raise AssertionError("the append did not fail")


async def append_failed_and_resumed_elsewhere(session: Session, run: Run) -> Seen:
    """Through a session of another id, or none."""
    paused = await _failed(session, run, "before")
    other = Fallible(session, lost)
    other.session_id = "another"
    refused = [await refusal(paused.resume(each)) for each in (other, None)]
    return paused.seen(*refused, await paused.resume(session))


def _guarded(*, trips: bool) -> dict[str, Any]:
    def judge(*_: Any) -> GuardrailFunctionOutput:
        return GuardrailFunctionOutput(output_info=None, tripwire_triggered=trips)

    return {
        "output_guardrails": [OutputGuardrail[Any](judge)],
        "tool_use_behavior": {"stop_at_tool_names": ["charge"]},
    }


async def gated_and_passed(session: Session, run: Run) -> Seen:
    """With output guardrails the batch is held in the state until they have passed."""
    paused = _Paused(run, **_guarded(trips=False))
    await paused.begin(session)
    held = await session.get_items()
    return paused.seen(held, await paused.resume(session, "approve"))


async def gated_and_blocked(session: Session, run: Run) -> Seen:
    paused = _Paused(run, **_guarded(trips=True))
    await paused.begin(session)
    try:
        await paused.resume(session, "approve")
    except OutputGuardrailTripwireTriggered:
        return paused.seen()
    raise AssertionError("the guardrail did not trip")


async def gated_and_rejected(session: Session, run: Run) -> Seen:
    paused = _Paused(run, **_guarded(trips=False))
    await paused.begin(session)
    return paused.seen(await paused.resume(session, "reject"))


async def gated_too_late(session: Session, run: Run) -> Seen:
    """What is stored cannot be held back any more."""
    paused = _Paused(run)
    await paused.begin(session)
    return paused.seen(await refusal(paused.resume(session, "approve", **_guarded(trips=False))))


_CALLED: Final = ("user", "function_call", "function_call", "function_call_output")
_SETTLED: Final = (*_CALLED, "function_call_output", "message")

SCENARIOS: Final[dict[Scenario, tuple[str, ...]]] = {
    approved: _SETTLED,
    rejected: _SETTLED,
    append_failed: _SETTLED,
    append_unanswered: _SETTLED,
    append_failed_and_somebody_else_wrote: _SETTLED,
    append_unanswered_and_somebody_else_wrote: _SETTLED,
    append_failed_behind_its_like: (*_CALLED, *("function_call_output",) * 3),
    append_failed_and_resumed_elsewhere: _SETTLED,
    gated_and_passed: (*_CALLED, "function_call_output"),
    gated_and_blocked: (*_CALLED, "function_call_output"),
    gated_and_rejected: (*_CALLED, "function_call_output"),
    gated_too_late: _CALLED,
}
