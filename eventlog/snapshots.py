"""What a projection keeps of one stream: its snapshots, as the store keeps them.

Rule: bytes go in and out; what they mean, and whether they can be trusted, the projection knows.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from eventlog.records import Entry
from eventlog.store.base import MAX_VERSION, Store
from eventlog.store.snapshot_base import Loaded, Piece, Snapshot, Sources

__all__ = ["EVERYTHING", "Entry", "Loaded", "Piece", "Snapshot", "Sources", "StreamSnapshots"]

EVERYTHING: Final = MAX_VERSION
"""As many items as there are."""


class StreamSnapshots:
    """The snapshots of one stream, made by code with the schema number `schema`."""

    def __init__(self, store: Store, stream_id: bytes, schema: int) -> None:
        self.stream_id: Final = stream_id
        self._source = store.snapshots
        self._schema = schema

    async def tail(self, after: int, until: int | None = None) -> list[Entry]:
        """Return a page of events from `after`, that one without its body, up to `until`."""
        return await self._source.tail(self.stream_id, after, _last(until))

    async def load(self, until: int | None, wanted: int) -> Loaded:
        """Return the newest snapshot up to `until`, its last `wanted` items, and what follows."""
        return await self._source.load(self.stream_id, self._schema, _last(until), wanted)

    async def sources(self, segments: Sequence[int], versions: Sequence[int]) -> Sources:
        """Return what is there of segments and events."""
        return await self._source.sources(self.stream_id, segments, versions)

    async def save(self, snapshot: Snapshot, segments: Mapping[int, bytes]) -> bool:
        """Store a snapshot with its new segments, unless one of that version is there: False."""
        return await self._source.save(self.stream_id, self._schema, snapshot, segments)

    async def drop(self) -> None:
        """Delete every snapshot and segment of the stream, whoever made them."""
        await self._source.drop(self.stream_id)


def _last(until: int | None) -> int:
    return MAX_VERSION if until is None else until
