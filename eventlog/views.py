"""What projections of all streams need of a log: its events, over all tenants, and their tables.

Rule: bytes and rows go in and out; what they mean, and who may see them, the projection knows.
"""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Final, NamedTuple

from eventlog.envelope import RecordedEvent
from eventlog.follower import Reader
from eventlog.records import Entry, StoredEvent
from eventlog.store.base import Store
from eventlog.store.view_base import (
    NO_LIMIT,
    Aside,
    Batch,
    Checkpoint,
    ColumnSpec,
    Compared,
    Mark,
    Moved,
    Put,
    Removed,
    Search,
    Selection,
    TableSpec,
    ViewRow,
    ViewSource,
)

__all__ = [
    "NO_LIMIT",
    "Aside",
    "Batch",
    "Checkpoint",
    "ColumnSpec",
    "Compared",
    "Entry",
    "LogViews",
    "Mark",
    "Moved",
    "Put",
    "Removed",
    "Search",
    "Selection",
    "TableSpec",
    "TenantEvent",
    "ViewRow",
    "ViewSource",
]


class TenantEvent(NamedTuple):
    """An event, and whose it is."""

    tenant: str
    event: RecordedEvent


class LogViews:
    """The log as projections of all streams see it. One tenant's handle sees every tenant here."""

    def __init__(
        self,
        store: Store,
        end: Callable[[], Awaitable[int]],
        reading: Callable[[], contextlib.AbstractAsyncContextManager[Reader]],
    ) -> None:
        self.tables: Final[ViewSource] = store.views
        self.rights: Final = store.rights
        self._feed = store.feed
        self._end = end
        self._reading = reading

    async def end(self) -> int:
        """Return the last position, once all that was committed before is in the feed."""
        return await self._end()

    async def events(self, after: int, until: int, limit: int) -> list[TenantEvent]:
        """Return up to `limit` events of all tenants with after < position <= until, in order."""
        rows = await self._feed.every_page(after, until, limit)
        return [
            TenantEvent(row[1], RecordedEvent(row[2], StoredEvent._make(row[4:]), row[0], row[3]))
            for row in rows
        ]

    @contextlib.asynccontextmanager
    async def following(self) -> AsyncGenerator[Reader]:
        """Lend one who waits for the feed to move."""
        async with self._reading() as reader:
            yield reader
