"""Putting a past into sessions and logs, as fast as they take it."""

import asyncio
import itertools
import time
from collections.abc import Iterable, Sequence
from typing import Any, Final

from benchmarks.kit.contenders import Session
from benchmarks.kit.eventsourced import EventsourcedSession
from benchmarks.kit.place import Note, Place
from eventlog import EventLog, ItemsAdded
from eventlog_openai_agents import EventLogSession

TURN: Final = 2
"""Items of a turn."""

_EVENTS_OF_AN_APPEND: Final = 100
_ROWS_OF_A_CALL: Final = 1000


async def fill(session: Session, items: Sequence[Any], turn: int = TURN) -> None:
    """Add items, `turn` of them for each event where there are events.

    Several events go in one transaction; the rows are those of as many calls of add_items. The list
    is read on the way and at the end, as it is in use: whoever stores something for later reads
    does so then.
    """
    if isinstance(session, EventLogSession):
        for events in _chunks(_chunks(items, turn), _EVENTS_OF_AN_APPEND):
            added = [ItemsAdded(batch) for batch in events]
            await session.log.append(session.session_id, added)
            await session.get_items(1)
    elif isinstance(session, EventsourcedSession):
        for batches in _chunks(_chunks(items, turn), _EVENTS_OF_AN_APPEND):
            await session.add_batches(batches)
    else:
        for rows in _chunks(items, _ROWS_OF_A_CALL):
            await session.add_items(rows)
    await session.get_items()


async def fill_log(
    place: Place,
    log: EventLog,
    title: str,
    *,
    events: Sequence[ItemsAdded],
    conversations: int,
    total: int,
) -> None:
    """Append `events` again and again to many conversations at once, `total` events in all.

    The rate is noted.
    """
    advance = place.track(f"filling: {title}", total)
    appends = total // len(events) // conversations
    started = time.perf_counter()

    async def write(name: str) -> None:
        for _ in range(appends):
            await log.append(name, events)
            advance(len(events))

    await asyncio.gather(*[write(f"chat-{number}") for number in range(conversations)])
    passed = time.perf_counter() - started
    place.notes.append(Note("filling", title, total / passed, "events/s"))


def _chunks(values: Iterable[Any], size: int) -> Iterable[list[Any]]:
    iterator = iter(values)
    while chunk := list(itertools.islice(iterator, size)):
        yield chunk
