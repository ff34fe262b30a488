"""A conversation that is archived takes nothing; who wrote on what was erased is told."""

import asyncio
from typing import Any

import pytest

from eventlog import Context, EventLog, ItemsAdded, NewEvent
from eventlog.errors import (
    ArchivedError,
    ConflictError,
    ErasedError,
    HeldError,
    NoSuchConversationError,
)
from eventlog.events import ConversationArchived, ConversationUnarchived
from eventlog.operations import held_by, lift_hold, place_hold
from eventlog_projections import Conversation, erase
from eventlog_projections.views import Views, conversations
from tests.backends import Backend

HELLO: Any = {"role": "user", "content": "hello"}
WHY: Any = {"by": "office", "reason": "asked"}


async def test_an_archived_conversation_takes_nothing(log: EventLog) -> None:
    """Of no kind; what is there can be read, and it is open again when it says so."""
    chat = Conversation(log, "chat")
    await chat.add([HELLO])
    branch = await chat.fork("chat", branch="side")
    await chat.archive(reason="done")
    before = await log.version("chat")
    for late in (
        chat.add([HELLO]),
        chat.pop(),
        chat.clear(),
        chat.undo(),
        chat.label(title="late"),
        chat.restore(1),
        branch.add([HELLO]),
        branch.delete_branch(),
        chat.fork("chat", branch="another"),
        log.append("chat", [ItemsAdded([HELLO]), ConversationArchived()]),
        log.append("chat", [ConversationUnarchived(), ItemsAdded([HELLO])]),
    ):
        with pytest.raises(ArchivedError, match="'chat' was archived"):
            await late
    assert await log.version("chat") == before
    assert await chat.items() == [HELLO]
    assert await (await chat.fork("other")).items() == [HELLO]
    assert await chat.is_archived()
    assert (await log.verify()).ok
    await chat.unarchive()
    assert not await chat.is_archived()
    await chat.add([HELLO])
    await branch.add([HELLO])


async def test_a_writer_that_was_there_before_is_refused(backend: Backend) -> None:
    """By the database, whatever another process, or this one, remembers of the conversation."""
    async with backend.open() as one, backend.open() as other:
        mine, theirs = Conversation(one, "chat"), Conversation(other, "chat")
        await mine.add([HELLO])
        await theirs.add([HELLO])
        for closing, late in ((mine, theirs), (theirs, mine)):
            await closing.archive()
            with pytest.raises(ArchivedError):
                await late.add([HELLO])
            with pytest.raises(ArchivedError):
                await closing.add([HELLO])
            await late.unarchive()
            await closing.add([HELLO])


async def test_what_is_sent_with_others_is_refused_alone(backend: Backend) -> None:
    """In a group of many writers the closed conversation alone stores nothing."""
    async with backend.open() as log:
        chats = [Conversation(log, f"chat-{number}") for number in range(40)]
        await asyncio.gather(*[chat.add([HELLO]) for chat in chats])
        await chats[7].archive()
        late = [chat.add([HELLO]) for chat in chats]
        answers = await asyncio.gather(*late, return_exceptions=True)
        refused = [n for n, answer in enumerate(answers) if isinstance(answer, ArchivedError)]
        assert refused == [7]
        assert [len(await chat.items()) for chat in chats[6:9]] == [2, 1, 2]


async def test_of_racing_writers_none_writes_behind_the_archive(backend: Backend) -> None:
    """Whoever was told that it is stored stands before the event that closes."""
    async with backend.open() as one, backend.open() as other:
        chat = Conversation(one, "chat")
        await chat.add([HELLO])

        async def write(log: EventLog) -> int:
            done = 0
            for _ in range(30):
                try:
                    await Conversation(log, "chat").add([HELLO])
                except ArchivedError:
                    break
                done += 1
            return done

        writers = [asyncio.create_task(write(log)) for log in (one, other, one, other)]
        await asyncio.sleep(0)
        await chat.archive()
        stored = sum(await asyncio.gather(*writers))
        kinds = [event.kind for event in await one.read("chat").all()]
        assert kinds == ["added"] * (1 + stored) + ["archived"]


async def test_archiving_twice_says_it_once(log: EventLog) -> None:
    """And there is nothing to archive where there is no conversation."""
    chat = Conversation(log, "chat")
    with pytest.raises(NoSuchConversationError):
        await chat.archive()
    await chat.add([HELLO])
    await chat.unarchive()
    await chat.archive()
    assert (await chat.archive()).replayed
    assert await log.version("chat") == 2


async def test_an_archived_conversation_is_held_and_stays_archived(log: EventLog) -> None:
    """Also encrypted or not: a hold is no late writer."""
    chat = Conversation(log, "chat")
    await chat.add([HELLO])
    await chat.archive(reason="done")
    await place_hold(log, "chat", "case-7")
    assert await held_by(log, "chat") == ["case-7"]
    with pytest.raises(ArchivedError):
        await chat.add([HELLO])
    with pytest.raises(HeldError):
        await erase(log, "chat", **WHY)
    await lift_hold(log, "chat", "case-7")
    assert await chat.is_archived()
    (found,) = await conversations(Views(log))
    assert found.archived_at is not None
    await erase(log, "chat", **WHY)
    assert await chat.items() == []


async def test_views_know_which_are_archived(log: EventLog) -> None:
    """Until they are opened again."""
    chat, views = Conversation(log, "chat"), Views(log)
    await chat.add([HELLO])
    await chat.archive()
    (before,) = await conversations(views)
    await chat.unarchive()
    (after,) = await conversations(views)
    assert before.archived_at is not None
    assert (after.archived_at, after.last_at) == (None, before.last_at)


@pytest.mark.parametrize("by_whom", ["same", "other"])
async def test_a_run_that_writes_on_what_was_erased_is_told(backend: Backend, by_whom: str) -> None:
    """Nothing of it is stored until it reads anew; whichever handle wrote since."""
    async with backend.open() as log, backend.open() as other:
        chat = Conversation(log, "chat")
        await chat.add([HELLO])
        seen = await chat.read()
        late = Context(run_id="run", seen_version=seen.version)
        await chat.add([HELLO], context=late)
        eraser = log if by_whom == "same" else other
        await erase(eraser, "chat", **WHY)
        for _ in range(2):
            with pytest.raises(ErasedError, match="Nothing was stored"):
                await chat.add([HELLO], context=late)
            assert (await chat.items()) == []
        anew = Context(run_id="run", seen_version=(await chat.read()).version)
        await chat.add([HELLO], context=anew)
        with pytest.raises(ErasedError):
            await chat.add([HELLO], context=late)
        with pytest.raises(ErasedError):
            await log.append("chat", NewEvent(ItemsAdded([HELLO]), late), expected_version=1)
        with pytest.raises(ConflictError):
            await log.append("chat", NewEvent(ItemsAdded([HELLO]), anew), expected_version=1)
        await chat.add([HELLO])
        assert len(await chat.items()) == 2
