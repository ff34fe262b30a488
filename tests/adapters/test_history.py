"""History as the session has it: undo after real runs, forks that run on, labels, the past."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from agents import Agent, Runner, function_tool
from agents.testing import ScriptedModel, assistant_message, function_call

from eventlog import EventLog
from eventlog.errors import ClosedError, NameTakenError, NoSuchTurnError, NothingToRedoError
from eventlog_openai_agents import EventLogSession
from eventlog_projections import Conversation, Labels


@function_tool
def look(what: str) -> str:
    """Look at something."""
    return f"saw {what}"


def agent(*turns: Any) -> Agent[Any]:
    return Agent(name="Helper", model=ScriptedModel(list(turns)), tools=[look])


async def run(session: EventLogSession, question: str) -> Any:
    looking = function_call("look", '{"what": "it"}', call_id=question)
    model = agent([looking], [assistant_message("There.")])
    return (await Runner.run(model, question, session=session)).final_output


async def test_a_run_is_undone_redone_and_run_again(session: EventLogSession) -> None:
    """The question, the call, its output and the answer go together; the next run goes on."""
    await run(session, "first")
    before = await session.get_items()
    await run(session, "second")
    after = await session.get_items()
    assert len(after) == 2 * len(before) == 8
    await session.undo(actor="ana", reason="try again")
    assert await session.get_items() == before
    await session.redo()
    assert await session.get_items() == after
    await session.undo(2)
    assert await session.get_items() == []
    assert await run(session, "third") == "There."
    assert (await session.get_items())[0] == {"content": "third", "role": "user"}
    with pytest.raises(NothingToRedoError):
        await session.redo()
    with pytest.raises(NoSuchTurnError):
        await session.undo(2)
    told = [event async for event in session.history() if event.kind == "rewound"]
    assert [(event.actor, event.reason) for event in told[:2]] == [
        ("ana", "try again"),
        ("unknown", None),
    ]


async def test_a_fork_runs_on_its_own(session: EventLogSession) -> None:
    """From now or from a version; parent and fork do not see what the other does."""
    await run(session, "first")
    before = await session.get_items()
    version = await session.log.version(session.session_id)
    await run(session, "second")
    other = await session.fork(at=version, session_id="another try")
    assert await other.get_items() == before
    assert await run(other, "elsewhere") == "There."
    assert len(await session.get_items()) == 2 * len(before)
    assert (other.session_id, other.log, other.actor) == (
        "another try",
        session.log,
        session.actor,
    )
    with pytest.raises(NameTakenError):
        await session.fork(session_id="another try")


async def test_a_fork_has_a_name_of_its_own_where_none_is_given(session: EventLogSession) -> None:
    """Made up, different each time, and it says where it comes from."""
    await session.add_items([{"role": "user", "content": "hi"}])
    forks = [await session.fork() for _ in range(3)]
    assert len({fork.session_id for fork in forks}) == 3
    assert all(fork.session_id.startswith(f"{session.session_id}-") for fork in forks)


async def test_a_fork_of_a_branch_is_of_that_branch(session: EventLogSession) -> None:
    """And begins on its own main."""
    await session.add_items([{"role": "user", "content": "main"}])
    await session.create_branch_from_turn(1, "idea")
    await session.add_items([{"role": "user", "content": "idea"}])
    other = await session.fork()
    assert await other.get_items() == [{"role": "user", "content": "idea"}]
    assert [branch["branch_id"] for branch in await other.list_branches()] == ["main"]


async def test_versions_and_times_are_restored_and_compared(session: EventLogSession) -> None:
    """As with get_items(as_of=)."""
    await session.add_items([{"role": "user", "content": "a"}])
    moment = datetime.now(UTC)
    await session.add_items([{"role": "user", "content": "b"}])
    found = await session.diff(moment)
    assert (found.common, found.removed) == (1, [])
    assert found.added == [{"role": "user", "content": "b"}]
    await session.restore(1, reason="why")
    assert await session.get_items() == [{"role": "user", "content": "a"}]
    assert (await session.diff(2, 3)).removed == found.added


async def test_a_change_is_told_and_taken_back(session: EventLogSession) -> None:
    """Undo, redo, restore, clear and label say what went and came, and lead back."""
    turn: list[Any] = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "1"}]
    await session.add_items(turn)
    undone = await session.undo()
    assert (await undone.diff()).removed == turn
    assert (await (await session.redo()).diff()).added == turn
    restored = await session.restore(undone.version)
    await restored.take_back()
    branch = await session.create_branch_from_turn(1)
    await session.add_items(turn[:1])
    cleared = await session.clear()
    assert [(await each.diff()).removed for each in cleared] == [turn, turn[:1]]
    for each in cleared:
        await each.take_back()
    assert await session.get_items() == turn
    assert await session.get_items(branch_id=branch) == turn[:1]
    labelled = await session.label(title="A title")
    assert (await labelled.diff()).after.title == "A title"
    await labelled.take_back()
    assert (await session.labels()).title is None


async def test_labels_are_of_the_whole_conversation(session: EventLogSession) -> None:
    """On whichever branch they are given."""
    await session.add_items([{"role": "user", "content": "a"}])
    await session.create_branch_from_turn(1, "idea")
    await session.label(title="A chat", tags=["new"], actor="ana")
    await session.switch_to_branch("main")
    assert await session.labels() == Labels("A chat", None, ("new",))
    assert await session.get_items() == [{"role": "user", "content": "a"}]


async def test_what_belongs_to_one_branch_is_never_seen_in_another(
    session: EventLogSession, log: EventLog
) -> None:
    """Undo, pop, compaction and what a run has seen are of the current branch."""
    for number in range(3):
        await session.add_items([{"role": "user", "content": str(number)}])
    await session.create_branch_from_turn(2, "idea")
    await session.add_items([{"role": "user", "content": "idea"}])
    await session.undo()
    await session.redo()
    assert await session.pop_item() == {"role": "user", "content": "idea"}
    await session.switch_to_branch("main")
    with pytest.raises(NothingToRedoError):
        await session.redo()
    await session.undo()
    assert await session.get_items() == [{"role": "user", "content": text} for text in "01"]
    branch = Conversation(log, session.session_id, "idea")
    assert await branch.items() == [{"role": "user", "content": "0"}]
    assert len(await session.get_items(branch_id="idea", as_of=2)) == 2


async def test_a_closed_session_refuses_all_of_it(session: EventLogSession) -> None:
    """As it does everything else."""
    await session.close()
    calls: list[Any] = [
        session.undo,
        session.redo,
        session.fork,
        session.diff,
        session.labels,
        session.list_branches,
        session.get_tool_usage,
        session.get_conversation_turns,
        session.get_conversation_by_turns,
        lambda: session.restore(0),
        lambda: session.label(title="x"),
        lambda: session.switch_to_branch("main"),
        lambda: session.create_branch_from_turn(1),
        lambda: session.delete_branch("x"),
        lambda: session.find_turns_by_content("x"),
    ]
    for call in calls:
        with pytest.raises(ClosedError):
            await call()
    with pytest.raises(ClosedError):
        session.history()


async def test_an_undo_whose_caller_is_cancelled_happens_or_does_not(
    session: EventLogSession,
) -> None:
    """It settles before the caller hears of it."""
    await session.add_items([{"role": "user", "content": "a"}])
    undoing = asyncio.ensure_future(session.undo())
    await asyncio.sleep(0)
    undoing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await undoing
    assert await session.get_items() == []
