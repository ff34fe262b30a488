"""The snapshots of one stream: loaded, saved and deleted.

Rule: bytes go in and out; only the projection that made them knows what they mean.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Final

import msgspec

from eventlog.format.records import FoldInput
from eventlog.keys.content import StreamContent
from eventlog.keys.data_keys import DataKeys
from eventlog.store.contract.log import MAX_VERSION, Store
from eventlog.store.contract.snapshots import Loaded, Piece, Snapshot, Sources

__all__ = ["EVERYTHING", "FoldInput", "Loaded", "Piece", "Snapshot", "Sources", "StreamSnapshots"]

EVERYTHING: Final = MAX_VERSION
"""As many items as there are."""


class StreamSnapshots:
    """The snapshots of one stream, made by code with the schema number `schema`.

    Of a stream that is encrypted, what is stored is encrypted, and what comes out was opened.
    `display_name` is what errors call the stream.
    """

    def __init__(
        self, store: Store, stream_id: bytes, schema: int, display_name: str, keys: DataKeys
    ) -> None:
        self.stream_id: Final = stream_id
        self._source = store.snapshots
        self._rights = store.rights
        self._schema = schema
        self._is_encrypting = keys.are_used
        self._content = StreamContent(keys, display_name, stream_id)

    async def tail(self, after: int, until: int | None = None) -> list[FoldInput]:
        """Return a page of events from `after`, that one without its body, up to `until`.

        Here and below raises NoKeyError, WrongKeyError, KeyDestroyedError, or CorruptEventError.
        """
        entries = await self._source.tail(self.stream_id, after, _last(until))
        return await self._content.decrypt_events(entries)

    async def load(self, until: int | None, wanted: int) -> Loaded:
        """Return the newest snapshot up to `until`, its last `wanted` items, and what follows."""
        loaded = await self._source.load(self.stream_id, self._schema, _last(until), wanted)
        if not await self._is_trusted(loaded):
            return Loaded(
                None, is_refused=True, segments={}, entries={}, tail=await self.tail(0, until)
            )
        found = await self._opened(Sources(loaded.segments, loaded.entries))
        tail = await self._content.decrypt_events(loaded.tail)
        return loaded._replace(segments=found.segments, entries=found.entries, tail=tail)

    async def sources(self, segments: Sequence[int], versions: Sequence[int]) -> Sources:
        """Return what is there of segments and events."""
        return await self._opened(await self._source.sources(self.stream_id, segments, versions))

    async def versions(self) -> list[int]:
        """Return the versions that there are snapshots of, whatever they are worth."""
        return await self._source.versions(self.stream_id, self._schema)

    async def may_save(self) -> bool:
        """Tell whether the role that connects may store snapshots."""
        return (await self._rights()).keeps

    async def save(self, snapshot: Snapshot, segments: Mapping[int, bytes]) -> bool:
        """Store a snapshot with its new segments, unless one of that version is there: False."""
        if not self._is_encrypting:
            return await self._source.save(self.stream_id, self._schema, snapshot, segments)
        named = {_segment(number): body for number, body in segments.items()}
        encrypted = await self.encrypt({**named, self._mac_name(snapshot): b""})
        if encrypted is None:
            return False
        mac = encrypted.pop(self._mac_name(snapshot))
        bodies = dict(zip(segments, encrypted.values(), strict=True))
        signed = snapshot._replace(mac=mac)
        return await self._source.save(self.stream_id, self._schema, signed, bodies)

    async def drop(self) -> None:
        """Delete every snapshot and segment of the stream, whoever made them."""
        await self._source.drop(self.stream_id)

    async def encrypt(self, derived: Mapping[str, bytes]) -> dict[str, bytes] | None:
        """Encrypt data derived from the stream, by name, if the stream is encrypted.

        None if the keys of the stream were destroyed: nothing derived may be kept.
        """
        return await self._content.encrypt_derived(derived)

    async def decrypt(self, derived: Mapping[str, bytes]) -> dict[str, bytes]:
        """Undo `encrypt`; what does not decrypt is left out."""
        return await self._content.decrypt_derived(derived)

    async def _is_trusted(self, loaded: Loaded) -> bool:
        """Tell whether the snapshot's MAC was made under the stream's key."""
        snapshot = loaded.snapshot
        if snapshot is None:
            return True
        # The event that it is a snapshot of says whether the stream is encrypted.
        last = FoldInput(snapshot.version, "", 0, b"", 0, loaded.key_id, None, snapshot.hash)
        await self._content.decrypt_events([last])
        if not self._is_encrypting:
            return True
        name = self._mac_name(snapshot)
        return name in await self.decrypt({name: snapshot.mac})

    async def _opened(self, found: Sources) -> Sources:
        entries = await self._content.decrypt_events(list(found.entries.values()))
        by_name = {_segment(number): body for number, body in found.segments.items()}
        opened = await self.decrypt(by_name)
        numbers = {_segment(number): number for number in found.segments}
        return Sources(
            {numbers[name]: body for name, body in opened.items()},
            {entry.version: entry for entry in entries},
        )

    def _mac_name(self, snapshot: Snapshot) -> str:
        """Return the name that the MAC of a snapshot is made under: all fields that it protects."""
        pieces = sha256(msgspec.json.encode(snapshot.pieces)).hexdigest()
        return f"snapshot {self._schema} {snapshot.version} {snapshot.hash.hex()} {pieces}"


def _segment(number: int) -> str:
    return f"segment {number}"


def _last(until: int | None) -> int:
    return MAX_VERSION if until is None else until
