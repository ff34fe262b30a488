"""One handle on a log: what it holds, for projections and adapters (an SPI, not for programs)."""

import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Final

from eventlog import clocks, resources
from eventlog.addresses.log import Address
from eventlog.background import Background
from eventlog.counters import Counters
from eventlog.errors import ClosedError
from eventlog.feed.reading import last_position
from eventlog.feed.tail import Waiter
from eventlog.format import chain
from eventlog.format.names import MAIN, check_branch, check_name
from eventlog.format.records import StreamRow
from eventlog.snapshots import StreamSnapshots
from eventlog.store.contract.log import Store
from eventlog.store.contract.options import Options
from eventlog.tree import Tree
from eventlog.views import LogViews

if TYPE_CHECKING:
    from eventlog.redis.shared_cache import SharedCache

RECENT: Final = 1000
"""Positions in which the streams that were appended to last are looked for."""


class Handle:
    """What one tenant's handle holds; handles on one database share its store and memory."""

    def __init__(
        self,
        address: Address,
        options: Options,
        tenant: str,
        *,
        max_item_bytes: int,
        clock: Callable[[], int],
    ) -> None:
        self.address: Final = address
        self.tenant: Final = tenant
        self.max_item_bytes: Final = max_item_bytes
        self.max_inflated_bytes: Final = options.max_inflated_bytes
        self._clock = clock
        self._closed = False
        self._resources: Final = resources.lease(address, options, self)
        self._store: Final = self._resources.store
        self._readers: set[Waiter] = set()
        self.notifier: Final = self._resources.notifier
        self.cache: Final = self._resources.cache
        self.keys: Final = self._resources.keys
        self.background: Final = Background()

    @property
    def store(self) -> Store:
        """Where the bytes are. Raises ClosedError."""
        self.raise_if_closed()
        return self._store

    @property
    def now(self) -> int:
        """The writer's clock, in microseconds since 1970 UTC.

        Raises InvalidOptionError or ClockAheadError.
        """
        return clocks.read(self._clock)

    @property
    def shared(self) -> "SharedCache | None":
        """The cache that processes share, if the log was opened with a Redis."""
        return self._resources.shared_cache

    @property
    def counters(self) -> Counters:
        """How often reads were answered from the caches and snapshots."""
        counters = self._resources.counters
        if self.shared is not None:
            counters.shared_failures = self.shared.failures
        return counters

    @property
    def tree(self) -> Tree:
        """What commits to the feed of all tenants."""
        store = self.store
        return Tree(store.tree, store.rights, self.position, self.stream_id, lambda: self.now)

    @property
    def views(self) -> LogViews:
        """What projections of all streams read and keep, whatever their tenants."""
        return LogViews(self.store, self.keys, self.position, self.waiting)

    def stream_id(self, stream: str, *, branch: str = MAIN) -> bytes:
        """Return the 16-byte identity of a stream, there or not."""
        return chain.stream_id(self.tenant, check_name("session_id", stream), check_branch(branch))

    def snapshots(self, stream: str, schema: int, *, branch: str = MAIN) -> StreamSnapshots:
        """Return what a projection with this schema number keeps of a stream."""
        stream_id, store = self.stream_id(stream, branch=branch), self.store
        return StreamSnapshots(store, stream_id, schema, stream, self.keys)

    async def position(self) -> int:
        """Return the last position of the feed, over all tenants; 0 where there is nothing."""
        return await last_position(self.store, self.notifier)

    async def latest(self, limit: int) -> list[StreamRow]:
        """Return up to `limit` streams of this tenant that were appended to last, latest first.

        Of those that the last RECENT positions are of, if that is enough; otherwise every row of
        the tenant is looked at, which takes the longer the more there are.
        """
        end = await self.position()
        recent = await self.store.tree.placed(max(end - RECENT, 0), end, RECENT)
        ids = list(dict.fromkeys(place.stream_id for place in reversed(recent)))
        found: list[StreamRow] = []
        for at in range(0, len(ids), 4 * limit):
            rows = await self.store.streams.several(ids[at : at + 4 * limit])
            found += [row for row in rows if row.tenant == self.tenant]
            if len(found) >= limit:
                return sorted(found, key=lambda row: (-row.head.at, row.name))[:limit]
        return await self.store.streams.latest(self.tenant, limit)

    @contextlib.asynccontextmanager
    async def waiting(self) -> AsyncGenerator[Waiter]:
        """Wait for the feed to grow, for as long as the handle is open."""
        waiter = self.notifier.join()
        self._readers.add(waiter)
        try:
            yield waiter
        finally:
            self._readers.discard(waiter)
            await waiter.leave()

    def raise_if_closed(self) -> None:
        """Raise ClosedError if the handle was closed."""
        if self._closed:
            raise ClosedError(
                f"EventLog({str(self.address)!r}, tenant={self.tenant!r}) is closed."
                " Open a new EventLog."
            )

    async def close(self) -> None:
        """Give the handle back; the last one on a database closes its connections. Idempotent."""
        if not self._closed:
            self._closed = True
            for reader in tuple(self._readers):
                await reader.leave()
            await self.background.finish()
            await self.notifier.close()
            await resources.release(self.address, self._resources, self)
