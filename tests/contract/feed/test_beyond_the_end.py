"""A log that was put back to an earlier state: whoever has read further is told."""

import asyncio
import contextlib
from typing import Any

import pytest

from eventlog import EventLog, ItemsAdded
from eventlog.errors import BeyondEndError, WaitTimeoutError
from eventlog_projections.views import Views
from eventlog_projections.views.queries import conversations
from tests.backends import Backend
from tests.elsewhere import open_elsewhere
from tests.waiting import PATIENCE, until


async def add(log: EventLog, events: int = 1) -> None:
    await log.append("chat", [ItemsAdded([n]) for n in range(events)])


async def lose(backend: Backend, log: EventLog, events: int) -> None:
    """Take the last events away, as a backup that is put back does."""
    end = await log.position()
    kept = end - events
    if backend.name == "sqlite":
        await backend.tamper("DELETE FROM {}events WHERE position > ?", kept)
    else:
        await backend.tamper("DELETE FROM {}feed WHERE position > ?", kept)
        await backend.tamper("DELETE FROM {}events WHERE version > ?", kept)
        await backend.tamper("UPDATE {}feed_head SET position = ?", kept)


@pytest.mark.parametrize("after", [4, 10**6, 2**62])
async def test_who_goes_on_beyond_the_end_is_told(log: EventLog, after: int) -> None:
    """By `feed` and by `subscribe`: a position that was never given comes from another log."""
    await add(log)
    for events in (log.feed(after), log.subscribe(after)):
        with pytest.raises(BeyondEndError, match="put back") as caught:
            await asyncio.wait_for(anext(events), PATIENCE)
        assert (caught.value.position, caught.value.end) == (after, 1)


async def test_who_goes_on_at_the_end_waits_for_what_comes(log: EventLog) -> None:
    """The last position is not beyond the end, and neither is 0 in an empty log."""
    assert await log.feed(0).all() == []
    await add(log, 2)
    assert await log.feed(2).all() == []
    async with contextlib.aclosing(log.subscribe(2)) as events:
        first = asyncio.ensure_future(anext(events))
        await add(log)
        assert (await asyncio.wait_for(first, PATIENCE)).position == 3


async def test_a_subscription_that_is_open_meanwhile_is_told(
    backend: Backend, log: EventLog
) -> None:
    """It has read events that are not there any more: it ends with an error, and does not wait."""
    await add(log, 3)
    async with contextlib.aclosing(log.subscribe()) as events:
        for _ in range(3):
            await asyncio.wait_for(anext(events), PATIENCE)
        await lose(backend, log, 2)
        with pytest.raises(BeyondEndError) as caught:
            await asyncio.wait_for(anext(events), PATIENCE)
    assert (caught.value.position, caught.value.end) == (3, 1)


async def test_who_waits_for_a_position_is_told_how_far_the_feed_is(log: EventLog) -> None:
    """It may be there later: only the time tells."""
    await add(log)
    with pytest.raises(WaitTimeoutError) as caught:
        await log.wait_for(4, timeout=0.05)
    assert caught.value.reached == 1


async def test_who_waits_for_a_position_that_was_lost_is_told_at_once(
    backend: Backend, log: EventLog
) -> None:
    """By whatever this process saw it. What may come is waited for."""
    await add(log, 3)
    assert len(await log.feed().all()) == 3
    await lose(backend, log, 2)
    for position in (2, 3):
        with pytest.raises(BeyondEndError) as caught:
            await asyncio.wait_for(log.wait_for(position, PATIENCE), PATIENCE / 2)
        assert (caught.value.position, caught.value.end) == (position, 1)
    with pytest.raises(WaitTimeoutError):
        await log.wait_for(4, timeout=0.05)
    with pytest.raises(WaitTimeoutError, match="put back"):
        await open_elsewhere(backend).wait_for(3, timeout=0.05)


async def test_a_view_that_is_ahead_of_the_feed_is_told_and_made_anew(
    backend: Backend, log: EventLog
) -> None:
    """Its checkpoint is of the lost future: it would skip what comes. A rebuild mends it."""
    await add(log, 3)
    views = Views(log)
    await views.catch_up()
    await lose(backend, log, 2)
    for reader in (views, Views(log)):
        with pytest.raises(BeyondEndError, match="rebuilt"):
            await reader.catch_up()
        with pytest.raises(BeyondEndError, match="conversations"):
            await conversations(reader)
        with pytest.raises(BeyondEndError):
            await asyncio.wait_for(reader.follow(asyncio.Event()), PATIENCE)
    for status in await views.status():
        await views.rebuild(status.view)
    (only,) = await conversations(views)
    assert only.events == 1
    assert all(status.position == 1 for status in await views.status())


async def test_a_view_that_is_followed_meanwhile_is_told(backend: Backend, log: EventLog) -> None:
    """The worker ends with the error of the feed."""
    views = Views(log)
    await add(log, 3)
    following = asyncio.ensure_future(views.follow(asyncio.Event()))

    async def is_there() -> bool:
        found: list[Any] = await views.status()
        return bool(found) and all(each.position == 3 for each in found)

    await until(is_there, "the views have taken all events")
    await lose(backend, log, 2)
    with pytest.raises(BeyondEndError):
        await asyncio.wait_for(following, PATIENCE)
