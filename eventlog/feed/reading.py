"""Reading the feed: every committed event of a tenant once, over all streams, in one order."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Final

from eventlog.errors import UnavailableError
from eventlog.feed.notifier import Notifier
from eventlog.feed.sequencer import Sequencer
from eventlog.feed.tail import Waiter
from eventlog.feed.trail import Trail, check_reached
from eventlog.format.envelope import RecordedEvent
from eventlog.format.opening import Opener
from eventlog.format.records import StoredEvent
from eventlog.keys.data_keys import DataKeys
from eventlog.store.contract.events import is_last
from eventlog.store.contract.feed import FeedRow
from eventlog.store.contract.log import Store

PAGE: Final = 2000
"""Maximum number of events of one round trip."""

LONGEST_SPAN: Final = 64 * PAGE
"""Maximum number of positions of one round trip; those of other tenants' events are skipped."""

TICKS: Final = 4
"""Turns of the event loop until a statement is sent; a busy consumer may leave it no turn."""

OUTAGE_PAUSE: Final = 0.5
"""Seconds between reads while the database cannot be reached."""


class Cursor:
    """Reads a tenant's part of the feed from position `after` on, a page ahead where that pays."""

    def __init__(self, store: Store, tenant: str, after: int) -> None:
        self.after = after
        self.trail: Final = Trail(store)
        self._feed = store.feed
        self._tenant = tenant
        self._last = after
        self._span = PAGE
        self._ahead: asyncio.Task[tuple[int, list[FeedRow]]] | None = None

    async def read(self, until: int) -> list[FeedRow]:
        """Return the next rows, at most up to position `until`, and advance `after`.

        Raises HistoryLostError if the rows before these are not there any more.
        """
        ahead, self._ahead = self._ahead, None
        server, rows = await (ahead or self._fetch(until))
        await self.trail.check()
        if rows:
            self.trail.went(server, rows[-1])
        is_cut = not is_last(rows, PAGE)
        self.after = rows[-1][0] if is_cut else self._last
        is_much = is_cut or len(rows) > PAGE // 4
        self._span = PAGE if is_much else min(4 * self._span, LONGEST_SPAN)
        if self._feed.reads_ahead and self.after < until:
            self._ahead = asyncio.ensure_future(self._fetch(until))
            for _ in range(TICKS):
                await asyncio.sleep(0)
        return rows

    async def close(self) -> None:
        """Cancel the read of the next page."""
        if self._ahead is not None:
            self._ahead.cancel()
            await asyncio.wait((self._ahead,))

    async def _fetch(self, until: int) -> tuple[int, list[FeedRow]]:
        server = self._feed.server
        self._last = min(self.after + self._span, until)
        return server, await self._feed.page(self._tenant, self.after, self._last, PAGE)


async def read_feed(
    store: Store, tenant: str, after: int, notifier: Notifier, keys: DataKeys
) -> AsyncGenerator[RecordedEvent]:
    """Yield the events after position `after`, at least all that were committed at the call.

    Raises BeyondEndError or HistoryLostError.
    """
    end = 0
    sequencer = Sequencer(store.feed, notifier.announce)
    async with (
        _cursor(store, tenant, after) as cursor,
        contextlib.aclosing(sequencer.catching_up()) as positions,
    ):
        async for position in positions:
            end = position
            notifier.see(end)
            while cursor.after < position:
                rows = await cursor.read(position)
                openers = await _openers_of(rows, keys)
                for row in rows:
                    yield _event(row, openers, keys.plain)
    await check_reached(store.feed, after, end, "This reader")


async def follow_feed(
    store: Store, tenant: str, after: int, waiter: Waiter, keys: DataKeys
) -> AsyncGenerator[RecordedEvent]:
    """Yield the events after position `after`, then each that comes, until the waiter leaves.

    While the database cannot be reached, or is behind, it waits. Raises HistoryLostError.
    """
    async with _cursor(store, tenant, after) as cursor:
        waiter.trail = cursor.trail
        while (position := await waiter.wait_beyond(cursor.after)) is not None:
            while cursor.after < position and not waiter.has_left:
                rows, openers = await _read_through_outages(cursor, position, waiter, keys)
                for row in rows:
                    yield _event(row, openers, keys.plain)
                    if waiter.has_left:
                        return


def _event(row: FeedRow, openers: Mapping[bytes, Opener], plain: Opener) -> RecordedEvent:
    # One at a time: a page of new objects at once costs the garbage collector more than the reader.
    stored = StoredEvent._make(row[3:])
    opener = openers.get(stored.stream_id, plain)
    return RecordedEvent(row[1], stored, row[0], row[2], opener)


async def _openers_of(rows: Sequence[FeedRow], keys: DataKeys) -> Mapping[bytes, Opener]:
    return await keys.openers((row[1], StoredEvent._make(row[3:])) for row in rows)


async def last_position(store: Store, notifier: Notifier) -> int:
    """Return the last position, once all that was committed before has a position."""
    sequencer = Sequencer(store.feed, notifier.announce)
    end = [position async for position in sequencer.catching_up()][-1]
    notifier.see(end)
    return end


@contextlib.asynccontextmanager
async def _cursor(store: Store, tenant: str, after: int) -> AsyncGenerator[Cursor]:
    cursor = Cursor(store, tenant, after)
    try:
        yield cursor
    finally:
        await cursor.close()


async def _read_through_outages(
    cursor: Cursor, until: int, waiter: Waiter, keys: DataKeys
) -> tuple[list[FeedRow], Mapping[bytes, Opener]]:
    rows: list[FeedRow] | None = None
    while not waiter.has_left:
        try:
            if rows is None:
                rows = await cursor.read(until)
            return rows, await _openers_of(rows, keys)
        except UnavailableError:
            await asyncio.sleep(OUTAGE_PAUSE)
    return [], {}
