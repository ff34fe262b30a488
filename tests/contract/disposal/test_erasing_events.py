"""Erasing one event, by its bytes: its items leave the list, and the others stay."""

import pytest

from eventlog import Context, ErasedError
from eventlog.errors import HeldError, InvalidMomentError, SharedContentError
from eventlog.events import ConversationRewound, EventErased
from eventlog.operations import place_hold
from eventlog_projections import Conversation, erase, erase_event
from eventlog_projections.history.timeline import Span
from eventlog_projections.items.states import StateReader
from tests.backends import Backend
from tests.contract.disposal.test_erasing import ITEMS, MARKER, WHY, bytes_of
from tests.elsewhere import NAME, cold, filled, open_elsewhere


async def test_one_event_can_be_erased(erasable: Backend) -> None:
    """Its items leave the list, here, elsewhere and in the past: the others stay where they are."""
    async with erasable.open() as log, open_elsewhere(erasable) as other:
        chat, theirs = await filled(log, ITEMS), Conversation(other, NAME)
        assert await theirs.items() == ITEMS
        done = await erase_event(log, NAME, 7, **WHY)
        left = ITEMS[:6] + ITEMS[7:]
        assert (await chat.items(), await theirs.items()) == (left, left)
        assert await cold(erasable) == left
        assert await chat.items(as_of=6) == ITEMS[:6]
        for version in (7, 300):
            with pytest.raises(ErasedError, match="ersion 7 of"):
                await chat.items(as_of=version)
            with pytest.raises(ErasedError):
                await chat.restore(version)
        assert await chat.pop() == ITEMS[-1]
        await erase_event(log, NAME, 7, **WHY)
        assert [one.version for one in done.streams] == [301]
        assert await log.version(NAME) == 302
        await chat.restore(6)
        assert await theirs.items() == ITEMS[:6]
        entry = (await chat.history().all())[300]
        assert (entry.total, entry.removed, entry.restored) == (299, (Span(7, 0, 1),), ())
        assert entry.event == EventErased(7, **WHY)
        assert (await log.verify()).ok
        await erase(log, NAME, **WHY)
        assert await chat.items() == await cold(erasable) == []


async def test_a_list_that_held_it_does_not_come_back_from_memory(erasable: Backend) -> None:
    """Not even where somebody who remembers it is told to go back to it."""
    async with erasable.open() as log, open_elsewhere(erasable) as other:
        await filled(log, ITEMS)
        theirs = Conversation(other, NAME)
        assert await theirs.items() == ITEMS
        await erase_event(log, NAME, 7, **WHY)
        await log.append(NAME, ConversationRewound(300), expected_version=301)
        with pytest.raises(ErasedError):
            await theirs.items()
        await log.append(NAME, ConversationRewound(6), expected_version=302)
        assert await theirs.items() == ITEMS[:6]


async def test_the_bytes_of_one_event_are_in_no_file(backend: Backend) -> None:
    """One key for each conversation cannot shred one event: its bytes are what goes."""
    async with backend.open() as log:
        chat = await filled(log, [{"n": number} for number in range(300)])
        await chat.add([MARKER], context=Context(actor=MARKER))
        await StateReader(log, NAME).save()
        assert MARKER.encode() in await bytes_of(backend)
        await erase_event(log, NAME, 301, **WHY)
        await chat.add(["more"])
        assert len(await chat.items()) == 301
        await log.spi.background.finish()
        if backend.name == "postgres":
            assert MARKER.encode() not in await bytes_of(backend)
    assert MARKER.encode() not in await bytes_of(backend)


async def test_one_event_is_not_erased_where_it_cannot_be(erasable: Backend) -> None:
    """Not one that is not there, nor one that a fork may have, nor one that is held."""
    async with erasable.open() as log:
        chat = await filled(log, ITEMS[:40])
        child = await chat.fork("child", at=20)
        for version in (0, -1, 41):
            with pytest.raises(InvalidMomentError):
                await erase_event(log, NAME, version, **WHY)
        with pytest.raises(SharedContentError):
            await erase_event(log, NAME, 20, **WHY)
        await erase_event(log, NAME, 21, **WHY)
        assert await child.items() == ITEMS[:20]
        await place_hold(log, NAME, "case")
        with pytest.raises(HeldError):
            await erase_event(log, NAME, 22, **WHY)
        assert await chat.items() == ITEMS[:20] + ITEMS[21:40]


async def test_an_event_that_an_erased_fork_shared_can_be_erased(erasable: Backend) -> None:
    """Nobody shares it any more; a fork that is there, or kept nothing, is what decides."""
    async with erasable.open() as log:
        chat = await filled(log, ITEMS[:9])
        await chat.fork("fork", at=8)
        await chat.fork("empty", at=8, kept=0)
        with pytest.raises(SharedContentError, match="fork"):
            await erase_event(log, NAME, 7, **WHY)
        await erase(log, "fork", **WHY)
        await Conversation(log, "fork").add(["begun anew"])
        await erase_event(log, NAME, 7, **WHY)
        assert await chat.items() == ITEMS[:6] + ITEMS[7:9]
        assert await Conversation(log, "fork").items() == ["begun anew"]
        with pytest.raises(ErasedError):
            await Conversation(log, "fork").items(as_of=1)
        assert (await log.verify()).ok
