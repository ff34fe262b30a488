"""Verifying what came since a head: the cost is that of what is new, however long the log is.

Rule: this only passes what plainly goes on from before. A conversation or a feed in which anything
is odd is checked as a whole, by the checks of a whole log and in their words.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from eventlog.format.opening import ERASING, Opener, may_be_plain
from eventlog.format.records import StoredEvent, StreamRow
from eventlog.keys.data_keys import DataKeys
from eventlog.paging import PAGE
from eventlog.proof.checkpoint import TreeHead, Verifiers
from eventlog.store.contract.events import Span
from eventlog.store.contract.keys import NO_KEY
from eventlog.store.contract.log import Store
from eventlog.store.contract.tree import TreeSource
from eventlog.verify.faults import OnProgress, Verification
from eventlog.verify.feed import FeedCheck
from eventlog.verify.log import check_sight, find_strays, pending, unguarded
from eventlog.verify.reading import TOGETHER, EventReader
from eventlog.verify.streams import StreamCheck, is_well_named
from eventlog.verify.structure import Structure
from eventlog.verify.walk import Walk

Position = Callable[[], Awaitable[int]]
"""Returns the last position, once all that was committed before has one."""


async def verify_since(
    store: Store,
    keys: DataKeys,
    tenant: str | None,
    since: TreeHead,
    key: Verifiers | None,
    position: Position,
    progress: OnProgress | None,
    *,
    opens: bool = False,
) -> Verification:
    """Verify that the feed goes on from a head, and the events that it has gained.

    They are those of a tenant, or with None of all tenants.
    """
    await check_sight(store, since)
    streams = StreamCheck(store, keys, progress, opens=opens)
    streams.names_tenants = tenant is None
    feed = FeedCheck(store.tree, store.feed.position, tenant)
    guards = await store.guards.lost()
    end = await position()
    await feed.check_tree(None, key, since)
    grown = Grown(store.tree)
    await grown.read(since.size, end)
    check = GrowthCheck(store, streams, EventReader(store, keys, opens=opens), keys, tenant)
    await check.check(grown.streams)
    streams.find_moved()
    await streams.check_forks()
    if check.has_strays:
        streams.faults += await find_strays(store, tenant)
    is_odd = grown.is_odd or check.is_odd
    if is_odd or not await _are_placed(store, check.ahead, end, position):
        known = {(fault.tenant, fault.stream, fault.branch) for fault in streams.faults}
        violations = await store.tree.violations(tenant)
        streams.faults += feed.position_faults(violations, known, whole=True)
    return Verification(
        check.streams,
        streams.events,
        (*streams.faults, *feed.faults),
        await pending(store, tenant),
        (*map(unguarded, guards), *streams.warnings, *feed.warnings),
        streams.erased,
        since.size,
    )


class Versions(NamedTuple):
    """The first and the last version of a stream that positions were given for."""

    first: int
    last: int


class Grown:
    """What the feed has behind a position: the new versions of each stream.

    Memory grows with the streams that went on, by some 200 bytes each.
    """

    def __init__(self, source: TreeSource) -> None:
        self.streams: dict[bytes, Versions] = {}
        self.is_odd = False
        """Whether a position is missing, or a version does not follow the one before it."""
        self._source = source

    async def read(self, after: int, end: int) -> None:
        """Read the positions behind `after` up to `end`."""
        while after < end:
            until = min(end, after + PAGE)
            page = await self._source.placed(after, until, PAGE)
            self.is_odd |= [row.position for row in page] != [*range(after + 1, until + 1)]
            for _, stream_id, version in page:
                self._add(stream_id, version)
            after = until

    def _add(self, stream_id: bytes, version: int) -> None:
        known = self.streams.get(stream_id)
        if known is None:
            self.streams[stream_id] = Versions(version, version)
            return
        self.is_odd |= version != known.last + 1
        first, last = min(known.first, version), max(known.last, version)
        self.streams[stream_id] = Versions(first, last)


class GrowthCheck:
    """Checks the new events of streams, those of small ones together."""

    def __init__(
        self,
        store: Store,
        streams: StreamCheck,
        reader: EventReader,
        keys: DataKeys,
        tenant: str | None,
    ) -> None:
        self.streams = 0
        """How many had new events."""
        self.has_strays = False
        """Whether a position is of a stream that is not there."""
        self.is_odd = False
        """Whether a row of a stream contradicts its places."""
        self.ahead: dict[bytes, Versions] = {}
        """The versions that streams had by now and that had no position yet."""
        self._store = store
        self._check = streams
        self._reader = reader
        self._structure = Structure(keys.plain.limit)
        self._tenant = tenant

    async def check(self, grown: Mapping[bytes, Versions]) -> None:
        """Check streams from the first of their new versions on."""
        for ids in _groups(grown):
            rows = await self._store.streams.several(ids)
            self.has_strays |= len(rows) < len(ids)
            mine = [row for row in rows if self._tenant in (None, row.tenant)]
            self.streams += len(mine)
            await self._check_together([(row, grown[row.stream_id]) for row in mine])

    async def _check_together(self, grown: Sequence[tuple[StreamRow, Versions]]) -> None:
        of = await self._reader.behind_each([_span(*each) for each in grown])
        openers = await self._reader.openers([row for row, _ in grown], of)
        sound: list[tuple[StreamRow, Walk]] = []
        for row, versions in grown:
            self._compare_places(row, versions)
            growth = Growth(row, versions.first, Walk(self._structure))
            events = of.get(row.stream_id, [])
            if len(events) == _length(_span(row, versions)):
                growth.follow(events, openers.get(row.stream_id))
            else:
                await self._follow(growth, versions)
            if growth.goes_on():
                self._check.count(growth.events, 0)
                self.is_odd |= not growth.began_when_it_says
                sound.append((row, growth.walk))
            else:
                await self._check.check(row)
        await self._check.check_keys(sound)
        for row, walk in sound:
            await self._check.check_fork(row, walk)

    async def _follow(self, growth: "Growth", versions: Versions) -> None:
        """Follow what is too large to be read with others."""
        row = growth.stream
        async with self._reader.pages(row, _span(row, versions).after) as pages:
            async for page in pages:
                openers = await self._reader.openers([row], {row.stream_id: page})
                growth.follow(page, openers.get(row.stream_id))

    def _compare_places(self, row: StreamRow, versions: Versions) -> None:
        self.is_odd |= row.head.version < versions.last
        if row.head.version > versions.last:
            self.ahead[row.stream_id] = Versions(versions.last + 1, row.head.version)


class Growth:
    """Follows the new events of a stream, from the first of them on.

    Its events of before are taken for granted, and so is what only they could contradict.
    """

    def __init__(self, stream: StreamRow, first: int, walk: Walk) -> None:
        self.stream = stream
        self.walk = walk
        self.events = 0
        """How many were followed."""
        self.began_when_it_says = True
        """Whether the time of a first event that is new is that of the stream's row."""
        self._first = first
        self._is_plain = is_well_named(stream) and stream.key_id != NO_KEY

    def follow(self, events: Sequence[StoredEvent], opener: Opener | None) -> None:
        """Follow the next events; of a stream of before, the first one is the last of those."""
        if not self.events and self._first > 1 and events:
            self._is_plain &= events[0].version == self._first - 1
            self.walk.go_on(events[0])
            events = events[1:]
        if not self._is_plain or not events:
            return
        if self._first == 1 and not self.events:
            self.began_when_it_says = events[0].recorded_at == self.stream.created_at
        self.events += len(events)
        self._is_plain = all(map(self._is_usual, events)) and self.walk.follow(events) is None
        if self._is_plain:
            self.walk.open(self.stream, events, opener)

    def goes_on(self) -> bool:
        """Tell whether all is well; if not, the whole of the stream says what is not."""
        walk, stream = self.walk, self.stream
        return (
            self._is_plain
            and self.events > 0
            and walk.compare_head(stream) is walk.compare_events() is walk.unchecked is None
            and self._row_fits()
        )

    def _row_fits(self) -> bool:
        stream, walk = self.stream, self.walk
        if self._first == 1:
            return walk.compare_row(stream) is None
        is_encrypted = walk.keys.is_encrypted
        return (stream.erased_version or 0) < self._first and (
            stream.key_id is not None or not is_encrypted
        )

    def _is_usual(self, event: StoredEvent) -> bool:
        """Tell whether an event says nothing of what was before it."""
        if event.body is None or event.kind in ERASING:
            return False
        return self.stream.key_id is None or may_be_plain(event)


def _span(row: StreamRow, versions: Versions) -> Span:
    """Return what to read of a stream: the new events, and the one before them."""
    return Span(row.stream_id, max(versions.first - 2, 0), row.head.version)


def _length(span: Span) -> int:
    return span.until - span.after


def _groups(grown: Mapping[bytes, Versions]) -> Iterator[list[bytes]]:
    """Yield streams, in the order of their ids, whose new events are read together."""
    group: list[bytes] = []
    size = 0
    for stream_id in sorted(grown):
        first, last = grown[stream_id]
        if group and size + last - first + 2 > TOGETHER // 2:
            yield group
            group, size = [], 0
        group.append(stream_id)
        size += last - first + 2
    if group:
        yield group


async def _are_placed(
    store: Store, ahead: Mapping[bytes, Versions], end: int, position: Position
) -> bool:
    """Tell whether versions that had no position have one by now, where this role can see to it."""
    queue = store.feed.queue
    if not ahead or queue is None or not await queue.may_place():
        return True
    later = Grown(store.tree)
    await later.read(end, await position())
    places = later.streams
    return not later.is_odd and all(
        stream_id in places and places[stream_id].first == first and places[stream_id].last >= last
        for stream_id, (first, last) in ahead.items()
    )
