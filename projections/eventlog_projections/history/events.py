"""Everything that ever happened to a conversation, in order, and what each event did."""

from datetime import datetime
from typing import Any, NamedTuple, Self

from eventlog import (
    Context,
    Event,
    ItemsAdded,
    ItemsReplaced,
    RecordedEvent,
)
from eventlog.events import OpaqueEvent
from eventlog.paging import Paged
from eventlog_projections.conversation import Conversation
from eventlog_projections.history.timeline import Move, Span, Timeline, spans


class HistoryItem(NamedTuple):
    """An item that an event brought."""

    item: Any
    is_listed: bool
    """Whether it is in the list now."""


class HistoryEvent(NamedTuple):
    """One event, and what it did to the list."""

    version: int
    kind: str
    recorded_at: datetime
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


class History:
    """Iterates over the events of a conversation that were there when it began.

    Reads all of them twice, a page at a time, and keeps a few numbers of each. Not an async
    generator, for the reason that `eventlog.paging` gives.
    """

    def __init__(self, chat: Conversation) -> None:
        self._chat = chat
        self._timeline = Timeline()
        self._events: Paged[RecordedEvent] | None = None
        self._listed: list[Span] = []

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> HistoryEvent:
        if self._events is None:
            self._events = await self._begin()
        recorded = await anext(self._events)
        return self._entry(recorded, self._timeline.take(recorded))

    async def all(self) -> list[HistoryEvent]:
        """Return what is left, as a list."""
        return [entry async for entry in self]

    async def _begin(self) -> Paged[RecordedEvent]:
        chat = self._chat
        whole = await timeline(chat)
        # Versions rise in it, as they do here: what is used up is taken off the end.
        self._listed = spans(whole.lists[-1])[::-1]
        return chat.log.read(chat.name, until=whole.version, branch=chat.branch)

    def _entry(self, recorded: RecordedEvent, move: Move) -> HistoryEvent:
        event = None if recorded.is_erased else recorded.event
        return HistoryEvent(
            recorded.version,
            recorded.kind,
            recorded.recorded_at,
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


async def timeline(chat: Conversation, until: int | None = None) -> Timeline:
    """Fold where the items of each version come from, up to a version, a page at a time."""
    folded = Timeline()
    async for event in chat.log.read(chat.name, until=until, branch=chat.branch):
        folded.take(event)
    return folded
