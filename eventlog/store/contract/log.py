"""The contract of a store: what EventLog needs, and what a backend promises."""

from collections.abc import Coroutine
from typing import Any, Final, Protocol

from eventlog.format.records import AppendRequest, Outcome
from eventlog.store.contract.erasures import Erasure
from eventlog.store.contract.events import EventSource
from eventlog.store.contract.feed import FeedSource
from eventlog.store.contract.guards import GuardSource
from eventlog.store.contract.keys import KeySource
from eventlog.store.contract.rights import Rights
from eventlog.store.contract.snapshots import SnapshotSource
from eventlog.store.contract.streams import StreamSource
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

    @property
    def is_replaced(self) -> bool:
        """Whether another database than the one that was opened has its name now."""
        ...

    @property
    def is_gone(self) -> bool:
        """Whether nothing has the name any more of the database that was opened."""
        ...

    def append(self, request: AppendRequest) -> Coroutine[Any, Any, Outcome]:
        """Store the batch or nothing. Settles even if the caller is cancelled."""
        ...

    async def erase(self, erasure: Erasure) -> bool:
        """Append the event and destroy content and snapshots of its stream, in one go.

        The keys as well, unless it is only the content of one event.

        False if the stream is not at the expected head: nothing was changed.
        """
        ...

    async def rights(self) -> Rights:
        """Return what the role that connects may do besides reading; remembered."""
        ...

    @property
    def streams(self) -> StreamSource:
        """The rows of streams."""
        ...

    @property
    def events(self) -> EventSource:
        """The events of streams."""
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

    @property
    def guards(self) -> GuardSource:
        """What keeps rows as they are."""
        ...

    async def close(self) -> None:
        """Give up every connection. Idempotent."""
        ...
