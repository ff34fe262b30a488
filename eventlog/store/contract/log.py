"""The contract of a store: what EventLog needs, and what a backend promises."""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from eventlog.errors import (
    NotAnEventLogError,
    SchemaTooNewError,
    SchemaTooOldError,
)
from eventlog.format.codec import decompress
from eventlog.format.records import (
    Appended,
    AppendRequest,
    EncodedEvent,
    Head,
    IdReused,
    KeyChanged,
    Outcome,
    StoredEvent,
    StreamCipher,
    StreamRow,
)
from eventlog.paging import PAGE, Paged
from eventlog.store.contract.erasures import Erasure
from eventlog.store.contract.feed import FeedSource
from eventlog.store.contract.keys import KeySource
from eventlog.store.contract.revisions import HEAD, REVISIONS, VERSION_TABLE
from eventlog.store.contract.rights import Rights
from eventlog.store.contract.snapshots import SnapshotSource
from eventlog.store.contract.tree import TreeSource
from eventlog.store.contract.views import ViewSource

MAX_VERSION: Final = 2**63 - 1


class Store(Protocol):
    """Bytes in and out of one database. Every method may be called from any event loop.

    Reads see every append that was acknowledged before they began. Database errors come out as
    StoreError; nothing else escapes.
    """

    runs_out_of_process: bool
    """Whether another process reads while this one computes."""

    async def append(self, request: AppendRequest) -> Outcome:
        """Store the batch or nothing. Settles even if the caller is cancelled."""
        ...

    async def erase(self, erasure: Erasure) -> bool:
        """Append the event and destroy content and snapshots of its stream, in one go.

        The keys as well, unless it is only the content of one event.

        False if the stream is not at the expected head: nothing was changed.
        """
        ...

    async def children(self, parent_id: bytes) -> list[StreamRow]:
        """Return every stream that was forked from this one."""
        ...

    async def head(self, stream_id: bytes) -> Head | None:
        """Return the end of a stream, or None where there is no such stream."""
        ...

    async def page(
        self, stream_id: bytes, after: int, until: int, limit: int, kind: str | None = None
    ) -> list[StoredEvent]:
        """Return up to `limit` events with after < version <= until, in order of version.

        With `kind`, only events of that kind.
        """
        ...

    async def version_at(self, stream_id: bytes, moment: int) -> int:
        """Return the last version recorded at or before `moment` (microseconds), or 0."""
        ...

    async def stream(self, stream_id: bytes) -> StreamRow | None:
        """Return the row of a stream, or None where there is no such stream."""
        ...

    async def streams(self, tenant: str, after: str, limit: int) -> list[StreamRow]:
        """Return up to `limit` of the tenant's main branches by name, behind the name `after`."""
        ...

    async def latest(self, tenant: str) -> StreamRow | None:
        """Return the tenant's stream with the last event, or None where there is no stream."""
        ...

    async def every_stream(
        self, tenant: str, after: tuple[str, str], limit: int
    ) -> list[StreamRow]:
        """Return up to `limit` of the tenant's streams by name and branch, behind `after`."""
        ...

    async def branches(self, tenant: str, name: str, after: str, limit: int) -> list[StreamRow]:
        """Return up to `limit` branches of a conversation, the main one is none, behind `after`."""
        ...

    async def unlisted(
        self, tenant: str, after: bytes, limit: int
    ) -> list[tuple[bytes, str, str, str]]:
        """Return id, tenant, name and branch of up to `limit` streams behind the id `after`.

        They are those that the list of `tenant` does not show: of others, or without a name.
        """
        ...

    async def many(self, stream_ids: Sequence[bytes], limit: int) -> list[StoredEvent]:
        """Return up to `limit` events of several streams, those of each in order of version."""
        ...

    async def strays(self) -> list[bytes]:
        """Return the first ids that events name and no stream has: tampering left them."""
        ...

    async def rights(self) -> Rights:
        """Return what the role that connects may do besides reading; remembered."""
        ...

    @property
    def snapshots(self) -> SnapshotSource:
        """What is kept of streams beside their events."""
        ...

    @property
    def views(self) -> ViewSource:
        """What projections keep of all streams."""
        ...

    @property
    def keys(self) -> KeySource:
        """The wrapped data keys of streams."""
        ...

    @property
    def feed(self) -> FeedSource:
        """All events of all streams, in one order."""
        ...

    @property
    def tree(self) -> TreeSource:
        """What commits to the feed."""
        ...

    async def close(self) -> None:
        """Give up every connection. Idempotent."""
        ...

    def forget(self) -> None:
        """Drop, without touching them, connections that another process owns (after a fork)."""
        ...


