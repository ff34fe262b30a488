"""The log as projections of all streams use it: events of all tenants, and tables of views.

Rule: bytes and rows go in and out; the projection knows what they mean and who may see them.
"""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Final, NamedTuple

from eventlog.feed.tail import Waiter
from eventlog.format.chain import stream_id
from eventlog.format.envelope import RecordedEvent
from eventlog.format.names import MAIN
from eventlog.format.records import FoldInput, StoredEvent, held
from eventlog.keys.data_keys import DataKeys
from eventlog.paging import PAGE
from eventlog.store.contract.events import is_last
from eventlog.store.contract.feed import FeedRow
from eventlog.store.contract.log import MAX_VERSION, Store
from eventlog.store.contract.views import (
    NO_LIMIT,
    Batch,
    Checkpoint,
    ColumnSpec,
    Compared,
    DeadLetter,
    Forgotten,
    Mark,
    Moved,
    NamedLetter,
    Phrase,
    Purge,
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
    "Batch",
    "Checkpoint",
    "ColumnSpec",
    "Compared",
    "DeadLetter",
    "FoldInput",
    "Forgotten",
    "LogViews",
    "Mark",
    "Moved",
    "NamedLetter",
    "Phrase",
    "Purge",
    "Put",
    "Removed",
    "Search",
    "Selection",
    "TableSpec",
    "TenantEvent",
    "ViewRow",
    "ViewSource",
    "is_whole",
]


class TenantEvent(NamedTuple):
    """An event and its tenant."""

    tenant: str
    event: RecordedEvent


def is_whole(page: Sequence[TenantEvent], limit: int) -> bool:
    """Tell whether a page of up to `limit` events has all there is: it was not cut."""
    return is_last(page, limit, _held)


def _held(found: TenantEvent) -> int:
    return held(found.event.stored)


class LogViews:
    """Events of all tenants, whichever tenant the handle is of, and the tables of views."""

    def __init__(
        self,
        store: Store,
        keys: DataKeys,
        end: Callable[[], Awaitable[int]],
        reading: Callable[[], contextlib.AbstractAsyncContextManager[Waiter]],
    ) -> None:
        self.tables: Final[ViewSource] = store.views
        self.rights: Final = store.rights
        self.runs_out_of_process: Final = store.runs_out_of_process
        self._store = store
        self._keys = keys
        self._end = end
        self._reading = reading

    @property
    def has_keyring(self) -> bool:
        """Whether encrypted events can be opened, as far as the keyring has their keys."""
        return self._keys.are_used

    @property
    def server(self) -> int:
        """A number; while it is the same, what was read is of the same server as what is there."""
        return self._store.feed.server

    async def end(self) -> int:
        """Return the last position, once all that was committed before has a position."""
        return await self._end()

    async def events(self, after: int, until: int, limit: int) -> list[TenantEvent]:
        """Return up to `limit` events of all tenants with after < position <= until, in order.

        Fewer where they hold a lot of bytes: `is_whole` tells.
        The content of one that cannot be decrypted raises NoKeyError or WrongKeyError, when it is
        asked for: other events, and other tenants, are not concerned.
        """
        return await self._opened(await self._store.feed.every_page(after, until, limit))

    async def conversation(self, tenant: str, name: str, until: int) -> list[TenantEvent]:
        """Return the events of a conversation with all its branches up to a position, in order.

        All at once.
        """
        streams: list[tuple[str, bytes]] = [(MAIN, stream_id(tenant, name))]
        while found := await self._store.streams.branches(tenant, name, streams[-1][0], PAGE):
            streams += [(row.branch, row.stream_id) for row in found]
        rows = [
            (position, tenant, name, branch, *stored)
            for branch, identity in streams
            for position, stored in await self._stream(identity, until)
        ]
        return await self._opened(sorted(rows, key=lambda row: row[0]))

    async def _stream(self, identity: bytes, until: int) -> list[tuple[int, StoredEvent]]:
        found: list[tuple[int, StoredEvent]] = []
        after = 0
        while places := await self._store.tree.places(identity, after, MAX_VERSION, PAGE):
            at = dict(places)
            last = places[-1][0]
            events = await self._store.events.page(identity, after, last, len(places) + 1)
            found += [
                (at[one.version], one)
                for one in events
                if at.get(one.version, MAX_VERSION) <= until
            ]
            after = last if is_last(events, len(places) + 1) else events[-1].version
        return found

    async def _opened(self, rows: Sequence[FeedRow]) -> list[TenantEvent]:
        events = [StoredEvent._make(row[4:]) for row in rows]
        openers = await self._keys.openers(
            (row[2], event) for row, event in zip(rows, events, strict=True)
        )
        found, plain = list[TenantEvent](), self._keys.plain
        for row, stored in zip(rows, events, strict=True):
            own, left = openers.get(stored.stream_id, plain), stored
            if own.keys is not None and stored.key_id in own.keys.destroyed:
                left = stored._replace(salt=None, context=None, body=None)  # Erased meanwhile.
            found.append(TenantEvent(row[1], RecordedEvent(row[2], left, row[0], row[3], own)))
        return found

    @contextlib.asynccontextmanager
    async def following(self) -> AsyncGenerator[Waiter]:
        """Open a waiter for the feed, and close it at the end."""
        async with self._reading() as reader:
            yield reader
