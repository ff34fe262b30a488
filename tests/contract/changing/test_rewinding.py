"""Undo, redo and restore: what they leave, what they refuse, and what they cost."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from eventlog import Context, EventLog, InvalidInputError
from eventlog.errors import InvalidMomentError, NoSuchTurnError, NothingToRedoError
from eventlog.events import ConversationRewound
from eventlog_projections import Conversation
from eventlog_projections.items.holders import EventItems, SegmentItems
from tests.backends import Backend
from tests.conftest import Clock
from tests.elsewhere import add_many, cold, elsewhere, filled

NAME = "chat"


def user(text: str) -> Any:
    return {"role": "user", "content": text}


def answer(text: str) -> Any:
    return {"role": "assistant", "content": text}


CALL: Any = {"type": "function_call", "call_id": "1", "name": "look", "arguments": "{}"}
OUTPUT: Any = {"type": "function_call_output", "call_id": "1", "output": "seen"}
REASONING: Any = {"type": "reasoning", "id": "rs", "summary": []}
FIRST = [user("one"), REASONING, CALL, OUTPUT, answer("One.")]
SECOND = [user("two"), answer("Two.")]


@pytest.fixture
async def chat(log: EventLog) -> Conversation:
    """Two turns as a Runner writes them: five events."""
    chat = Conversation(log, NAME)
    for batch in ([FIRST[0]], FIRST[1:4], FIRST[4:], SECOND[:1], SECOND[1:]):
        await chat.add(batch)
    return chat


async def test_an_undo_takes_back_whole_turns(backend: Backend, chat: Conversation) -> None:
    """A user's message and all that it led to, a turn at a time, and back again."""
    await chat.undo()
    assert await chat.items() == FIRST == await cold(backend)
    await chat.undo()
    assert await chat.items() == [] == await cold(backend)
    await chat.redo()
    assert await chat.items() == FIRST == await cold(backend)
    await chat.redo()
    assert await chat.items() == FIRST + SECOND == await cold(backend)
    with pytest.raises(NothingToRedoError):
        await chat.redo()
    assert await chat.log.version(NAME) == 9


async def test_several_turns_are_undone_and_redone_at_once(chat: Conversation) -> None:
    """One undo is one redo, however many turns it took."""
    await chat.undo(2)
    assert await chat.items() == []
    await chat.redo()
    assert await chat.items() == FIRST + SECOND


async def test_every_version_stays_what_it_was(backend: Backend, chat: Conversation) -> None:
    """Undo and redo are events like others."""
    for command in (chat.undo, chat.undo, chat.redo, chat.undo, chat.redo, chat.redo):
        await command()
    past = [await chat.items(as_of=version) for version in range(5, 12)]
    both = FIRST + SECOND
    assert past == [both, FIRST, [], FIRST, [], FIRST, both]
    assert [await cold(backend, as_of=version) for version in range(5, 12)] == past


@pytest.mark.parametrize("batch", [1, 3, 7])
async def test_an_undo_works_in_the_middle_of_a_batch(log: EventLog, batch: int) -> None:
    """No version of the list ends where the turn begins."""
    chat = await filled(log, FIRST + SECOND, batch)
    await chat.undo()
    assert await chat.items() == FIRST
    await chat.redo()
    assert await chat.items() == FIRST + SECOND


async def test_an_undo_works_in_what_a_fork_inherited(backend: Backend, chat: Conversation) -> None:
    """And leaves the parent alone."""
    new = await chat.fork("fork")
    await new.undo()
    assert await new.items() == FIRST
    await new.undo()
    assert await new.items() == []
    await new.redo()
    await new.redo()
    assert await new.items() == FIRST + SECOND == await cold(backend)


async def test_an_undo_of_a_fork_ends_with_the_forks_own_undos(chat: Conversation) -> None:
    """What was undone in the parent is not the fork's to redo."""
    await chat.undo()
    new = await chat.fork("fork")
    with pytest.raises(NothingToRedoError):
        await new.redo()


async def test_a_call_that_was_answered_turns_later_goes_with_its_output(log: EventLog) -> None:
    """The user spoke before the tool was done: both turns go."""
    chat = await filled(log, [*SECOND, user("slow"), CALL, user("still?"), OUTPUT, answer("ok")])
    await chat.undo()
    assert await chat.items() == SECOND


async def test_what_compaction_left_stays(chat: Conversation) -> None:
    """It is of no turn; what it replaced can be restored."""
    compacted = {"type": "compaction", "id": "cmp"}
    seen = await chat.read()
    await chat.replace(0, [compacted, user("three"), answer("Three.")], seen)
    await chat.undo()
    assert await chat.items() == [compacted]
    with pytest.raises(NoSuchTurnError, match="has 0"):
        await chat.undo()
    await chat.restore(seen.version)
    assert await chat.items() == FIRST + SECOND


