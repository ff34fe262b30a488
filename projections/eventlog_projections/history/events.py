"""Everything that ever happened to a conversation, in order, and what each event did."""

from collections.abc import AsyncGenerator, Callable
from datetime import datetime
from typing import Any, NamedTuple

from eventlog import Context, Event, ItemsAdded, ItemsReplaced, RecordedEvent, Results
from eventlog.errors import CorruptEventError, EventLogError
from eventlog.events import OpaqueEvent
from eventlog.format.envelope import readable_time
from eventlog.format.questions import check_version
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
    """When; None where that cannot be read."""
    context: Context | None
    """Who and in which run; None once erased, or where it cannot be read."""
    event: Event | OpaqueEvent | None
    """What happened, with its reason if it has one; None likewise."""
    items: tuple[HistoryItem, ...]
    """The items that it brought, in order; none once erased."""
    removed: tuple[Span, ...]
    """Which items left the list by it, named by the version of the event that brought them."""
    restored: tuple[Span, ...]
    """Which items came back by it, or, for a fork, which it began with."""
    total: int
    """How many items the list has then."""
    error: EventLogError | None = None
    """Why the event cannot be read, or is missing: it is told as if it had changed nothing."""
    hidden: int = 0
    """How many of its items are in the list now, and cannot be shown."""
    brought: int = 0
    """How many items it brought, also where they were erased or cannot be read."""

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


class Told(NamedTuple):
    """An event as far as it can be read, or what is missing before the next."""

    recorded: RecordedEvent | None
    """None: it is missing."""
    event: Event | OpaqueEvent | None
    """None once erased, or where it cannot be read."""
    context: Context | None
    error: EventLogError | None
    """Why it cannot be read, or is missing."""


async def tell(stream: Stream, until: int | None = None) -> AsyncGenerator[Told]:
    """Yield every event of a stream up to a version; one that was changed hides no other.

    Raises NoKeyError, WrongKeyError or KeyDestroyedError, which say nothing of one event alone.
    """
    expected = 1
    async for recorded in await stream.events(until=until):
        if recorded.version > expected:
            yield Told(None, None, None, _missing(recorded, expected))
        expected = recorded.version + 1
        event, context, error = _open(recorded)
        if error is not None and not isinstance(error, CorruptEventError):
            raise error
        yield Told(recorded, event, context, error)


def history(stream: Stream, until: int | None = None, *, after: int = 0) -> Results[HistoryEvent]:
    """Iterate over the events of a stream that are there when it begins, up to a version.

    With `after`, only over those behind that version. Reads the headers of all of them first, and
    keeps a few numbers of each. One is decoded when it is asked for. One that cannot be read is an
    entry with an `error`, and hides no other.
    """
    return Paged(_Reading(stream, until, check_version("after", after)).next, size=1)


class _Reading:
    """Says of each event in turn what it did to the list."""

    def __init__(self, stream: Stream, until: int | None, after: int) -> None:
        self._stream = stream
        self._until = until
        self._after = after
        self._timeline = Timeline()
        self._events: Results[RecordedEvent] | None = None
        self._waiting: HistoryEvent | None = None
        self._listed: list[Span] = []

    async def next(self, _last: HistoryEvent | None) -> list[HistoryEvent]:
        if self._events is None:
            self._events = await self._begin()
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            return [waiting]
        async for recorded in self._events:
            gap = gap_before(self._timeline, recorded)
            entry = entry_of(self._timeline, recorded, self._range)
            if gap is None:
                return [entry]
            self._waiting = entry
            return [gap]
        return []

    async def _begin(self) -> Results[RecordedEvent]:
        whole = Timeline()
        async for event in await self._stream.events(until=self._until):
            take(whole, event)
        # Versions rise in it, as they do here: what is used up is taken off the end.
        self._listed = spans(whole.now)[::-1]
        self._timeline = whole.at(self._after)
        return await self._stream.events(after=self._after, until=whole.version)

    def _range(self, version: int) -> range:
        """Return which items of a version are in the list now; versions must rise."""
        while self._listed and self._listed[-1].version < version:
            self._listed.pop()
        if self._listed and self._listed[-1].version == version:
            return range(*self._listed[-1][1:])
        return range(0)


def gap_before(folded: Timeline, recorded: RecordedEvent) -> HistoryEvent | None:
    """Return an entry for versions before an event that are not there."""
    missing = folded.version + 1
    move = _pass_gap(folded, recorded)
    if move is None:
        return None
    error = _missing(recorded, missing)
    return HistoryEvent(missing, "missing", None, None, None, (), (), (), move.total, error)


def entry_of(
    folded: Timeline, recorded: RecordedEvent, listed: Callable[[int], range]
) -> HistoryEvent:
    """Return the entry of the next event; `listed` says which items of a version the list has."""
    move, unfolded = take(folded, recorded)
    event, context, unread = _open(recorded)
    error = unfolded or unread
    within = listed(recorded.version)
    brought = event.items if isinstance(event, ItemsAdded | ItemsReplaced) else ()
    items = tuple(HistoryItem(item, index in within) for index, item in enumerate(brought))
    return HistoryEvent(
        recorded.version,
        recorded.kind,
        readable_time(recorded.stored.recorded_at),
        context,
        event,
        items,
        move.removed,
        tuple(span for span in move.added if span.version != recorded.version),
        move.total,
        error,
        0 if items or error is None else len(within),
        _brought(recorded),
    )


def _brought(recorded: RecordedEvent) -> int:
    try:
        return recorded.header.items or 0
    except CorruptEventError:
        return 0


def _open(
    recorded: RecordedEvent,
) -> tuple[Event | OpaqueEvent | None, Context | None, EventLogError | None]:
    """Return what an event says and who says it; None once erased, or with the error."""
    try:
        if recorded.is_erased:
            return None, None, None
        return recorded.event, recorded.context, None
    except EventLogError as error:
        return None, None, error


def _missing(following: RecordedEvent, version: int) -> CorruptEventError:
    """Return what to say of the versions from one on that are not there before an event."""
    is_one = following.version == version + 1
    what = "it is" if is_one else f"it and all up to version {following.version - 1} are"
    return CorruptEventError(following.stream, version, f"{what} missing from the log")


def _pass_gap(folded: Timeline, event: RecordedEvent) -> Move | None:
    """Pass over what is missing before an event; None if nothing is."""
    is_next = event.version <= folded.version + 1
    return None if is_next else folded.pass_over(event.version - 1)


def take(folded: Timeline, event: RecordedEvent) -> tuple[Move, CorruptEventError | None]:
    """Apply an event, behind a gap too; one that cannot be, as if it had changed nothing."""
    _pass_gap(folded, event)
    try:
        return folded.take(event), None
    except CorruptEventError as error:
        return folded.pass_over(event.version), error


async def timeline(
    stream: Stream, until: int | None = None, times: dict[int, datetime] | None = None
) -> Timeline:
    """Fold where the items of each version come from, up to a version, a page at a time.

    Puts into `times` when each was recorded. Raises CorruptEventError.
    """
    folded = Timeline()
    async for event in await stream.events(until=until):
        folded.take(event)
        if times is not None:
            times[event.version] = event.recorded_at
    return folded
