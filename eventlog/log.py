"""The log: append events to streams, read them back, verify them."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime
from typing import Any, Final, Self

from eventlog import moments, resources
from eventlog.appending import append
from eventlog.background import Background
from eventlog.counters import Counters
from eventlog.errors import (
    ClosedError,
    ConflictError,
    EventIdReusedError,
    InvalidOptionError,
    WaitTimeoutError,
)
from eventlog.feed.reading import check_position, follow_feed, last_position, read_feed
from eventlog.feed.tail import Waiter
from eventlog.format import chain
from eventlog.format.envelope import RecordedEvent
from eventlog.format.events import Event, NewEvent
from eventlog.format.names import MAIN, check_branch, check_name
from eventlog.format.records import Appended, Stale, StreamRow
from eventlog.format.requests import build
from eventlog.keys.ring import KeyRing
from eventlog.paging import PAGE, Paged
from eventlog.proof.checkpoint import TreeHead, Verifier
from eventlog.redis.address import RedisAddress
from eventlog.redis.shared_cache import SharedCache
from eventlog.snapshots import StreamSnapshots
from eventlog.store.addresses.log import parse
from eventlog.store.contract.log import CACHE_BYTES, MAX_ITEM_BYTES, MAX_VERSION, Options, Store
from eventlog.tree import Tree
from eventlog.verify.faults import Progress, Verification
from eventlog.verify.log import verify_all, verify_conversation
from eventlog.views import LogViews

DEFAULT_TENANT: Final = "default"
DEFAULT_SCHEMA: Final = "eventlog"


def _now() -> int:
    return time.time_ns() // 1000


class EventLog:
    """An append-only log of conversations, as one tenant sees it.

    `url` is the path of a SQLite file, ":memory:" (private to this handle), or a postgresql URL.
    Opening costs nothing: the database is reached, and a new one created, by the first call.
    Handles of one process on the same database share its connections and must give the same
    options. Closing is optional, also through `async with`; a handle works in any event loop.

    durability: "full" survives a power cut; "normal" may lose the last moments before one (SQLite's
    synchronous=NORMAL, PostgreSQL's synchronous_commit=off), though not by a crash of the program.
    schema: where PostgreSQL keeps the tables. migrate: upgrade an older log when opening it.
    create: make a new log where there is none; otherwise NotAnEventLogError.
    Timeouts are in seconds. clock: microseconds since 1970 UTC.
    redis: a URL, or a client of redis.asyncio that its owner closes; hints between processes go
    through it. poll_interval: seconds between looks at the feed when nobody gives a hint.
    cache_bytes: how much a process remembers of what it has read, for all handles on one database.
    max_item_bytes: larger items are refused, as JSON in UTF-8.
    pgbouncer: the URL names a PgBouncer in transaction mode: no named statements, no settings of a
    session, no LISTEN; a statement then takes two round trips.
    keyring: encrypts everything that holds content (see eventlog.keys). compress: whether bodies
    are compressed before they are encrypted; the length of one tells then what it repeats.

    Raises InvalidAddressError, InvalidNameError or InvalidOptionError.
    """

    def __init__(
        self,
        url: str | os.PathLike[str],
        *,
        tenant: str = DEFAULT_TENANT,
        durability: str = "full",
        schema: str = DEFAULT_SCHEMA,
        migrate: bool = False,
        create: bool = True,
        pool_size: int = 8,
        connect_timeout: float = 10.0,
        statement_timeout: float = 30.0,
        busy_timeout: float = 5.0,
        poll_interval: float = 0.25,
        redis: Any = None,
        pgbouncer: bool = False,
        cache_bytes: int = CACHE_BYTES,
        max_item_bytes: int = MAX_ITEM_BYTES,
        keyring: KeyRing | None = None,
        compress: bool = True,
        clock: Callable[[], int] = _now,
    ) -> None:
        self.tenant: Final = check_name("tenant", tenant)
        self._address = parse(url, check_name("schema", schema))
        options = Options(
            durability=durability,
            migrate=migrate,
            create=create,
            pool_size=pool_size,
            connect_timeout=connect_timeout,
            statement_timeout=statement_timeout,
            busy_timeout=busy_timeout,
            poll_interval=poll_interval,
            redis=None if redis is None else RedisAddress(redis),
            pgbouncer=pgbouncer,
            cache_bytes=cache_bytes,
            keyring=keyring,
            compress=compress,
        )
        if max_item_bytes < 1:
            raise InvalidOptionError(f"max_item_bytes is at least 1, not {max_item_bytes!r}.")
        self.max_item_bytes: Final = max_item_bytes
        self._clock = clock
        self._closed = False
        self._resources: Final = resources.lease(self._address, options, self)
        self._store: Final[Store] = self._resources.store
        self._notifier: Final = self._resources.notifier
        self._readers: set[Waiter] = set()
        self.cache: Final = self._resources.cache
        self.keys: Final = self._resources.keys
        self.background: Final = Background()

    def __repr__(self) -> str:
        return f"EventLog({str(self._address)!r}, tenant={self.tenant!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def append(
        self,
        stream: str,
        events: Event | NewEvent | Sequence[Event | NewEvent],
        *,
        expected_version: int | None = None,
        branch: str = MAIN,
    ) -> Appended:
        """Append a batch, all or nothing, and return the versions that it got.

        `branch` is the name of a branch of the conversation, here and below; without it, it is the
        main one. With `expected_version`, only if the stream is at that version (0: if it is new).
        Events are encoded before the first await, so the caller may change them afterwards. Settles
        even if the caller is cancelled. An event with an `event_id` that is in the stream already
        returns the first answer, `replayed`.

        Raises InvalidInputError, ConflictError, EventIdReusedError or StoreError; nothing is stored
        then.
        """
        request = build(
            self.tenant,
            stream,
            events,
            expected_version,
            self._clock(),
            self.max_item_bytes,
            branch,
        )
        parent = request.parent
        if parent is not None and parent.version:
            moments.check_parent(parent, await self.stream(parent.stream_id), stream)
        try:
            outcome = await append(self.store, self.keys, request)
        finally:
            self._notifier.announce()
        if isinstance(outcome, Appended):
            return outcome
        if isinstance(outcome, Stale):
            raise ConflictError(stream, expected_version or 0, outcome.actual)
        raise EventIdReusedError(stream, outcome.event_id)

    def read(
        self,
        stream: str,
        *,
        after: int = 0,
        until: int | None = None,
        kind: str | None = None,
        branch: str = MAIN,
    ) -> Paged[RecordedEvent]:
        """Iterate over the events with after < version <= until, in order; None means the head.

        With `kind`, only over those of that kind. The events of one call are read in pages; those
        appended meanwhile are among them.
        """
        stream_id = self.stream_id(stream, branch=branch)
        last = MAX_VERSION if until is None else until
        self.raise_if_closed()

        async def page(seen: RecordedEvent | None) -> list[RecordedEvent]:
            start = after if seen is None else seen.version
            found = await self.store.page(stream_id, start, last, PAGE, kind)
            keys = await self.keys.of_events((stream, stored) for stored in found)
            return [
                RecordedEvent(stream, stored, None, branch, keys.get(stream_id)) for stored in found
            ]

        return Paged(page)

    def feed(self, after: int = 0) -> AsyncGenerator[RecordedEvent]:
        """Yield every event of this tenant behind position `after` once, as the log has them.

        Order is that of the positions, which keeps the order of each stream. All that was committed
        when the first event is asked for is among them. Raises InvalidMomentError.
        """
        check_position("after", after)
        return read_feed(self.store, self.tenant, after, self._notifier, self.keys)

    def subscribe(self, after: int = 0) -> AsyncGenerator[RecordedEvent]:
        """Yield what the feed has behind `after`, and then every event as it comes.

        Ends when the log is closed. Raises StoreError if the database cannot be reached at first;
        later it waits. Use contextlib.aclosing, or leave the loop: nothing is left behind.
        """
        check_position("after", after)
        return self._subscribe(after)

    async def position(self) -> int:
        """Return the last position of the feed, over all tenants; 0 where there is nothing."""
        return await last_position(self.store, self._notifier)

    async def wait_for(self, position: int, timeout: float = 5.0) -> None:  # noqa: ASYNC109
        """Return once the feed has reached `position`. Raises WaitTimeoutError."""
        check_position("position", position)
        reached = await self.position()
        if reached >= position:
            return
        async with self._reading() as reader:
            try:
                async with asyncio.timeout(timeout):
                    await reader.wait_beyond(position - 1)
            except TimeoutError as error:
                raise WaitTimeoutError(position, timeout, reached) from error
        self.raise_if_closed()

    async def work(self, stop: asyncio.Event) -> None:
        """Keep the feed growing until `stop` is set. Raises StoreError if it cannot begin."""
        await self.position()  # A database that cannot be reached is an error only at first.
        async with self._reading() as reader:
            await reader.watch(stop)

    async def version(self, stream: str, *, branch: str = MAIN) -> int:
        """Return the version of the stream's head, 0 where there is nothing."""
        head = await self.store.head(self.stream_id(stream, branch=branch))
        return 0 if head is None else head.version

    async def version_at(self, stream: str, as_of: int | datetime, *, branch: str = MAIN) -> int:
        """Return the version that the stream was at: itself, or at an aware datetime.

        Raises InvalidMomentError for a naive datetime, and for a version that is not there yet.
        """
        stream_id = self.stream_id(stream, branch=branch)
        return await moments.version_at(self.store, stream, stream_id, as_of)

    async def latest(self) -> StreamRow | None:
        """Return the stream of this tenant that was appended to last, whichever branch it is."""
        return await self.store.latest(self.tenant)

    def streams(self, *, branches: bool = False, after: str = "") -> Paged[StreamRow]:
        """Iterate over the conversations of this tenant, by name; with `branches`, over each.

        `after` is a name: what comes behind it.
        """

        async def page(last: StreamRow | None) -> list[StreamRow]:
            store, name = self.store, after if last is None else last.name
            if not branches:
                return await store.streams(self.tenant, name, PAGE)
            place = (name, MAIN if last is None else last.branch)
            return await store.every_stream(self.tenant, place, PAGE)

        return Paged(page)

    def branches(self, stream: str) -> Paged[StreamRow]:
        """Iterate over the branches of a conversation by name; the main one is none of them."""
        check_name("session_id", stream)

        async def page(last: StreamRow | None) -> list[StreamRow]:
            after = MAIN if last is None else last.branch
            return await self.store.branches(self.tenant, stream, after, PAGE)

        return Paged(page)

    async def stream(self, stream: str | bytes, *, branch: str = MAIN) -> StreamRow | None:
        """Return what is known of a stream of this tenant, by its name or its stream_id."""
        stream_id = stream if isinstance(stream, bytes) else self.stream_id(stream, branch=branch)
        found = await self.store.stream(stream_id)
        return None if found is None or found.tenant != self.tenant else found

    @property
    def store(self) -> Store:
        """Where the bytes are. Raises ClosedError."""
        self.raise_if_closed()
        return self._store

    @property
    def now(self) -> int:
        """The writer's clock, in microseconds since 1970 UTC."""
        return self._clock()

    @property
    def counters(self) -> Counters:
        """How often reads were helped by what was remembered or stored."""
        counters = self._resources.counters
        if self.shared is not None:
            counters.shared_failures = self.shared.failures
        return counters

    @property
    def shared(self) -> SharedCache | None:
        """What processes remember together, if the log was opened with a Redis."""
        return self._resources.shared_cache

    def snapshots(self, stream: str, schema: int, *, branch: str = MAIN) -> StreamSnapshots:
        """Return what a projection with this schema number keeps of a stream."""
        stream_id, store = self.stream_id(stream, branch=branch), self.store
        return StreamSnapshots(store, stream_id, schema, stream, self.keys)

    @property
    def tree(self) -> Tree:
        """What commits to the feed of all tenants: heads to sign and keep, proofs to give away."""
        store = self.store
        return Tree(store.tree, store.rights, self.position, self.stream_id, self._clock)

    @property
    def views(self) -> LogViews:
        """What projections of all streams read and keep, whatever their tenants."""
        return LogViews(self.store, self.keys, self.position, self._reading)

    async def verify(
        self,
        stream: str | None = None,
        *,
        against: TreeHead | None = None,
        key: Verifier | None = None,
        progress: Progress | None = None,
    ) -> Verification:
        """Check a conversation with its branches, or all of this tenant and the feed.

        Names what is not right. `against`: a head that was kept where the log's owner cannot write,
        opened by its verifier; only with one does this find a log that was cut off, rolled back or
        computed anew. `key`: whose signature the stored heads must have. `progress` is told how
        many events were checked. Reads in bounded memory; what is appended meanwhile is left to the
        next check. A database role of one tenant cannot check the feed of all, nor a head of it.

        Raises StoreError if the log could not be checked, InvalidOptionError if this role cannot.
        """
        store = self.store
        if stream is None:
            streams = self.streams(branches=True)
            return await verify_all(store, self.keys, self.tenant, streams, against, key, progress)
        stream_id = self.stream_id(stream)
        main = await store.stream(stream_id) or StreamRow(
            stream_id, self.tenant, stream, chain.GENESIS
        )
        branches = self.branches(stream)
        return await verify_conversation(store, self.keys, main, branches, against, key, progress)

    async def close(self) -> None:
        """Give the handle back; the last one on a database closes its connections. Idempotent."""
        if not self._closed:
            self._closed = True
            for reader in tuple(self._readers):
                await reader.leave()
            await self.background.finish()
            await self._notifier.close()
            await resources.release(self._address, self._resources, self)

    @contextlib.asynccontextmanager
    async def _reading(self) -> AsyncGenerator[Waiter]:
        reader = self._notifier.join()
        self._readers.add(reader)
        try:
            yield reader
        finally:
            self._readers.discard(reader)
            await reader.leave()

    def raise_if_closed(self) -> None:
        """Raise ClosedError if the handle was closed."""
        if self._closed:
            raise ClosedError(f"{self!r} is closed. Open a new EventLog.")

    async def _subscribe(self, after: int) -> AsyncGenerator[RecordedEvent]:
        await self.position()  # A database that cannot be reached is an error only at first.
        async with self._reading() as reader:
            events = follow_feed(self.store, self.tenant, after, reader, self.keys)
            async with contextlib.aclosing(events):
                async for event in events:
                    yield event

    def stream_id(self, stream: str, *, branch: str = MAIN) -> bytes:
        """Return the 16-byte identity of a stream, there or not."""
        return chain.stream_id(self.tenant, check_name("session_id", stream), check_branch(branch))
