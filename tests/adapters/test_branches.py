"""Branches and turns of a session: what AdvancedSQLiteSession does, beside the real one."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from agents import RunContextWrapper
from agents.extensions.memory import AdvancedSQLiteSession

from eventlog import EventLog
from eventlog.errors import (
    InvalidNameError,
    InvalidOptionError,
    NameTakenError,
    NoSuchBranchError,
    NoSuchTurnError,
)
from eventlog_openai_agents import EventLogSession
from tests.backends import Backend
from tests.elsewhere import open_elsewhere

ID = "chat"
LONG = "long " * 40
PARTS: list[Any] = [{"type": "input_text", "text": "Look Here"}, {"type": "input_image"}]


def user(content: Any) -> Any:
    return {"role": "user", "content": content}


def call(name: str, call_id: str, **more: Any) -> Any:
    arguments = {"arguments": "{}"}
    return {"type": "function_call", "name": name, "call_id": call_id, **arguments, **more}


def output(call_id: str) -> Any:
    return {"type": "function_call_output", "call_id": call_id, "output": "done"}


def answer(text: str) -> Any:
    return {"role": "assistant", "content": text}


TALK: list[list[Any]] = [
    [{"role": "system", "content": "Be kind."}],
    [user("First question about 100% of it")],
    [call("search", "1"), call("search", "2"), output("1"), output("2")],
    [answer("One.")],
    [user(PARTS), user(LONG)],
    [{"type": "reasoning", "id": "r", "summary": []}, call("read", "3", namespace="files")],
    [output("3"), answer("Two.")],
    [user("first Again \\ _ %"), answer("Three.")],
    [{"type": "mcp_call", "id": "m", "name": "ask", "server_label": "wiki"}],
    [{"type": "mcp_approval_request", "id": "n", "server_label": "wiki"}],
    [{"type": "shell_call", "call_id": "4"}, {"type": "web_search_call", "id": "5"}],
    [{"type": "tool_search_call", "id": "6"}, {"type": "tool_search_output", "call_id": "6"}],
    [user("Search"), {"type": "tool_search_output", "call_id": "7"}],
    [{"role": "developer", "content": "note"}, call("same", "8", namespace="same")],
]


@pytest.fixture
async def log(backend: Backend) -> AsyncIterator[EventLog]:
    """A log that others can open too."""
    async with backend.open() as opened:
        yield opened


@pytest.fixture
async def session(log: EventLog) -> EventLogSession:
    return EventLogSession(ID, log=log)


@pytest.fixture
async def theirs() -> AsyncIterator[AdvancedSQLiteSession]:
    found = AdvancedSQLiteSession(session_id=ID, create_tables=True)
    yield found
    found.close()


async def talk(session: Any) -> None:
    for batch in TALK:
        await session.add_items(batch)


def timeless(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out when: it is looked at by tests of its own."""
    return [{**one, "timestamp": None, "created_at": None} for one in told]


def names(branches: list[dict[str, Any]]) -> list[str]:
    return [branch["branch_id"] for branch in branches]


async def everything(session: Any, branch_id: str | None = None) -> dict[str, Any]:
    """Ask everything that there is to ask of a branch."""
    return {
        "items": await session.get_items(branch_id=branch_id),
        "last": await session.get_items(3, branch_id),
        "turns": timeless(await session.get_conversation_turns(branch_id)),
        "by turn": await session.get_conversation_by_turns(branch_id),
        "tools": sorted(await session.get_tool_usage(branch_id), key=repr),
        **{
            term: timeless(await session.find_turns_by_content(term, branch_id))
            for term in ("first", "100%", "look here", "image", "\\", "_", "", "nothing", "role")
        },
    }


async def test_turns_and_tools_are_told_as_the_sdk_tells_them(
    session: EventLogSession, theirs: AdvancedSQLiteSession
) -> None:
    """The same answers, in the same shapes."""
    assert await everything(session) == await everything(theirs)
    await talk(session)
    await talk(theirs)
    ours = await everything(session)
    assert ours == await everything(theirs)
    assert len(ours["turns"]) == 5
    assert ours["tools"]


