"""The contract of events: rows that are read and never changed."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from eventlog.format.records import EventRow, StoredEvent, held
from eventlog.paging import PAGE_BYTES

T = TypeVar("T", bound=Any)


class Span(NamedTuple):
    """The events of a stream with after < version <= until."""

    stream_id: bytes
    after: int
    until: int


class EventSource(Protocol):
    """The events of the streams of one database."""

    async def page(
        self, stream_id: bytes, after: int, until: int, limit: int, kind: str | None = None
    ) -> list[StoredEvent]:
        """Return up to `limit` events with after < version <= until, in order of version.

        With `kind`, only events of that kind. At least one, and fewer than there are where they
        hold PAGE_BYTES: `is_last` tells.
        """
        ...

    async def many(self, stream_ids: Sequence[bytes], limit: int) -> Sequence[EventRow]:
        """Return up to `limit` events of several streams, those of each beside each other.

        They are in order of version, and fewer where they hold PAGE_BYTES, as `page` does.
        """
        ...

    async def many_behind(self, spans: Sequence[Span], limit: int) -> list[StoredEvent]:
        """Return up to `limit` events of parts of several streams, in the order of `many`."""
        ...

    async def version_at(self, stream_id: bytes, moment: int) -> int:
        """Return the last version recorded at or before `moment` (microseconds), or 0."""
        ...


def is_last(page: Sequence[T], limit: int, held: Callable[[T], int] = held) -> bool:
    """Tell whether nothing follows a page of up to `limit` events: it was not cut."""
    return len(page) < limit and sum(map(held, page)) < PAGE_BYTES
