"""What each event does to the list of its stream, told as steps.

How far a list goes is counted on from event to event; an undo takes off its end, and what it took
off a redo brings back: the last events before it say what that was. Where none of this is known,
and for what goes back further, the headers of all events of the stream are read.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final, NamedTuple

from eventlog.errors import CorruptEventError, StoreError
from eventlog.events import ConversationRewound, EventErased, Header
from eventlog.format.records import StoredEvent
from eventlog.views import LogViews, TenantEvent
from eventlog_projections.items.changes import FOLDED, change, undone
from eventlog_projections.items.holders import INHERITED
from eventlog_projections.items.places import (
    Places,
    Span,
    changed,
    end_of,
    every,
    gaps,
    place_of,
    stop_of,
)
from eventlog_projections.views.step import Listed, Step

MAX_LISTS: Final = 100_000
"""Maximum number of lists whose sizes are cached."""

LAST: Final = 253_402_300_799_999_999
"""The last microsecond that a date has, that of the year 9999."""

MAX_CUTS: Final = 16
"""Maximum number of undos of one list that a redo takes back by the events before them alone."""

REACH: Final = 256
"""As many events before an undo are asked what it took off."""

_SILENT: Final = Header()


class _Cut(NamedTuple):
    """How far a list went before something took off what it had from `start` on."""

    version: int
    stop: int
    start: int


class _Size(NamedTuple):
    """How far a list goes at a version, and at which places before that nothing stands.

    `cuts` are the last ones, as long as there are no such places.
    """

    version: int
    stop: int
    gaps: tuple[range, ...] = ()
    cuts: tuple[_Cut, ...] = ()

    @property
    def items(self) -> int:
        return self.stop - sum(map(len, self.gaps)) if self.gaps else self.stop

    def next(self, kept: int, added: int) -> "tuple[int, _Size]":
        """Return where the next event cuts it, to keep so many items, and what it is then."""
        if self.gaps:
            start = place_of(kept, self.gaps)
            rest = tuple(gap for gap in self.gaps if gap.stop <= start)
            return start, _Size(self.version + 1, start + added, rest)
        cuts = self.cuts if kept == self.stop else self.cut_at(kept)
        return kept, _Size(self.version + 1, kept + added, (), cuts)

    def cut_at(self, start: int) -> tuple[_Cut, ...]:
        """Return the last cuts with one more."""
        return (*self.cuts[1 - MAX_CUTS :], _Cut(self.version, self.stop, start))

    @property
    def stops(self) -> dict[int, int]:
        """How far it went at versions, before each cut."""
        return {cut.version: cut.stop for cut in self.cuts}

    def cut_since(self, version: int) -> int:
        """Return where all that was cut since a version began."""
        return min(cut.start for cut in self.cuts if cut.version >= version)


_EMPTY: Final = _Size(0, 0)


class ListSizes:
    """Caches how far each list goes, and tells with it what the next event of its stream does."""

    def __init__(self, views: LogViews) -> None:
        self._views = views
        self._known: OrderedDict[bytes, _Size] = OrderedDict()

    def evict(self) -> None:
        """Evict all of them: the database may have other events."""
        self._known.clear()

    async def steps(self, events: Iterable[TenantEvent]) -> list[Step]:
        """Return events as steps; one that cannot be read is a step with a failure.

        They come in the order of the feed. Raises StoreError.
        """
        steps: list[Step] = []
        for found in events:
            try:
                step = self._counted_on(found) or await self._looked_up(found)
            except StoreError:
                raise
            except Exception as error:  # noqa: BLE001 - whoever can insert events decides what is in them
                self._known.pop(found.event.stored.stream_id, None)
                step = Step(found.tenant, found.event, _SILENT, None, 0, None, error)
            steps.append(step)
        return steps

    def _counted_on(self, found: TenantEvent) -> Step | None:
        """Return the step of an event by what is cached; None if that does not say all of it."""
        stored = found.event.stored
        before = self._size_before(stored.stream_id, stored.version)
        return None if before is None else self._next(found, before)

    async def _looked_up(self, found: TenantEvent) -> Step:
        event = found.event
        stored = event.stored
        before = self._size_before(stored.stream_id, stored.version)
        if before is None:
            lists = await self._lists(event.stream, stored.stream_id, stored.version - 1)
            before = _size_of(stored.version - 1, lists[-1])
        if (step := self._next(found, before)) is not None:
            return step
        header = event.header
        return await self._back(found, header, before) or await self._moved(found, header)

    def _next(self, found: TenantEvent, before: _Size) -> Step | None:
        """Return the step of an event; None if it changes more than the end of the list."""
        event = found.event
        stored = event.stored
        if not 0 <= stored.recorded_at <= LAST:
            raise CorruptEventError(event.stream, stored.version, "its time is none")
        if stored.kind not in FOLDED:
            self._cache(stored.stream_id, before._replace(version=stored.version))
            return Step(found.tenant, event, _SILENT, None, before.items, None)
        header = event.header
        kept, added = _end(event.stream, stored, header, before.items)
        if kept is None:
            return None
        return self._told(found, header, *before.next(kept, added))

    async def _back(self, found: TenantEvent, header: Header, before: _Size) -> Step | None:
        """Return the step of a redo, by what was there before the undo; None if that is not known.

        None also for what is no redo.
        """
        stored = found.event.stored
        then, stops = header.to_version, before.stops
        if then is None or then not in stops or header.kept is not None:
            return None
        start = before.cut_since(then)
        last = await self._views.tables.headers(stored.stream_id, then - REACH, then)
        behind = end_of(found.event.stream, last, stops, start) if last else None
        if behind is None:
            return None
        after = _Size(stored.version, stops[then], (), before.cut_at(start))
        return self._told(found, header, start, after, _listed(behind))

    async def _moved(self, found: TenantEvent, header: Header) -> Step:
        """Return the step of what brings items back, or takes some out that are not at the end."""
        stored = found.event.stored
        lists = await self._lists(found.event.stream, stored.stream_id, stored.version)
        start, behind = changed(*lists[-2:])
        after = _size_of(stored.version, lists[-1])
        return self._told(found, header, start, after, _listed(behind))

    def _told(
        self,
        found: TenantEvent,
        header: Header,
        start: int,
        after: _Size,
        listed: tuple[Listed, ...] | None = None,
    ) -> Step:
        """Return an event as a step, and cache how far its list goes now."""
        self._cache(found.event.stored.stream_id, after)
        return Step(found.tenant, found.event, header, start, after.items, listed)

    def _cache(self, stream_id: bytes, size: _Size) -> None:
        self._known[stream_id] = size
        self._known.move_to_end(stream_id)
        if len(self._known) > MAX_LISTS:
            self._known.popitem(last=False)

    def _size_before(self, stream_id: bytes, version: int) -> _Size | None:
        """Return how far the list went before an event, if that is cached."""
        if version == 1:
            return _EMPTY
        known = self._known.get(stream_id)
        return known if known is not None and known.version == version - 1 else None

    async def _lists(self, stream: str, stream_id: bytes, version: int) -> list[Places]:
        return every(stream, await self._views.tables.headers(stream_id, 0, version))


def _end(stream: str, stored: StoredEvent, said: Header, items: int) -> tuple[int | None, int]:
    """Return how many items an event keeps, None if it changes more than the end, and adds."""
    if stored.kind == EventErased.kind:
        return None, 0
    if stored.kind == ConversationRewound.kind:
        return undone(stored.version, said, items), 0
    return change(stream, stored.version, stored.kind, said, items)


def _size_of(version: int, found: Places) -> _Size:
    return _Size(version, stop_of(found), gaps(found))


def _listed(spans: Iterable[Span]) -> tuple[Listed, ...]:
    """Return items that are in the list, without what a fork inherited."""
    there = (span for span in spans if span.version != INHERITED and not span.is_gone)
    return tuple(Listed(span.version, span.start, span.stop) for span in there)
