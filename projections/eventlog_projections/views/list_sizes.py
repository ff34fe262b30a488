"""What each event does to the list of its stream, told as steps.

The size of a list is counted on from event to event. Where it is not known, and for a rewind, the
headers of the stream are read and resolved as for every other reader of the list.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from eventlog.errors import CorruptEventError, StoreError
from eventlog.events import ConversationRewound, EventErased, Header
from eventlog.views import FoldInput, LogViews, TenantEvent
from eventlog_projections.items.blocks import INHERITED, Block, count
from eventlog_projections.items.changes import CHANGING, change
from eventlog_projections.items.fold import fold_all
from eventlog_projections.views.step import Listed, Step

MAX_LISTS: Final = 100_000
"""Maximum number of lists whose sizes are cached."""

LAST: Final = 253_402_300_799_999_999
"""The last microsecond that a date has, that of the year 9999."""

_SILENT: Final = Header()
_FOLDED: Final = frozenset((*CHANGING, ConversationRewound.kind, EventErased.kind))


class ListSizes:
    """Caches how long each list is, and tells with it what the next event of its stream does."""

    def __init__(self, views: LogViews) -> None:
        self._views = views
        self._known: OrderedDict[bytes, tuple[int, int]] = OrderedDict()

    def evict(self) -> None:
        """Evict all of them: the database may have other events."""
        self._known.clear()

    async def step(self, found: TenantEvent) -> Step:
        """Return an event as a step; one that cannot be read is a step with a failure.

        Raises StoreError.
        """
        event = found.event
        stored = event.stored
        try:
            return await self._step(found)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - whoever can insert events decides what is in them
            self._known.pop(stored.stream_id, None)
            return Step(found.tenant, event, _SILENT, None, 0, None, error)

    async def _step(self, found: TenantEvent) -> Step:
        event = found.event
        stored = event.stored
        if not 0 <= stored.recorded_at <= LAST:
            raise CorruptEventError(event.stream, stored.version, "its time is none")
        total = self._size_before(stored.stream_id, stored.version)
        if total is None:
            before = await self._list(event.stream, stored.stream_id, stored.version - 1)
            total = count(before)
        if stored.kind not in _FOLDED:
            self._cache(stored.stream_id, stored.version, total)
            return Step(found.tenant, event, _SILENT, None, total, None)
        header, listed = event.header, None
        if stored.kind == ConversationRewound.kind:
            blocks = await self._list(event.stream, stored.stream_id, stored.version)
            start, total, listed = 0, count(blocks), _listed(blocks)
        elif stored.kind == EventErased.kind:
            before = await self._list(event.stream, stored.stream_id, stored.version - 1)
            # What is left keeps, in the rows of views, the places that it had.
            listed = tuple(part for part in _listed(before) if part.version != header.erased)
            start = 0
            total -= _items_of(before, header.erased)
        else:
            start, added = change(event.stream, stored.version, stored.kind, header, total)
            total = start + added
        self._cache(stored.stream_id, stored.version, total)
        return Step(found.tenant, event, header, start, total, listed)

    def _cache(self, stream_id: bytes, version: int, total: int) -> None:
        self._known[stream_id] = (version, total)
        self._known.move_to_end(stream_id)
        if len(self._known) > MAX_LISTS:
            self._known.popitem(last=False)

    def _size_before(self, stream_id: bytes, version: int) -> int | None:
        """Return how many items were in the list before an event, if that is cached."""
        if version == 1:
            return 0
        known = self._known.get(stream_id)
        return known[1] if known is not None and known[0] == version - 1 else None

    async def _list(self, stream: str, stream_id: bytes, version: int) -> list[Block]:
        entries: list[FoldInput] = await self._views.tables.headers(stream_id, version)
        return fold_all(stream, entries)


def _items_of(blocks: Sequence[Block], version: int | None) -> int:
    """Return how many items of an event are in a list."""
    return count([block for block in blocks if -block.holder.source == version])


def _listed(blocks: Sequence[Block]) -> tuple[Listed, ...]:
    listed: list[Listed] = []
    place = 0
    for block in blocks:
        size = block.stop - block.start
        if block.holder.source != INHERITED:
            listed.append(Listed(-block.holder.source, place, place + size))
        place += size
    return tuple(listed)
