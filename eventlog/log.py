"""The log: append events to streams, read them back, verify them."""

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple, Self, Union

from eventlog import moments
from eventlog.addresses.log import parse
from eventlog.appending import append, refused
from eventlog.clocks import now
from eventlog.counters import Counters
from eventlog.errors import (
    BeyondEndError,
    InvalidOptionError,
    WaitTimeoutError,
)
from eventlog.feed.reading import follow_feed, read_feed
from eventlog.feed.trail import check_reached
from eventlog.format import chain
from eventlog.format.envelope import RecordedEvent
from eventlog.format.events import Event, NewEvent
from eventlog.format.inflating import MAX_INFLATED
from eventlog.format.names import MAIN, check_name
from eventlog.format.questions import check_version
from eventlog.format.records import Appended, StreamRow
from eventlog.format.requests import build
from eventlog.handle import Handle
from eventlog.keys.ring import KeyRing
from eventlog.pages import all_streams, branches_of, events_of, streams_of
from eventlog.paging import Paged, Results
from eventlog.proof.checkpoint import TreeHead, Verifiers
from eventlog.redis.address import RedisAddress
from eventlog.store.contract.options import (
    CACHE_BYTES,
    MAX_ITEM_BYTES,
    Durability,
    Options,
    PostgresOptions,
    SqliteOptions,
    largest_event,
)
from eventlog.tree import Tree

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from eventlog.verify.faults import OnProgress, Verification

DEFAULT_TENANT: Final = "default"