def rows(store: Store, stream_id: bytes, after: int, until: int) -> Paged[StoredEvent]:
    """Iterate over a stream's events with after < version <= until, in order, a page at a time."""

    async def page(last: StoredEvent | None) -> list[StoredEvent]:
        return await store.page(stream_id, after if last is None else last.version, until, PAGE)

    return Paged(page)


def needs_migration(
    where: str,
    tables: Mapping[str, Sequence[str]],
    revision: str | None,
    *,
    upgrade: bool = False,
    beside: bool = False,
    create: bool = True,
) -> bool:
    """Tell whether the log has to be created, or upgraded where `upgrade` allows it.

    Other people's tables are a reason to stop, unless the log may stand `beside` them.
    Raises NotAnEventLogError, SchemaTooOldError or SchemaTooNewError.
    """
    if VERSION_TABLE not in tables:
        if tables and not beside:
            raise _not_ours(where, tables)
        if not create:
            raise NotAnEventLogError(f"{where} holds no event log. Is the name right?")
        return True
    if revision == HEAD:
        return False
    if revision not in REVISIONS:
        raise SchemaTooNewError(
            f"{where} has schema {revision}, which this release does not know; it knows up to"
            f" {HEAD}. Upgrade conversation-eventlog."
        )
    if not upgrade:
        raise SchemaTooOldError(
            f"{where} has schema {revision}, this release needs {HEAD}. Call migrate(), or open"
            " the log with migrate=True."
        )
    return True


def _not_ours(where: str, tables: Mapping[str, Sequence[str]]) -> NotAnEventLogError:
    names = sorted(tables)
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    return NotAnEventLogError(
        f"{where} holds other tables ({shown}) and no event log. It was left untouched. Give the"
        " log a place of its own, or call migrate(..., beside=True) to create it beside them.",
        tables,
    )


def is_replay(event: EncodedEvent, stored: StoredEvent, cipher: StreamCipher | None) -> bool:
    """Tell whether `stored` is what an earlier send of `event` wrote.

    Salt and context are of the sending; what was said is kind, schema, header and body. An erased
    body can no longer be told apart from the one that is sent again.
    """
    if event[1:4] != (stored.kind, stored.schema, stored.header):
        return False
    if stored.body is None:
        return True
    try:
        body = stored.body if cipher is None else cipher.open_body(stored)
        return decompress(stored.codec, body) == event.body
    except ValueError:
        return False  # Somebody changed it: it is other content now.


def answer_replay(request: AppendRequest, known: Sequence[StoredEvent]) -> Outcome | None:
    """Tell what became of a batch some of whose event ids are in the log already, as `known`.

    The batch was stored before only if all of it is there, in one run of versions.
    """
    if not known:
        return None
    events, cipher = request.events, request.cipher
    used = {one.key_id for one in known if one.body is not None and one.key_id is not None}
    if unknown := [key_id for key_id in used if cipher is None or not cipher.knows(key_id)]:
        return KeyChanged(unknown[0])
    stored = {event.event_id: event for event in known}
    first = known[0].version
    for offset, event in enumerate(events):
        match = stored.get(event.event_id) if event.event_id is not None else None
        is_next = match is not None and match.version == first + offset
        if match is None or not is_next or not is_replay(event, match, cipher):
            return IdReused(next(event_id for event_id in stored if event_id) or "")
    return Appended(first, first + len(events) - 1, replayed=True)