async def test_branches_are_what_they_are_in_the_sdk(
    session: EventLogSession, theirs: AdvancedSQLiteSession
) -> None:
    """Created from turns and contents, written, popped, switched, deleted: step by step alike."""
    for each in (session, theirs):
        await talk(each)
    steps: list[tuple[str, tuple[Any, ...]]] = [
        ("create_branch_from_turn", (2, "two")),
        ("add_items", ([user("On two"), answer("Yes.")],)),
        ("create_branch_from_content", ("ON TWO", "three")),
        ("add_items", ([user("On three")],)),
        ("pop_item", ()),
        ("pop_item", ()),
        ("pop_item", ()),
        ("switch_to_branch", ("main",)),
        ("add_items", ([user("On main")],)),
        ("switch_to_branch", ("two",)),
        ("pop_item", ()),
        ("delete_branch", ("three",)),
        ("create_branch_from_turn", (1, "four")),
        ("add_items", ([answer("no turn")],)),
        ("delete_branch", ("four", True)),
    ]
    for name, args in steps:
        answers = [await getattr(each, name)(*args) for each in (session, theirs)]
        assert answers[0] == answers[1], (name, args)
        assert await everything(session) == await everything(theirs), (name, args)
        for branch in ("main", "two", "three", "nobody's"):
            ours = await everything(session, branch)
            assert ours == await everything(theirs, branch), (name, args, branch)
        told = [timeless(await each.list_branches()) for each in (session, theirs)]
        # Theirs are by age to the second, and by name within one.
        assert told[0] == sorted(told[1], key=lambda one: names(told[0]).index(one["branch_id"]))


REFUSED: list[tuple[str, tuple[Any, ...], type[Exception]]] = [
    ("create_branch_from_turn", (9,), NoSuchTurnError),
    ("create_branch_from_turn", (0,), NoSuchTurnError),
    ("create_branch_from_turn", (-1,), NoSuchTurnError),
    ("create_branch_from_turn", (1, " "), InvalidNameError),
    ("create_branch_from_turn", (1, "used"), NameTakenError),
    ("create_branch_from_turn", (1, "deleted"), NameTakenError),
    ("create_branch_from_turn", (1, "main"), InvalidNameError),
    ("create_branch_from_content", ("nothing of the kind",), NoSuchTurnError),
    ("create_branch_from_content", ("first", "used"), NameTakenError),
    ("switch_to_branch", ("nobody's",), NoSuchBranchError),
    ("switch_to_branch", ("deleted",), NoSuchBranchError),
    ("delete_branch", ("nobody's",), NoSuchBranchError),
    ("delete_branch", ("deleted", True), NoSuchBranchError),
    ("delete_branch", (" ",), InvalidNameError),
    ("delete_branch", ("main", True), InvalidOptionError),
    ("delete_branch", ("used",), InvalidOptionError),
]


@pytest.mark.parametrize(("name", "args", "error"), REFUSED)
async def test_what_the_sdk_refuses_is_refused_with_a_type_of_its_own(
    session: EventLogSession,
    theirs: AdvancedSQLiteSession,
    name: str,
    args: tuple[Any, ...],
    error: type[Exception],
) -> None:
    """All are ValueErrors, as the SDK's are; nothing was stored."""
    for each in (session, theirs):
        await talk(each)
        await each.create_branch_from_turn(2, "deleted")
        await each.add_items([user("gone")])
        await each.delete_branch("deleted", force=True)
        await each.create_branch_from_turn(2, "used")
        await each.add_items([user("here")])
        with pytest.raises(ValueError) as raised:  # noqa: PT011 - theirs has no type of its own
            await getattr(each, name)(*args)
        if each is session:
            assert isinstance(raised.value, error)
    assert await everything(session) == await everything(theirs)
    assert len(await session.log.branches(ID).all()) == 2


async def test_a_fresh_branch_is_there_for_everybody(
    session: EventLogSession, backend: Backend
) -> None:
    """With nothing in it yet: it is listed, and can be switched to, here and elsewhere."""
    await talk(session)
    branch = await session.create_branch_from_turn(1)
    assert branch.startswith("branch_from_turn_1_")
    await session.switch_to_branch("main")
    await session.switch_to_branch(branch)
    async with open_elsewhere(backend) as log:
        other = EventLogSession(ID, log=log)
        assert names(await other.list_branches()) == ["main", branch]
        assert await other.get_items() == [item for batch in TALK for item in batch]
        await other.switch_to_branch(branch)
        assert await other.get_items() == TALK[0]


async def test_names_that_are_made_up_are_all_different(session: EventLogSession) -> None:
    """Within one second too."""
    await talk(session)
    made = []
    for _ in range(5):
        made.append(await session.create_branch_from_turn(1))
        await session.switch_to_branch("main")
    assert len(set(made)) == 5
    assert names(await session.list_branches()) == ["main", *sorted(made, key=made.index)]


async def test_the_current_branch_belongs_to_the_session_object(
    session: EventLogSession, log: EventLog
) -> None:
    """Another object of the same conversation is on main."""
    await talk(session)
    await session.create_branch_from_turn(2, "two")
    other = EventLogSession(ID, log=log)
    await other.add_items([user("main")])
    await session.add_items([user("two")])
    assert (await other.get_items())[-1] == user("main")
    assert (await session.get_items())[-1] == user("two")
    assert [branch["is_current"] for branch in await other.list_branches()] == [True, False]
    assert [branch["is_current"] for branch in await session.list_branches()] == [False, True]


