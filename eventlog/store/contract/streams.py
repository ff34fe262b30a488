"""The contract of streams: their rows, and what is asked of them."""

from collections.abc import Sequence
from typing import Protocol

from eventlog.format.records import Head, StreamRow


class StreamSource(Protocol):
    """The streams of one database."""

    async def head(self, stream_id: bytes) -> Head | None:
        """Return the end of a stream, or None where there is no such stream."""
        ...

    async def row(self, stream_id: bytes) -> StreamRow | None:
        """Return the row of a stream, or None where there is no such stream."""
        ...

    async def several(self, stream_ids: Sequence[bytes]) -> list[StreamRow]:
        """Return the rows of those of the streams that are there, in any order."""
        ...

    async def children(self, parent_id: bytes) -> list[StreamRow]:
        """Return every stream that was forked from this one."""
        ...

    async def latest(self, tenant: str, limit: int) -> list[StreamRow]:
        """Return the `limit` streams of the tenant with the last events, the latest first."""
        ...

    async def page(self, tenant: str, after: str, limit: int) -> list[StreamRow]:
        """Return up to `limit` of the tenant's main branches by name, behind the name `after`."""
        ...

    async def every_page(self, tenant: str, after: tuple[str, str], limit: int) -> list[StreamRow]:
        """Return up to `limit` of the tenant's streams by name and branch, behind `after`."""
        ...

    async def all_page(self, after: bytes, limit: int) -> list[StreamRow]:
        """Return up to `limit` streams of all tenants by id, behind the id `after`."""
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

    async def strays(self) -> list[bytes]:
        """Return the first ids that events name and no stream has: tampering left them."""
        ...
