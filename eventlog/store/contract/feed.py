"""The contract of a feed: what every store answers, and what one with a queue needs besides."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, Protocol

LEASE: Final = 0.6
"""Seconds. With a poll interval of 0.25 s, another process takes over within one second."""

FeedRow = Sequence[Any]
"""Position, name and branch of the stream, then the fields of StoredEvent."""


class FeedProgress(NamedTuple):
    """How far the feed is. `waiting`: for a position. `at_it`: another one has the lease."""

    position: int
    waiting: bool
    at_it: bool


class Placed(NamedTuple):
    """What a batch did: how many events it saw, whether it moved any, and the last position."""

    seen: int
    moved: bool
    position: int


class Queue(Protocol):
    """Where committed events wait for a position."""

    async def may_place(self) -> bool:
        """Tell whether the role that connects may give positions at all."""
        ...

    async def progress(self, holder: str) -> FeedProgress:
        """Tell how far the feed is, and whether somebody other than `holder` is at it."""
        ...

    async def hold(self, holder: str, seconds: float) -> bool:
        """Take or renew the lease; False while another holds it.

        One that has more than `seconds` to go is nobody's: the clock that it ends by was put back.
        """
        ...

    async def place(self, limit: int) -> Placed:
        """Give up to `limit` events the next positions, and tell whoever listens.

        What was committed before the call and is not placed after it had no room in `limit`.
        """
        ...


class FeedSource(Protocol):
    """All events of all streams, by dense positions from 1."""

    reads_ahead: bool
    """Whether the next page is asked for early: somebody else works at it meanwhile."""

    @property
    def queue(self) -> Queue | None:
        """None where a commit gives the position itself."""
        ...

    @property
    def server(self) -> int:
        """A number; while it is the same, whatever was asked was asked of the same server."""
        ...

    async def is_standby(self) -> bool:
        """Tell whether the server only reads what another one sends it, and may be behind."""
        ...

    async def position(self) -> int:
        """Return the last position, 0 where there is nothing."""
        ...

    async def page(self, tenant: str, after: int, until: int, limit: int) -> list[FeedRow]:
        """Return up to `limit` of the tenant's events with after < position <= until, in order.

        It may cost what the bounds hold, whatever the limit: let them be as near as that.
        """
        ...

    async def every_page(self, after: int, until: int, limit: int) -> list[FeedRow]:
        """Return up to `limit` events of all tenants, as `page` does.

        Each row has the tenant behind the position.
        """
        ...

    async def listen(self, notify: Callable[[], None], /) -> None:
        """Call `notify` whenever another process may have moved the feed, until cancelled.

        Never fails. Returns at once where nobody can tell.
        """
        ...
