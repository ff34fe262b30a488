"""Forks: conversations that begin with what another one was, and what may happen to the parent."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from eventlog import ConflictError, Context, EventLog, ItemsAdded
from eventlog.errors import (
    CorruptEventError,
    InvalidInputError,
    InvalidMomentError,
    InvalidNameError,
    NameTakenError,
)
from eventlog.events import ConversationForked
from eventlog.format import chain
from eventlog_projections import Conversation, rebuild
from tests.backends import Backend
from tests.conftest import Clock
from tests.elsewhere import NAME, add_many, anywhere, five_items, open_elsewhere


@pytest.fixture
async def chat(log: EventLog) -> Conversation:
    return await five_items(log)


async def test_a_fork_begins_with_what_the_parent_was(backend: Backend, chat: Conversation) -> None:
    """At every version, and with any number of its first items; here and elsewhere."""
    for version in range(6):
        for kept in (None, *range(version + 1)):
            new = await chat.fork(f"fork {version} {kept}", at=version, kept=kept)
            expected = list(range(version))[:kept]
            assert await new.items() == expected
            assert await anywhere(backend, new) == expected
            assert await anywhere(backend, new, limit=2) == expected[-2:]


async def test_a_fork_of_a_moment_is_of_its_version(backend: Backend, clock: Clock) -> None:
    """A datetime instead of a number."""
    async with backend.open(clock=clock) as log:
        chat = Conversation(log, NAME)
        await chat.add(["before"])
        between = datetime.fromtimestamp(clock.tick() / 1e6, UTC)
        clock.tick()
        await chat.add(["after"])
        assert await (await chat.fork("fork", at=between)).items() == ["before"]


async def test_parent_and_fork_go_their_own_ways(backend: Backend, chat: Conversation) -> None:
    """Whatever is written in one, the other does not see it."""
    new = await chat.fork(NAME, branch="idea")
    await new.add(["new"])
    await chat.add(["old"])
    await chat.clear()
    assert await new.items() == [0, 1, 2, 3, 4, "new"]
    assert await anywhere(backend, new, as_of=1) == [0, 1, 2, 3, 4]
    await new.clear()
    assert await anywhere(backend, chat, as_of=6) == [0, 1, 2, 3, 4, "old"]
    assert await anywhere(backend, new) == []


async def test_a_fork_is_one_event_with_its_parent_in_the_row(
    log: EventLog, chat: Conversation
) -> None:
    """Nothing is copied; who made it is recorded as with any event."""
    await chat.fork("fork", at=3, reason="a try", context=Context(actor="ana"))
    (event,) = [event async for event in log.read("fork")]
    parent = chain.stream_id(log.tenant, NAME)
    assert event.event == ConversationForked(parent, 3, 3, "a try")
    assert event.context.actor == "ana"
    row = await log.stream("fork")
    assert row is not None
    assert row.parent == (parent, 3)


async def test_a_fork_of_an_empty_conversation_is_empty(log: EventLog) -> None:
    """Of one that is not there yet too."""
    new = await Conversation(log, "nobody's").fork("fork")
    assert await new.items() == []
    await new.add(["first"])
    assert await new.items() == ["first"]
    cleared = Conversation(log, "cleared")
    await cleared.clear()
    assert await (await cleared.fork("fork of that")).items() == []
    assert (await log.verify()).ok


@pytest.mark.parametrize("at", [6, 2**62, -1, datetime(2020, 1, 1), "now"])
async def test_a_fork_of_the_future_is_refused(chat: Conversation, at: Any) -> None:
    """And of anything else that is no moment; nothing is stored."""
    with pytest.raises(InvalidMomentError):
        await chat.fork("fork", at=at)
    assert await chat.log.version("fork") == 0


@pytest.mark.parametrize("kept", [-1, 6])
async def test_a_fork_of_more_items_than_there_are_is_refused(
    chat: Conversation, kept: int
) -> None:
    """Nothing is stored."""
    with pytest.raises(InvalidInputError, match=r"5 items|kept is a number"):
        await chat.fork("fork", kept=kept)
    assert await chat.log.version("fork") == 0


@pytest.mark.parametrize(
    ("name", "branch"), [(NAME, ""), ("other", ""), (NAME, "idea"), (NAME, "deleted")]
)
async def test_a_name_that_was_used_is_taken(
    log: EventLog, chat: Conversation, name: str, branch: str
) -> None:
    """By a conversation or a branch, the parent itself too; a ConflictError and a ValueError."""
    for taken, of in (("other", ""), (NAME, "idea"), (NAME, "deleted")):
        await log.append(taken, ItemsAdded(["here"]), branch=of)
    with pytest.raises(NameTakenError) as raised:
        await chat.fork(name, branch=branch)
    assert isinstance(raised.value, ConflictError)
    assert isinstance(raised.value, ValueError)
    assert (raised.value.stream, raised.value.branch) == (name, branch)


@pytest.mark.parametrize("branch", ["main", "a\x00", "\ud800", "x" * 1001])
async def test_a_branch_that_cannot_be_named_so_is_refused(chat: Conversation, branch: str) -> None:
    """As other names; main is what the one without a name is called."""
    with pytest.raises(InvalidNameError):
        await chat.fork(NAME, branch=branch)


async def test_two_forks_race_for_one_name(backend: Backend, chat: Conversation) -> None:
    """From two processes: one wins, the others are told."""
    async with open_elsewhere(backend) as log:
        parents = [chat, Conversation(log, NAME)] * 3
        racing = [parent.fork("prize", at=at % 3) for at, parent in enumerate(parents)]
        answers = await asyncio.gather(*racing, return_exceptions=True)
        won = [answer for answer in answers if isinstance(answer, Conversation)]
        lost = [answer for answer in answers if isinstance(answer, NameTakenError)]
        assert (len(won), len(lost)) == (1, 5)
        assert await chat.log.version("prize") == 1


async def test_forks_of_a_conversation_that_is_written_meanwhile_are_of_a_version_of_it(
    log: EventLog, chat: Conversation
) -> None:
    """Each has all items up to some version, and goes on having these."""
    writing = [chat.add([number]) for number in range(5, 25)]
    forking = [chat.fork(f"fork {number}") for number in range(10)]
    made = await asyncio.gather(*forking, *writing)
    now = await chat.items()
    for new in made[:10]:
        assert isinstance(new, Conversation)
        items = await new.items()
        assert len(items) >= 5
        assert items == now[: len(items)]


async def test_a_fork_is_refused_where_it_is_not_the_first_event(
    log: EventLog, chat: Conversation
) -> None:
    """Or its parent is not there, or is itself."""
    parent = chain.stream_id(log.tenant, NAME)
    for events, expected in (
        (ConversationForked(parent, 1, 1), None),
        (ConversationForked(parent, 1, 1), 5),
        ([ItemsAdded([1]), ConversationForked(parent, 1, 1)], 0),
        ([ConversationForked(parent, 1, 1)] * 2, 0),
        (ConversationForked(parent, 6, 1), 0),
        (ConversationForked(bytes(16), 1, 1), 0),
        (ConversationForked(chain.stream_id(log.tenant, "new"), 0, 0), 0),
    ):
        with pytest.raises(InvalidMomentError):
            await log.append("new", events, expected_version=expected)
    assert await log.version("new") == 0


async def test_a_fork_never_shows_another_tenants_items(backend: Backend) -> None:
    """Not even to somebody who knows its name, or who writes the event into the table."""
    async with backend.open(tenant="theirs") as theirs, backend.open(tenant="mine") as mine:
        await theirs.append(NAME, ItemsAdded(["secret"]))
        parent = chain.stream_id("theirs", NAME)
        with pytest.raises(InvalidMomentError):
            await mine.append("fork", ConversationForked(parent, 1, 1), expected_version=0)
        await mine.append("fork", ConversationForked(parent, 0, 0), expected_version=0)
        header = ConversationForked(parent, 1, 1).header()
        text = f'{{"kept":1,"parent":"{header.parent}","at_version":1}}'
        await backend.tamper("UPDATE {}events SET header = ? WHERE kind = 'forked'", text.encode())
        assert await mine.stream(parent) is None
        with pytest.raises(CorruptEventError, match="not there"):
            await Conversation(mine, "fork").items()


async def test_a_pop_reaches_into_what_was_inherited(backend: Backend, chat: Conversation) -> None:
    """Item by item, to the last; the parent keeps them all."""
    new = await chat.fork("fork")
    await new.add(["own"])
    assert [await new.pop() for _ in range(7)] == ["own", 4, 3, 2, 1, 0, None]
    assert await chat.items() == [0, 1, 2, 3, 4]
    assert await anywhere(backend, new, as_of=5) == [0, 1, 2]


async def test_a_fork_goes_back_to_before_its_own_first_item(
    backend: Backend, chat: Conversation
) -> None:
    """To what it began with, and to the nothing before that."""
    new = await chat.fork("fork")
    await new.add(["own"])
    await new.restore(1)
    assert await anywhere(backend, new) == [0, 1, 2, 3, 4]
    await new.restore(0)
    assert await anywhere(backend, new) == []
    await new.restore(2)
    assert await anywhere(backend, new) == [0, 1, 2, 3, 4, "own"]
    await new.clear()
    await new.add(["anew"])
    assert await anywhere(backend, new) == ["anew"]


async def test_conversations_are_listed_without_their_branches(
    log: EventLog, chat: Conversation
) -> None:
    """Unless they are asked for; each log sees its tenant's."""
    await chat.fork(NAME, branch="b")
    await chat.fork(NAME, branch="a")
    await chat.fork("another")
    assert [row.name async for row in log.streams()] == ["another", NAME]
    every = [(row.name, row.branch) async for row in log.streams(branches=True)]
    assert every == [("another", ""), (NAME, ""), (NAME, "a"), (NAME, "b")]
    assert [row.branch async for row in log.branches(NAME)] == ["a", "b"]
    assert [branch.branch for branch in await Conversation(log, NAME).branches()] == ["b", "a"]


