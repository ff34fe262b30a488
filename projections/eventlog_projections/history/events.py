"""Everything that ever happened to a conversation, in order, and what each event did."""

from datetime import datetime
from typing import Any, NamedTuple

from eventlog import Context, Event, ItemsAdded, ItemsReplaced, RecordedEvent, Results
from eventlog.events import OpaqueEvent
from eventlog.format.envelope import readable_time
from eventlog.paging import Paged
from eventlog_projections.history.timeline import Move, Span, Timeline, spans
from eventlog_projections.stream import Stream


class HistoryItem(NamedTuple):
    """An item that an event brought."""

    item: Any
    is_listed: bool
    """Whether it is in the list now."""


class HistoryEvent(NamedTuple):
    """One event, and what it did to the list."""

    version: int
    kind: str
    recorded_at: datetime | None
    """When; None for a time that a datetime cannot hold."""
    context: Context | None
    """Who and in which run; None once erased."""
    event: Event | OpaqueEvent | None
    """What happened, with its reason if it has one; None once erased."""
    items: tuple[HistoryItem, ...]
    """The items that it brought, in order; none once erased."""
    removed: tuple[Span, ...]
    """Which items left the list by it, named by the version of the event that brought them."""
    restored: tuple[Span, ...]
    """Which items came back by it, or, for a fork, which it began with."""
    total: int
    """How many items the list has then."""

    @property
    def actor(self) -> str | None:
        """Who wrote it, as they said of themselves."""
        return None if self.context is None else self.context.actor

    @property
    def run_id(self) -> str | None:
        """The run that it was written in."""
        return None if self.context is None else self.context.run_id

    @property
    def reason(self) -> str | None:
        """Why, if somebody said so."""
        reason: str | None = getattr(self.event, "reason", None)
        return reason


def history(stream: Stream) -> Results[HistoryEvent]:
    """Iterate over the events of a stream that are there when it begins.

    Reads all of them twice, a page at a time, and keeps a few numbers of each. One is decoded when
    it is asked for: those before an event that cannot be have been given then.
    """
    return Paged(_Reading(stream).next, size=1)


class _Reading:
    """Says of each event in turn what it did to the list."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._timeline = Timeline()
        self._events: Results[RecordedEvent] | None = None
        self._listed: list[Span] = []

    async def next(self, _last: HistoryEvent | None) -> list[HistoryEvent]:
        if self._events is None:
            self._events = await self._begin()
        async for recorded in self._events:
            return [self._entry(recorded, self._timeline.take(recorded))]
        return []

    async def _begin(self) -> Results[RecordedEvent]:
        whole = await timeline(self._stream)
        # Versions rise in it, as they do here: what is used up is taken off the end.
        self._listed = spans(whole.lists[-1])[::-1]
        return await self._stream.events(until=whole.version)

    def _entry(self, recorded: RecordedEvent, move: Move) -> HistoryEvent:
        event = None if recorded.is_erased else recorded.event
        return HistoryEvent(
            recorded.version,
            recorded.kind,
            readable_time(recorded.stored.recorded_at),
            None if recorded.is_erased else recorded.context,
            event,
            self._items(recorded.version, event),
            move.removed,
            tuple(span for span in move.added if span.version != recorded.version),
            move.total,
        )

    def _items(self, version: int, event: Event | OpaqueEvent | None) -> tuple[HistoryItem, ...]:
        if not isinstance(event, ItemsAdded | ItemsReplaced):
            return ()
        while self._listed and self._listed[-1].version < version:
            self._listed.pop()
        listed = range(0)
        if self._listed and self._listed[-1].version == version:
            listed = range(*self._listed[-1][1:])
        return tuple(HistoryItem(item, index in listed) for index, item in enumerate(event.items))


async def timeline(stream: Stream, until: int | None = None) -> Timeline:
    """Fold where the items of each version come from, up to a version, a page at a time."""
    folded = Timeline()
    async for event in await stream.events(until=until):
        folded.take(event)
    return folded
