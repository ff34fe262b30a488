"""What turns used: what AdvancedSQLiteSession tells when it is told, ours tells by itself."""

from typing import Any

import pytest
from agents import Runner
from agents.extensions.memory import AdvancedSQLiteSession

from eventlog import EventLog
from eventlog_openai_agents import EventLogSession
from eventlog_session_conformance.agent import Run, agent, say, weather
from eventlog_session_conformance.agent import ask_weather as ask
from tests.adapters.metering import Meter, Metered, both, recorded, unreachable


async def two_turns(session: Any, run: Run) -> list[Any]:
    """The first turn calls its model twice, the second once."""
    first = Metered([[ask("Bern", "c1")], [say("21 °C", "m1")]])
    second = Metered([[say("Gladly.", "m2")]])
    results = [await run(agent(first, weather), "How is Bern?", session=session)]
    await store(session, results[-1])
    results.append(await run(agent(second), "Thanks.", session=session))
    await store(session, results[-1])
    return results


async def store(session: Any, result: Any) -> None:
    if isinstance(session, AdvancedSQLiteSession):
        await session.store_run_usage(result)


def known(told: Any) -> list[Any]:
    """Leave out the details that a provider has not given."""
    return [
        {
            name: {key: number for key, number in value.items() if number is not None}
            if isinstance(value, dict)
            else value
            for name, value in turn.items()
        }
        for turn in told
    ]


@both
async def test_the_figures_are_those_of_the_sdk(
    session: EventLogSession, calls: Meter, run: Run
) -> None:
    """Call for call, but that nobody has to store anything."""
    theirs = AdvancedSQLiteSession(session_id="chat", create_tables=True)
    for each in (session, theirs):
        await two_turns(each, run)
    assert calls() == 6
    assert known(await session.get_turn_usage()) == known(await theirs.get_turn_usage())
    for turn in (0, 1, 2, 3):
        mine, its = await session.get_turn_usage(turn), await theirs.get_turn_usage(turn)
        assert known([mine]) == known([its])
    for branch in (None, "main", "nowhere"):
        assert await session.get_session_usage(branch) == await theirs.get_session_usage(branch)
    theirs.close()


@both
async def test_storing_what_is_recorded_adds_nothing(
    session: EventLogSession, calls: Meter, run: Run
) -> None:
    """A program that stores usage by hand counts nothing twice."""
    (_, result) = await two_turns(session, run)
    before = await recorded(session)
    await session.store_run_usage(result)
    assert await recorded(session) == before
    assert calls() == sum(used.requests for used in before)


async def test_a_branch_has_its_own(session: EventLogSession, calls: Meter) -> None:
    """What the parent used before is the parent's; all branches together are the conversation."""
    await two_turns(session, Runner.run)
    branch = await session.create_branch_from_turn(2)
    model = Metered([[say("No.", "m3")]])
    await Runner.run(agent(model), "Really?", session=session)
    (told,) = known(await session.get_turn_usage())
    assert (told["user_turn_number"], told["requests"]) == (2, 1)
    usage = await session.get_session_usage()
    assert usage is not None
    assert usage["requests"] == calls() == 4
    assert usage["total_turns"] == 3
    assert await session.get_turn_usage(2, "main") == await session.get_turn_usage(2, branch)


async def test_an_undone_turn_was_paid_for(session: EventLogSession, calls: Meter) -> None:
    """It counts for the turn of its number."""
    await two_turns(session, Runner.run)
    await session.undo()
    again = await session.get_turn_usage(2)
    await Runner.run(agent(Metered([[say("Yes.", "m4")]])), "Thank you.", session=session)
    twice = await session.get_turn_usage(2)
    assert isinstance(again, dict)
    assert isinstance(twice, dict)
    assert (again["requests"], twice["requests"]) == (1, 2)
    usage = await session.get_session_usage()
    assert usage is not None
    assert usage["requests"] == calls()


async def test_nothing_used_is_none(session: EventLogSession) -> None:
    """As in the SDK: no figures are not figures of nothing."""
    await session.add_items([{"role": "user", "content": "Hi"}])
    assert await session.get_session_usage() is None
    assert await session.get_turn_usage() == []
    assert await session.get_turn_usage(1) == {}


async def test_a_log_that_cannot_be_written_is_logged(
    session: EventLogSession,
    calls: Meter,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As in the SDK nothing is raised; the next append records it."""
    result = (await two_turns(session, Runner.run))[-1]
    result.context_wrapper.usage.requests += 1
    result.context_wrapper.usage.total_tokens += 7
    with monkeypatch.context() as broken:
        broken.setattr(EventLog, "append", unreachable)
        await session.store_run_usage(result)
    assert "usage was not recorded" in caplog.text
    await session.store_run_usage(result)
    assert sum(used.requests for used in await recorded(session)) == calls() + 1
