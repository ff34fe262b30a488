"""Where the last items of a list come from: which event brought each, when, and by whom."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple

from eventlog import Context, EventLogError, ItemsAdded, RecordedEvent
from eventlog.format.envelope import readable_time
from eventlog_projections.history.timeline import Timeline, spans
from eventlog_projections.items.changes import CHANGING, FOLDED
from eventlog_projections.stream import Stream

SIZE: Final = 4
"""So many times the events that are wanted are looked at before all are."""


class Place(NamedTuple):
    """The event that brought an item. Version 0: a fork began with it, and its parent has it."""

    version: int
    recorded_at: datetime | None = None
    context: Context | None = None


INHERITED: Final = Place(0)


async def places(stream: Stream, version: int, limit: int | None = None) -> list[Place]:
    """Return where the last `limit` items of the list at a version come from, in its order.

    Where only items were added lately, no other events are read. Raises CorruptEventError.
    """
    if version < 1 or limit == 0:
        return []
    if limit is not None:
        after = max(0, version - SIZE * limit - SIZE)
        lately = await (await stream.events(after=after, until=version)).all()
        found = _added(lately, limit, whole=after == 0)
        if found is not None:
            return found
    folded, events = Timeline(), dict[int, Place]()
    async for event in await stream.events(until=version):
        folded.take(event)
        if event.kind in CHANGING:
            events[event.version] = place(event)
    every = [
        events.get(span.version, INHERITED)
        for span in spans(folded.now)
        for _ in range(span.start, span.stop)
    ]
    return every if limit is None else every[max(0, len(every) - limit) :]


def place(event: RecordedEvent) -> Place:
    """Return when an event was recorded and by whom, as far as that can be read."""
    context = None
    if not event.is_erased:
        try:
            context = event.context
        except EventLogError:  # Whoever shows the event itself says so.
            context = None
    return Place(event.version, readable_time(event.stored.recorded_at), context)


def _added(events: Iterable[RecordedEvent], limit: int, *, whole: bool) -> list[Place] | None:
    """Return places where items were only added; None where something else was done."""
    found: list[Place] = []
    for event in events:
        if event.kind == ItemsAdded.kind and event.header.items is not None:
            found += [place(event)] * event.header.items
        elif event.kind in FOLDED:
            return None
    return found[-limit:] if whole or len(found) >= limit else None