async def test_a_clear_empties_every_branch_and_loses_nothing(
    session: EventLogSession, log: EventLog
) -> None:
    """The SDK's clear forgets the branches; here they stay, empty, with all that was in them."""
    await talk(session)
    await session.create_branch_from_turn(2, "two")
    before = await session.get_items()
    await session.clear_session(actor="ana", reason="asked for")
    assert await session.get_items() == []
    assert await session.get_items(branch_id="two") == []
    told = await session.list_branches()
    assert [(each["branch_id"], each["message_count"], each["is_current"]) for each in told] == [
        ("main", 0, True),
        ("two", 0, False),
    ]
    await session.switch_to_branch("two")
    assert await session.get_items(as_of=1) == before
    (event,) = [event async for event in log.read(ID, branch="two", kind="cleared")]
    assert (event.context.actor, event.event) == ("ana", event.event)
    with pytest.raises(NameTakenError):
        await session.create_branch_from_turn(1, "two") if await add_a_turn(session) else None


async def add_a_turn(session: EventLogSession) -> bool:
    await session.add_items([user("again")])
    return True


async def test_a_deleted_branch_is_still_in_the_log(
    session: EventLogSession, log: EventLog
) -> None:
    """Who deleted it and why, and what was in it; what forked from it still has that."""
    await talk(session)
    await session.create_branch_from_turn(2, "two")
    await session.add_items([user("kept")])
    fork = await session.fork(session_id="fork")
    await session.delete_branch("two", force=True, actor="ana", reason="a mistake")
    assert names(await session.list_branches()) == ["main"]
    events = [event async for event in log.read(ID, branch="two")]
    assert [event.kind for event in events] == ["forked", "added", "deleted"]
    assert (events[-1].context.actor, events[-1].event.reason) == ("ana", "a mistake")  # type: ignore[union-attr]
    assert await fork.get_items() == [
        *(item for batch in TALK[:1] for item in batch),
        *TALK[1],
        *TALK[2],
        *TALK[3],
        user("kept"),
    ]
    assert (await log.verify()).ok


async def test_a_turn_has_the_time_of_its_message(backend: Backend, clock: Any) -> None:
    """Not of the branch: what a branch inherited is as old as it is, however deep."""
    async with backend.open(clock=clock) as log:
        session = EventLogSession(ID, log=log)
        expected = []
        for number in range(4):
            at = datetime.fromtimestamp(clock.tick() / 1e6, UTC)
            expected.append(f"{at:%Y-%m-%d %H:%M:%S}")
            await session.add_items([answer("between"), user(str(number))])
            if number < 3:
                fork = await session.fork()
                session = fork
        told = await session.get_conversation_turns()
        assert [turn["timestamp"] for turn in told] == expected
        clock.tick(5_000_000)
        await session.create_branch_from_turn(4, "late")
        (_, late) = await session.list_branches()
        at = datetime.fromtimestamp(clock.now / 1e6, UTC)
        assert late["created_at"] == f"{at:%Y-%m-%d %H:%M:%S}"
        told = await session.get_conversation_turns()
        assert [turn["timestamp"] for turn in told] == expected[:3]


async def test_two_sessions_race_for_one_branch_name(backend: Backend, log: EventLog) -> None:
    """One gets it; the other is told that the name is taken, and stays where it was."""
    one = EventLogSession(ID, log=log)
    await talk(one)
    async with open_elsewhere(backend) as elsewhere:
        two = EventLogSession(ID, log=elsewhere)
        racing = [each.create_branch_from_turn(2, "prize") for each in (one, two)]
        answers = await asyncio.gather(*racing, return_exceptions=True)
        assert sorted(map(repr, map(type, answers))) == sorted(map(repr, (str, NameTakenError)))
        assert names(await one.list_branches()) == ["main", "prize"]
        assert len({len(await each.get_items()) for each in (one, two)}) == 2


async def test_what_a_run_has_seen_of_one_branch_is_not_said_of_another(
    session: EventLogSession, log: EventLog
) -> None:
    """Versions of two branches are different things; a clear writes to all of them."""
    wrapper: RunContextWrapper[Any] = RunContextWrapper(None)
    await talk(session)
    await session.create_branch_from_turn(2, "two")
    await session.get_items(wrapper=wrapper)
    await session.clear_session(wrapper=wrapper)
    (main,) = [event async for event in log.read(ID, kind="cleared")]
    (two,) = [event async for event in log.read(ID, kind="cleared", branch="two")]
    assert (main.context.seen_version, two.context.seen_version) == (None, 1)
    assert main.context.run_id == two.context.run_id is not None
    await session.add_items([user("on main")], wrapper=wrapper)
    (*_, added) = [event async for event in log.read(ID)]
    assert added.context.seen_version is None