@pytest.mark.parametrize("items", [[], [answer("hello")], ["no object", 1, None]])
async def test_a_list_without_a_users_message_has_nothing_to_undo(
    log: EventLog, items: list[Any]
) -> None:
    """Nothing is stored."""
    chat = Conversation(log, NAME)
    await chat.add(items)
    version = await log.version(NAME)
    with pytest.raises(NoSuchTurnError):
        await chat.undo()
    assert await log.version(NAME) == version


@pytest.mark.parametrize("turns", [0, -1, True, 3, 2**70])
async def test_an_undo_of_no_turns_or_too_many_is_refused(chat: Conversation, turns: Any) -> None:
    """And changes nothing."""
    with pytest.raises(InvalidInputError):
        await chat.undo(turns)
    assert await chat.items() == FIRST + SECOND


async def test_whatever_is_written_ends_what_can_be_redone(chat: Conversation) -> None:
    """An item, a pop, a clear; not a label, which says nothing about the list."""
    await chat.undo()
    await chat.label(title="still")
    await chat.redo()
    for write in (lambda: chat.add(["new"]), chat.pop, chat.clear):
        await chat.restore(5)
        await chat.undo()
        await write()
        with pytest.raises(NothingToRedoError):
            await chat.redo()


async def test_a_restore_brings_back_what_could_be_redone_then(chat: Conversation) -> None:
    """The list is what it was at that version, in every way."""
    await chat.undo()
    await chat.clear()
    await chat.restore(6)
    await chat.redo()
    assert await chat.items() == FIRST + SECOND


@pytest.mark.parametrize("to", [-1, 6, True, "yesterday", datetime(2020, 1, 1)])
async def test_a_restore_of_no_moment_is_refused(chat: Conversation, to: Any) -> None:
    """And changes nothing."""
    with pytest.raises(InvalidMomentError):
        await chat.restore(to)
    assert await chat.log.version(NAME) == 5


async def test_a_restore_to_a_time(backend: Backend, clock: Clock) -> None:
    """The last version that was there at it."""
    async with backend.open(clock=clock) as log:
        chat = Conversation(log, NAME)
        await chat.add(["a"])
        moment = datetime.fromtimestamp(clock.tick() / 1e6, UTC)
        clock.tick()
        await chat.add(["b"])
        await chat.restore(moment)
        assert await chat.items() == ["a"]


async def test_who_and_why_are_recorded(log: EventLog, chat: Conversation) -> None:
    """With each of the three, beside the version that was seen."""
    ana = Context(actor="ana")
    for command in (chat.undo, chat.redo):
        await command(reason="why", context=ana)
    await chat.restore(2, reason="why", context=ana)
    events = [event async for event in log.read(NAME, after=5)]
    assert [event.event for event in events] == [
        ConversationRewound(5, 5, "why"),
        ConversationRewound(5, None, "why"),
        ConversationRewound(2, None, "why"),
    ]
    assert [event.context.seen_version for event in events] == [5, 6, 7]
    assert {event.context.actor for event in events} == {"ana"}


async def test_undos_that_race_take_one_turn_each(backend: Backend, log: EventLog) -> None:
    """From two processes: none takes the same turn twice, none is lost."""
    await add_many(log, [user(str(number)) for number in range(12)])
    async with elsewhere(backend) as other:
        here = Conversation(log, NAME)
        await asyncio.gather(*[each.undo() for each in (here, other) for _ in range(5)])
        assert await other.items() == [user("0"), user("1")]


async def test_an_undo_and_a_redo_read_the_end_of_the_list_only(
    backend: Backend, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In windows that grow until the turn's beginning is found."""
    many = [item for number in range(2000) for item in (user(str(number)), answer("x"))]
    await filled(log, [*many, user("long"), *[answer("y")] * 200], batch=100)
    decoded: list[int] = []
    for holder, whole in ((EventItems, "inner"), (SegmentItems, "decode")):
        note(holder, whole, decoded, monkeypatch)
    async with elsewhere(backend) as chat:
        await chat.undo()
        assert sum(decoded) < 1500
        decoded.clear()
        await chat.redo()
        assert decoded == []
        assert (await chat.read(limit=1)).total == 4201


def note(holder: Any, whole: str, decoded: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    every, part = getattr(holder, whole), holder.part

    def all_of(self: Any, limit: int) -> Any:
        decoded.append(self.items)
        return every(self, limit)

    def some(self: Any, start: int, stop: int, limit: int) -> Sequence[Any]:
        decoded.append(stop - start)
        found: Sequence[Any] = part(self, start, stop, limit)
        return found

    monkeypatch.setattr(holder, whole, all_of)
    monkeypatch.setattr(holder, "part", some)
