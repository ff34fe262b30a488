"""Where a reader of the feed was last: the log that it goes on in has to have been there too.

Rule: the last event that was read is looked for again whenever the server may be another one. A
position alone tells nothing: after a fail-over, another event may have it.
"""

from typing import Final, NamedTuple

from eventlog.errors import BeyondEndError, HistoryLostError, ReplicaBehindError
from eventlog.format.records import StoredEvent
from eventlog.store.contract.feed import FeedRow, FeedSource
from eventlog.store.contract.log import Store
from eventlog.store.contract.tree import Placed


class _Place(NamedTuple):
    position: int
    stream: str
    stream_id: bytes
    version: int
    hash: bytes


class Trail:
    """The last event that one reader was given, and what it was read from."""

    def __init__(self, store: Store) -> None:
        self._store: Final = store
        self._last: _Place | None = None
        self._server = store.feed.server

    async def check(self) -> None:
        """Raise HistoryLostError if the log has another event where the last was that was read.

        Raises BeyondEndError if the feed ends before it, ReplicaBehindError if it may still come.
        """
        server, last = self._store.feed.server, self._last
        if server == self._server:
            return
        if last is not None and not await self._has(last):
            feed = self._store.feed
            await check_reached(feed, last.position, await feed.position(), "This reader")
            raise HistoryLostError.at(last.position, last.stream, last.version)
        if last is self._last:
            self._server = server

    def went(self, server: int, row: FeedRow) -> None:
        """Remember a row that was asked for when `server` was the last one known."""
        stored = StoredEvent._make(row[3:])
        self._last = _Place(row[0], row[1], stored.stream_id, stored.version, stored.hash)
        self._server = server

    async def _has(self, last: _Place) -> bool:
        events = await self._store.events.page(last.stream_id, last.version - 1, last.version, 1)
        if [event.hash for event in events] != [last.hash]:
            return False
        # By the position, which is the key of the feed: by its event it would be a scan.
        placed = await self._store.tree.placed(last.position - 1, last.position, 1)
        return placed == [Placed(last.position, last.stream_id, last.version)]


async def check_reached(feed: FeedSource, after: int, end: int, reader: str) -> None:
    """Raise BeyondEndError if a reader goes on behind a position that the feed has not reached.

    Positions only grow: whoever has been there has been in a log that had more. Raises
    ReplicaBehindError where it may still come.
    """
    if after > end:
        if await feed.is_standby():
            raise ReplicaBehindError(after, end)
        raise BeyondEndError(after, end, reader)
