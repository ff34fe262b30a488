"""What a log reads a page at a time: the events of a stream, its streams, their branches."""

from collections.abc import Sequence

from eventlog.format.envelope import RecordedEvent
from eventlog.format.names import MAIN, check_name
from eventlog.format.opening import ERASING
from eventlog.format.questions import check_text, check_version
from eventlog.format.records import StoredEvent, StreamRow, held
from eventlog.handle import Handle
from eventlog.paging import PAGE, Paged
from eventlog.store.contract.events import is_last
from eventlog.store.contract.log import MAX_VERSION
from eventlog.verify.contents import lost


def events_of(
    handle: Handle, stream: str, branch: str, after: int, until: int | None, kind: str | None
) -> Paged[RecordedEvent]:
    """Read the events of a stream with after < version <= until, those of a kind or all."""
    stream_id = handle.stream_id(stream, branch=branch)
    check_version("after", after)
    last = MAX_VERSION if until is None else check_version("until", until)
    if kind is not None:
        check_text("kind", kind)
    handle.raise_if_closed()
    erasures = _Erasures(handle, stream_id)

    async def page(seen: RecordedEvent | None) -> list[RecordedEvent]:
        start = after if seen is None else seen.version
        found = await handle.store.events.page(stream_id, start, last, PAGE, kind)
        opener = await handle.keys.opener(stream, stream_id, found)
        opener = opener._replace(lost=await erasures.lost(found))
        return [RecordedEvent(stream, stored, None, branch, opener) for stored in found]

    return Paged(page, is_last=lambda read: is_last(read, PAGE, _held))


def _held(event: RecordedEvent) -> int:
    return held(event.stored)


class _Erasures:
    """The events of a stream that erase, as far as somebody who reads it has needed them."""

    def __init__(self, handle: Handle, stream_id: bytes) -> None:
        self._handle = handle
        self._stream_id = stream_id
        self._known: list[StoredEvent] = []
        self._seen: dict[str, int] = {}

    async def lost(self, events: Sequence[StoredEvent]) -> frozenset[int]:
        """Return the versions of those without content of which no later event says why."""
        nulls = [event for event in events if event.body is None]
        if not nulls or not (found := lost(nulls, self._known)):
            return frozenset()
        for kind in ERASING:
            await self._read(kind, self._seen.get(kind, min(found)))
        return lost(nulls, self._known)

    async def _read(self, kind: str, after: int) -> None:
        source = self._handle.store.events
        while page := await source.page(self._stream_id, after, MAX_VERSION, PAGE, kind):
            self._known += page
            after = page[-1].version
        self._seen[kind] = after


def streams_of(handle: Handle, after: str, *, branches: bool) -> Paged[StreamRow]:
    """Read the tenant's conversations by name behind `after`; with `branches`, each of those."""
    check_text("after", after)

    async def page(last: StreamRow | None) -> list[StreamRow]:
        name = after if last is None else last.name
        if not branches:
            return await handle.store.streams.page(handle.tenant, name, PAGE)
        behind = (name, MAIN if last is None else last.branch)
        return await handle.store.streams.every_page(handle.tenant, behind, PAGE)

    return Paged(page)


def all_streams(handle: Handle) -> Paged[StreamRow]:
    """Read every stream of every tenant, by its id."""

    async def page(last: StreamRow | None) -> list[StreamRow]:
        return await handle.store.streams.all_page(b"" if last is None else last.stream_id, PAGE)

    return Paged(page)


def branches_of(handle: Handle, stream: str) -> Paged[StreamRow]:
    """Read the branches of a conversation by name, but for the main one."""
    check_name("session_id", stream)

    async def page(last: StreamRow | None) -> list[StreamRow]:
        after = MAIN if last is None else last.branch
        return await handle.store.streams.branches(handle.tenant, stream, after, PAGE)

    return Paged(page)