class EventLog:
    """An append-only log of conversations, as one tenant sees it.

    `url` is the path of a SQLite file, ":memory:" (private to this handle), or a postgresql URL.
    Opening costs nothing: the database is reached, and a new one created, by the first call.
    Handles of one process on the same database share its connections and must give the same
    options. Closing is optional, also through `async with`; a handle works in any event loop.

    keyring: encrypts everything that holds content (see eventlog.keys). compress: whether bodies
    are compressed before they are encrypted; the length of one tells then what it repeats.
    redis: a URL, or a client of redis.asyncio that its owner closes; notifications between
    processes, and what they remember together, go through it.
    migrate: upgrade an older log when opening it. create: make a new log where there is none;
    otherwise NotAnEventLogError. read_only: the database is opened for reading alone; what others
    keep beside the events (snapshots, views, the tree) is used, and nothing is added to it.
    durability: "full" survives a power cut; "normal" may lose the last moments before one (SQLite's
    synchronous=NORMAL, PostgreSQL's synchronous_commit=off), though not by a crash of the program.
    poll_interval: seconds between looks at the feed when nobody notifies.
    cache_bytes: how much a process remembers of what it has read, for all handles on one database.
    max_item_bytes: larger items are refused, as JSON in UTF-8. max_inflated_bytes: what one event
    may come to as JSON, however little it takes where it is stored; at least one such item.
    sqlite, postgres: what concerns one database alone. clock: microseconds since 1970 UTC.

    Raises InvalidAddressError, InvalidNameError or InvalidOptionError.
    """

    def __init__(
        self,
        url: str | os.PathLike[str],
        *,
        tenant: str = DEFAULT_TENANT,
        keyring: KeyRing | None = None,
        redis: Union[str, "Redis", None] = None,
        migrate: bool = False,
        create: bool = True,
        read_only: bool = False,
        durability: Durability = "full",
        compress: bool = True,
        poll_interval: float = 0.25,
        cache_bytes: int = CACHE_BYTES,
        max_item_bytes: int = MAX_ITEM_BYTES,
        max_inflated_bytes: int = MAX_INFLATED,
        sqlite: SqliteOptions | None = None,
        postgres: PostgresOptions | None = None,
        clock: Callable[[], int] = now,
    ) -> None:
        self.tenant: Final = check_name("tenant", tenant)
        options = Options(
            durability=durability,
            migrate=migrate,
            create=create,
            read_only=read_only,
            poll_interval=poll_interval,
            redis=None if redis is None else RedisAddress(redis),
            cache_bytes=cache_bytes,
            keyring=keyring,
            compress=compress,
            max_inflated_bytes=largest_event(max_item_bytes, max_inflated_bytes),
            sqlite=sqlite or SqliteOptions(),
            postgres=postgres or PostgresOptions(),
        )
        self.spi: Final = Handle(
            parse(url, options.postgres.schema),
            options,
            tenant,
            max_item_bytes=max_item_bytes,
            clock=clock,
        )
        """What projections and adapters need of the handle (eventlog.handle); programs do not."""

    def __repr__(self) -> str:
        return f"EventLog({str(self.spi.address)!r}, tenant={self.tenant!r})"

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

        Raises InvalidInputError, ConflictError, EventIdReusedError, ArchivedError, ErasedError or
        StoreError: nothing is stored then, nor will be, unless it is InDoubtError. After that,
        append again with the same `event_id`. ErasedError: the context's `seen_version` is before
        an erasure.
        """
        request = build(
            self.tenant,
            stream,
            events,
            expected_version,
            self.spi.now,
            self.spi.max_item_bytes,
            branch,
            self.spi.max_inflated_bytes,
        )
        parent = request.parent
        if parent is not None and parent.version:
            moments.check_parent(parent, await self.stream(parent.stream_id), stream)
        try:
            outcome = await append(self.spi.store, self.spi.keys, request)
        finally:
            self.spi.notifier.announce()
        if isinstance(outcome, Appended):
            return outcome
        raise refused(stream, expected_version, outcome)

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
        return events_of(self.spi, stream, branch, after, until, kind)

    def feed(self, after: int = 0) -> Results[RecordedEvent]:
        """Yield every event of this tenant behind position `after` once, as the log has them.

        Order is that of the positions, which keeps the order of each stream. All that was committed
        when the first event is asked for is among them. Raises InvalidMomentError, and
        BeyondEndError if the feed ends before `after`: the log was put back to an earlier state.
        """
        check_version("after", after)
        spi = self.spi
        return Results(read_feed(spi.store, self.tenant, after, spi.notifier, spi.keys))

    def subscribe(self, after: int = 0) -> Results[RecordedEvent]:
        """Yield what the feed has behind `after`, and then every event as it comes.

        Ends when the log is closed. Raises StoreError if the database cannot be reached at first;
        later it waits. Raises BeyondEndError if the feed ends before `after`, or has become shorter
        meanwhile, and HistoryLostError if what was yielded is not there any more. Use
        contextlib.aclosing, or leave the loop: nothing is left behind.
        """
        check_version("after", after)
        return Results(self._subscribe(after))

    async def position(self) -> int:
        """Return the last position of the feed, over all tenants; 0 where there is nothing."""
        return await self.spi.position()

    async def wait_for(self, position: int, timeout: float = 5.0) -> None:  # noqa: ASYNC109
        """Return once the feed has reached `position`.

        Raises WaitTimeoutError; BeyondEndError for a position that this process has seen reached
        and that the feed has lost, at once, or if the feed becomes shorter meanwhile.
        """
        check_version("position", position)
        reached = await self.position()
        if reached >= position:
            return
        if position <= self.spi.notifier.furthest and not await self.spi.store.feed.is_standby():
            raise BeyondEndError(position, reached, "This process")
        async with self.spi.waiting() as waiter:
            try:
                async with asyncio.timeout(timeout):
                    await waiter.wait_beyond(position - 1)
            except TimeoutError as error:
                raise WaitTimeoutError(position, timeout, reached) from error
        self.spi.raise_if_closed()

    async def version(self, stream: str, *, branch: str = MAIN) -> int:
        """Return the version of the stream's head, 0 where there is nothing."""
        head = await self.spi.store.streams.head(self.spi.stream_id(stream, branch=branch))
        return 0 if head is None else head.version

    async def version_at(self, stream: str, as_of: int | datetime, *, branch: str = MAIN) -> int:
        """Return the version that the stream was at: itself, or at an aware datetime.

        Raises InvalidMomentError for a naive datetime, and for a version that is not there yet.
        """
        stream_id = self.spi.stream_id(stream, branch=branch)
        return await moments.version_at(self.spi.store, stream, stream_id, as_of)

    async def latest(self) -> StreamRow | None:
        """Return the stream of this tenant that was appended to last, whichever branch it is."""
        found = await self.spi.latest(1)
        return found[0] if found else None

    def streams(self, *, branches: bool = False, after: str = "") -> Paged[StreamRow]:
        """Iterate over the conversations of this tenant, by name; with `branches`, over each.

        `after` is a name: what comes behind it.
        """
        return streams_of(self.spi, after, branches=branches)

    def branches(self, stream: str) -> Paged[StreamRow]:
        """Iterate over the branches of a conversation by name; the main one is none of them."""
        return branches_of(self.spi, stream)

    async def stream(self, stream: str | bytes, *, branch: str = MAIN) -> StreamRow | None:
        """Return what is known of a stream of this tenant, by its name or its stream_id."""
        stream_id = (
            stream if isinstance(stream, bytes) else self.spi.stream_id(stream, branch=branch)
        )
        found = await self.spi.store.streams.row(stream_id)
        return None if found is None or found.tenant != self.tenant else found

    @property
    def counters(self) -> Counters:
        """How often reads were helped by what was remembered or stored."""
        return self.spi.counters

    @property
    def tree(self) -> Tree:
        """What commits to the feed of all tenants: heads to sign and keep, proofs to give away."""
        return self.spi.tree

    async def verify(
        self,
        stream: str | None = None,
        *,
        against: TreeHead | None = None,
        since: TreeHead | None = None,
        key: Verifiers | None = None,
        progress: "OnProgress | None" = None,
        open: bool = False,  # noqa: A002
        all_tenants: bool = False,
    ) -> "Verification":
        """Check a conversation with its branches, or all of this tenant and the feed.

        Names what is not right. `against`: a head that was kept where the log's owner cannot write,
        opened by its verifier; only with one does this find a log that was cut off, rolled back or
        computed anew. `since`: such a head, of a log that was verified then; only what came after
        it is checked, at the cost of that: that the feed goes on from it, each event behind it, and
        whole conversations of which something was erased since. Older rows that were changed since
        are not read. `key`: one or several, of who signed the stored heads: what another one
        signed is a warning. `progress` is told how many events were checked. `open`: contents are
        opened and decoded, too, which takes the keyring where they are encrypted. `all_tenants`:
        those of every tenant, for whoever may see them. Reads in bounded memory; what is appended
        meanwhile is left to the next check. A database role of one tenant cannot check the feed
        of all, nor a head of it.

        Raises StoreError if the log could not be checked, InvalidOptionError if this role cannot.
        """
        how = _Verifying(against, since, key, progress, open)
        return await _verify(self.spi, stream, how, all_tenants=all_tenants)

    async def close(self) -> None:
        """Give the handle back; the last one on a database closes its connections. Idempotent."""
        await self.spi.close()

    async def _subscribe(self, after: int) -> AsyncGenerator[RecordedEvent]:
        # A database that cannot be reached is an error only at first.
        spi = self.spi
        await check_reached(spi.store.feed, after, await self.position(), "This subscriber")
        async with spi.waiting() as waiter:
            events = follow_feed(spi.store, self.tenant, after, waiter, spi.keys)
            async with contextlib.aclosing(events):
                async for event in events:
                    yield event


