"""What the SDK's Runner does with our session is what it does with the SDK's own."""

import functools
import inspect
import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest
from agents import Runner, Session, SQLiteSession

from adapters.openai_agents import EventLogSession
from tests.adapters import scenarios
from tests.adapters.scenarios import SCENARIOS, Run, Scenario, kinds, streamed

RUNS: Final[list[Run]] = [Runner.run, streamed]

A_CALL: Final = "add[function_call function_call_output]"

CALLS: Final[dict[Scenario, list[str]]] = {
    scenarios.text: ["get()", "add[user]", "add[message]"],
    scenarios.one_tool: ["get()", "add[user]", A_CALL, "add[message]"],
    scenarios.two_tools_in_one_turn: [
        "get()",
        "add[user]",
        "add[function_call function_call function_call_output function_call_output]",
        "add[message]",
    ],
    scenarios.handoff: ["get()", "add[user]", A_CALL, "add[message]"],
    scenarios.input_guardrail_in_parallel: ["get()", "add[user]"],
    scenarios.input_guardrail_before_the_model: ["get()", "add[user]"],
    scenarios.output_guardrail: ["get()", "add[user]", A_CALL],
    scenarios.model_raises: ["get()", "add[user]", A_CALL],
    scenarios.max_turns: ["get()", "add[user]", A_CALL, A_CALL],
}
"""What the Runner asks of a session, as the notes on the SDK tabulate it."""


def named(scenario: Scenario) -> str:
    return str(getattr(scenario, "__name__", scenario))


def recorded(session: Session) -> list[str]:
    """Write down each call of the session's methods from now on."""
    calls: list[str] = []

    def record(name: str, method: Callable[..., Awaitable[Any]]) -> None:
        @functools.wraps(method)
        async def called(*args: Any, **options: Any) -> Any:
            bound = inspect.signature(method).bind(*args, **options).arguments
            if name == "add_items":
                calls.append(f"add[{' '.join(kinds(bound['items']))}]")
            else:
                calls.append(f"{name.partition('_')[0]}({bound.get('limit', '')})")
            return await method(*args, **options)

        setattr(session, name, called)

    for name in ("get_items", "add_items", "pop_item", "clear_session"):
        record(name, getattr(session, name))
    return calls


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=named)
async def test_a_run_leaves_the_same_items_as_in_the_sdks_session(
    session: EventLogSession, theirs: SQLiteSession, scenario: Scenario, run: Run
) -> None:
    """The same list of the same dicts, key order included, whether the run is streamed or not."""
    seen = await scenario(theirs, run)
    assert await scenario(session, run) == seen
    left, ours = await theirs.get_items(), await session.get_items()
    assert kinds(left) == SCENARIOS[scenario]
    assert ours == left
    assert json.dumps(ours) == json.dumps(left)


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("scenario", CALLS, ids=named)
async def test_a_run_makes_the_same_calls_of_both_sessions(
    theirs: SQLiteSession, scenario: Scenario, run: Run
) -> None:
    """In the same order with the same limits: the Runner treats our session as any other."""
    ours = EventLogSession("user-123")
    calls = recorded(ours), recorded(theirs)
    await scenario(ours, run)
    await scenario(theirs, run)
    assert calls[0] == calls[1]
    if scenario is scenarios.handoff and run is streamed:
        calls[0].remove("get(3)")
    assert calls[0] == CALLS[scenario]


async def test_a_resumed_run_makes_the_same_calls_of_both_sessions(theirs: SQLiteSession) -> None:
    """A resume reads back what it is about to add to, and adds what is new."""
    ours = EventLogSession("user-123")
    calls = recorded(ours), recorded(theirs)
    for session in (ours, theirs):
        await scenarios.approved(session, Runner.run)
    assert calls[0] == calls[1]
    assert calls[0][:3] == [
        "get()",
        "add[user]",
        "add[function_call function_call function_call_output]",
    ]


async def test_a_limit_of_the_run_reaches_both_sessions_alike(theirs: SQLiteSession) -> None:
    """The Runner passes it by name, zero included."""
    ours = EventLogSession("user-123")
    calls = recorded(ours), recorded(theirs)
    for session in (ours, theirs):
        await scenarios.limit_of_the_run(session, Runner.run)
        await scenarios.limit_zero(session, Runner.run)
    assert calls[0] == calls[1]
    assert "get(2)" in calls[0]
    assert "get(0)" in calls[0]


async def test_what_a_run_left_in_one_session_continues_in_the_other(
    session: EventLogSession, theirs: SQLiteSession
) -> None:
    """A conversation that moves from the SDK's session to ours goes on as it was."""
    await scenarios.several_turns(theirs, Runner.run)
    await session.add_items(await theirs.get_items())
    seen = await scenarios.one_tool(theirs, Runner.run)
    assert await scenarios.one_tool(session, Runner.run) == seen
    assert await session.get_items() == await theirs.get_items()