async def test_the_feed_says_which_branch_an_event_is_of(log: EventLog, chat: Conversation) -> None:
    """And so does a read."""
    branch = await chat.fork(NAME, branch="idea")
    await branch.add(["own"])
    places = [(event.stream, event.branch) async for event in log.feed()]
    assert places == [(NAME, "")] * 5 + [(NAME, "idea")] * 2
    assert [event.branch async for event in log.read(NAME, branch="idea")] == ["idea"] * 2


async def test_a_rebuild_and_a_check_of_a_conversation_are_of_its_branches_too(
    backend: Backend, log: EventLog, chat: Conversation
) -> None:
    """And not of other conversations."""
    await chat.fork(NAME, branch="idea")
    await chat.fork("other")
    assert await rebuild(log, NAME) == 2
    assert (await log.verify(NAME)).events == 6
    itself = chain.stream_id(log.tenant, NAME, "idea")
    await backend.tamper("UPDATE {}events SET header = ? WHERE stream_id = ?", b"{}", itself)
    (fault,) = (await log.verify(NAME)).faults
    assert (fault.stream, fault.branch, fault.version) == (NAME, "idea", 1)
    assert "branch 'idea'" in str(fault)
    assert (await log.verify("other")).ok


async def test_processes_share_what_a_fork_is_and_not_what_its_parent_is(
    backend: Backend, redis_url: str
) -> None:
    """In Redis: its own items; what it inherited is read from where it lies."""
    items = list(range(300))
    async with backend.open(redis=redis_url) as log:
        await add_many(log, items)
        new = await Conversation(log, NAME).fork("fork", kept=200)
        await new.add(["own"])
        await new.items()
        await log.spi.background.finish()
    async with open_elsewhere(backend, redis=redis_url) as log:
        elsewhere = Conversation(log, "fork")
        assert await elsewhere.items(limit=3) == [198, 199, "own"]
        assert log.counters.shared_hits == 1
        assert await elsewhere.items() == [*items[:200], "own"]