class _Verifying(NamedTuple):
    """What a verification is held against, and how it goes on."""

    against: TreeHead | None
    since: TreeHead | None
    key: Verifiers | None
    progress: "OnProgress | None"
    opens: bool


async def _verify(
    handle: Handle, stream: str | None, how: _Verifying, *, all_tenants: bool
) -> "Verification":
    """Verify as `EventLog.verify` says."""
    # A start must be quick, and few programs verify.
    from eventlog.verify.log import verify_all, verify_conversation
    from eventlog.verify.since import verify_since

    against, since, key, progress, opens = how
    store, keys = handle.store, handle.keys
    tenant = None if all_tenants else handle.tenant
    if since is not None:
        if stream is not None or against is not None:
            raise InvalidOptionError(
                "Since a head, the whole log is verified and held against that head: name no"
                " conversation and no other head."
            )
        return await verify_since(
            store, keys, tenant, since, key, handle.position, progress, opens=opens
        )
    if stream is None:
        streams = all_streams(handle) if all_tenants else streams_of(handle, "", branches=True)
        return await verify_all(store, keys, tenant, streams, against, key, progress, opens=opens)
    if all_tenants:
        raise InvalidOptionError("A conversation is one tenant's: name it, or all tenants.")
    stream_id = handle.stream_id(stream)
    main = await store.streams.row(stream_id) or StreamRow(
        stream_id, handle.tenant, stream, chain.GENESIS
    )
    branches = branches_of(handle, stream)
    return await verify_conversation(
        store, keys, main, branches, against, key, progress, opens=opens
    )
