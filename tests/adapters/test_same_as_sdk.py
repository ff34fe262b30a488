"""What the SDK's Runner does with our session is what it does with the SDK's own."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
from agents import Runner, Session, SQLiteSession

from eventlog_openai_agents import EventLogSession
from eventlog_openai_agents.compaction import WithCompaction
from eventlog_session_conformance.agent import Run, kinds
from tests.adapters import scenarios, scenarios_input, scenarios_paused, scenarios_stacked
from tests.adapters.recording import recorded
from tests.adapters.scenarios import Scenario, streamed
from tests.adapters.scenarios_stacked import REPLACED_AT_ONCE
from tests.backends import Backend

RUNS: Final[dict[str, Run]] = {"run": Runner.run, "streamed": streamed}

SCENARIOS: Final = {
    **scenarios.SCENARIOS,
    **scenarios_input.SCENARIOS,
    **scenarios_paused.SCENARIOS,
    **scenarios_stacked.SCENARIOS,
}

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
    scenarios.no_turn_at_all: [],
    scenarios_paused.approved: [
        "get()",
        "add[user]",
        "add[function_call function_call function_call_output]",
        "get(2)",
        "add[function_call_output]",
        "add[message]",
    ],
    scenarios_paused.append_failed: [
        "get()",
        "add[user]",
        "add[function_call function_call function_call_output]",
        "get(2)",
        "get(3)",
        "add[function_call_output]",
        "add[message]",
    ],
    scenarios_paused.append_unanswered: [
        "get()",
        "add[user]",
        "add[function_call function_call function_call_output]",
        "get(2)",
        "add[function_call_output]",
        "get(3)",
        "add[message]",
    ],
}
"""What the Runner asks of a session, as the notes on the SDK tabulate it."""


def named(scenario: Scenario) -> str:
    return str(getattr(scenario, "__name__", scenario))


@pytest.fixture(params=[False, True], ids=["", "redis"])
async def ours(
    request: pytest.FixtureRequest, database: Backend, tenant: str, redis_url: str
) -> AsyncIterator[EventLogSession]:
    """A session of ours on every backend, with and without Redis."""
    options: dict[str, Any] = {"redis": redis_url} if request.param else {}
    async with database.open(tenant=tenant, **options) as log:
        yield EventLogSession("user-123", log=log)


async def compare(
    ours: Session, theirs: Session, scenario: Scenario, run: Run, *, calls: bool = True
) -> tuple[str, ...]:
    """Run a scenario on both, find no difference, and return the kinds of items that it left.

    Key order and exceptions included; of what is encrypted, the order and the envelopes.
    """
    asked = recorded(ours), recorded(theirs)
    seen = await scenario(theirs, run)
    assert await scenario(ours, run) == seen
    if calls:
        assert asked[0] == asked[1]
    left, found = await theirs.get_items(), await ours.get_items()
    assert [*map(sorted, found)] == [*map(sorted, left)]
    if "__enc__" not in json.dumps(left):
        assert json.dumps(found) == json.dumps(left)
    return tuple(kinds(left))


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=named)
async def test_a_run_is_the_same_on_both_sessions(
    ours: EventLogSession, theirs: SQLiteSession, scenario: Scenario, run: Run
) -> None:
    """What a run shows and raises, what it asks of the session, is answered, and leaves in it."""
    calls = scenario not in REPLACED_AT_ONCE
    assert await compare(ours, theirs, scenario, run, calls=calls) == SCENARIOS[scenario]


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
@pytest.mark.parametrize("scenario", CALLS, ids=named)
async def test_a_run_asks_of_a_session_what_the_notes_say(scenario: Scenario, run: Run) -> None:
    """In this order, with these limits: a release that asks for something else is noticed here."""
    session = EventLogSession("user-123")
    calls = recorded(session)
    await scenario(session, run)
    asked = [str(call) for call in calls]
    if scenario is scenarios.handoff and run is streamed:
        asked.remove("get(3)")
    assert asked == CALLS[scenario]


@pytest.mark.parametrize("scenario", scenarios_stacked.SCENARIOS, ids=named)
async def test_without_private_hooks_both_sessions_are_asked_the_same(
    session: EventLogSession,
    theirs: SQLiteSession,
    scenario: Scenario,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A release that looks for no hooks clears and adds, on both alike."""
    for kind in (WithCompaction, SQLiteSession):
        monkeypatch.delattr(kind, "_get_compaction_snapshot")
    monkeypatch.delattr(WithCompaction, "_atomic_replace_items")
    await compare(session, theirs, scenario, Runner.run)


@pytest.mark.parametrize(
    "scenario",
    [scenarios.one_tool, scenarios.handoff, scenarios.model_raises, scenarios_paused.approved],
    ids=named,
)
async def test_run_sync_is_the_same_on_both_sessions(
    ours: EventLogSession, theirs: SQLiteSession, scenario: Scenario
) -> None:
    """In the default loop of another thread, while this one's goes on."""
    assert await compare(ours, theirs, scenario, synchronously) == SCENARIOS[scenario]


async def synchronously(*args: Any, **options: Any) -> Any:
    """Do what `Runner.run` does, by `Runner.run_sync` in a thread."""

    def run() -> Any:
        with asyncio.Runner() as runner:
            asyncio.set_event_loop(runner.get_loop())
            return Runner.run_sync(*args, **options)

    return await asyncio.to_thread(run)


async def test_what_a_run_left_in_one_session_continues_in_the_other(
    session: EventLogSession, theirs: SQLiteSession
) -> None:
    """A conversation that moves from the SDK's session to ours goes on as it was."""
    await scenarios.several_turns(theirs, Runner.run)
    await session.add_items(await theirs.get_items())
    seen = await scenarios.one_tool(theirs, Runner.run)
    assert await scenarios.one_tool(session, Runner.run) == seen
    assert await session.get_items() == await theirs.get_items()
