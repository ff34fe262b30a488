"""What a projection keeps of one stream: its snapshots, as the store keeps them.

Rule: bytes go in and out; what they mean, and whether they can be trusted, the projection knows.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Final

import msgspec

from eventlog.format.records import FoldInput
from eventlog.keys.stream_keys import DataKeys
from eventlog.store.contract.log import MAX_VERSION, Store
from eventlog.store.contract.snapshots import Loaded, Piece, Snapshot, Sources

__all__ = ["EVERYTHING", "FoldInput", "Loaded", "Piece", "Snapshot", "Sources", "StreamSnapshots"]

EVERYTHING: Final = MAX_VERSION
"""As many items as there are."""


class StreamSnapshots:
    """The snapshots of one stream, made by code with the schema number `schema`.

    Of a stream that is encrypted, what is stored is encrypted, and what comes out was opened.
    `title` is what errors call the stream.
    """

    def __init__(
        self, store: Store, stream_id: bytes, schema: int, title: str, keys: DataKeys
    ) -> None:
        self.stream_id: Final = stream_id
        self._source = store.snapshots
        self._rights = store.rights
        self._schema = schema
        self._keys = keys
        self._place = (title, stream_id)

    async def tail(self, after: int, until: int | None = None) -> list[FoldInput]:
        """Return a page of events from `after`, that one without its body, up to `until`.

        Here and below raises NoKeyError, WrongKeyError, KeyDestroyedError, or CorruptEventError.
        """
        entries = await self._source.tail(self.stream_id, after, _last(until))
        return await self._keys.open_entries(*self._place, entries)

    async def load(self, until: int | None, wanted: int) -> Loaded:
        """Return the newest snapshot up to `until`, its last `wanted` items, and what follows."""
        loaded = await self._source.load(self.stream_id, self._schema, _last(until), wanted)
        if not await self._is_trusted(loaded):
            return Loaded(
                None, is_refused=True, segments={}, entries={}, tail=await self.tail(0, until)
            )
        found = await self._opened(Sources(loaded.segments, loaded.entries))
        tail = await self._keys.open_entries(*self._place, loaded.tail)
        return loaded._replace(segments=found.segments, entries=found.entries, tail=tail)

    async def sources(self, segments: Sequence[int], versions: Sequence[int]) -> Sources:
        """Return what is there of segments and events."""
        return await self._opened(await self._source.sources(self.stream_id, segments, versions))

    async def may_save(self) -> bool:
        """Tell whether the role that connects may store snapshots."""
        return (await self._rights()).keeps

    async def save(self, snapshot: Snapshot, segments: Mapping[int, bytes]) -> bool:
        """Store a snapshot with its new segments, unless one of that version is there: False."""
        if not self._keys.are_used:
            return await self._source.save(self.stream_id, self._schema, snapshot, segments)
        kept = {_segment(number): body for number, body in segments.items()}
        sealed = await self.seal({**kept, self._what(snapshot): b""})
        if sealed is None:
            return False
        mac = sealed.pop(self._what(snapshot))
        bodies = dict(zip(segments, sealed.values(), strict=True))
        signed = snapshot._replace(mac=mac)
        return await self._source.save(self.stream_id, self._schema, signed, bodies)

    async def drop(self) -> None:
        """Delete every snapshot and segment of the stream, whoever made them."""
        await self._source.drop(self.stream_id)

    async def seal(self, kept: Mapping[str, bytes]) -> dict[str, bytes] | None:
        """Encrypt what is kept of the stream somewhere, by what it is, if the stream is encrypted.

        None if the stream's keys were destroyed: then nothing of it may be kept.
        """
        return await self._keys.seal_beside(*self._place, kept)

    async def open(self, kept: Mapping[str, bytes]) -> dict[str, bytes]:
        """Undo `seal`: what does not open is not there."""
        return await self._keys.open_beside(*self._place, kept)

    async def _is_trusted(self, loaded: Loaded) -> bool:
        """Tell whether who made the snapshot had the stream's key."""
        snapshot = loaded.snapshot
        if snapshot is None:
            return True
        # The event that it is a snapshot of says whether the stream is encrypted.
        last = FoldInput(snapshot.version, "", 0, b"", 0, loaded.key_id, None, snapshot.hash)
        await self._keys.open_entries(*self._place, [last])
        if not self._keys.are_used:
            return True
        what = self._what(snapshot)
        return what in await self.open({what: snapshot.mac})

    async def _opened(self, found: Sources) -> Sources:
        entries = await self._keys.open_entries(*self._place, list(found.entries.values()))
        by_name = {_segment(number): body for number, body in found.segments.items()}
        opened = await self.open(by_name)
        numbers = {_segment(number): number for number in found.segments}
        return Sources(
            {numbers[what]: body for what, body in opened.items()},
            {entry.version: entry for entry in entries},
        )

    def _what(self, snapshot: Snapshot) -> str:
        """Say everything about a snapshot: its MAC is about that, and about nothing else."""
        pieces = sha256(msgspec.json.encode(snapshot.pieces)).hexdigest()
        return f"snapshot {self._schema} {snapshot.version} {snapshot.hash.hex()} {pieces}"


def _segment(number: int) -> str:
    return f"segment {number}"


def _last(until: int | None) -> int:
    return MAX_VERSION if until is None else until
