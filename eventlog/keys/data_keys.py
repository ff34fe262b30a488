"""The data keys of streams: read from the database, unwrapped, and cached."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from eventlog.cache import Cache
from eventlog.errors import EncryptedError, KeyDestroyedError
from eventlog.format.encryption import DataKey, StreamKeys
from eventlog.format.records import StoredEvent
from eventlog.keys.ring import KeyRing
from eventlog.keys.wrapping import KeyWrapper
from eventlog.store.contract.keys import KeyRow
from eventlog.store.contract.log import Store

MAX_STREAMS: Final = 10_000
"""Maximum number of streams whose keys are cached."""

NONE: Final = StreamKeys({}, None)


class DataKeys:
    """The data keys of the streams of one database, unwrapped by one keyring and cached.

    Without a keyring nothing is encrypted, and what is encrypted is a NoKeyError. `display_name` is
    what errors call the stream.
    """

    def __init__(self, store: Store, keyring: KeyRing | None, *, compresses: bool) -> None:
        self.store: Final = store
        self.wrapper: Final = KeyWrapper(keyring)
        self._compresses = compresses
        self._cache: Cache[bytes, StreamKeys] = Cache(MAX_STREAMS)

    @property
    def are_used(self) -> bool:
        """Whether new events are encrypted."""
        return self.wrapper.keyring is not None

    def cached(self, stream_id: bytes) -> StreamKeys:
        """Return the cached keys of a stream, or no keys."""
        return self._cache.get(stream_id) or NONE

    def cache(self, stream_id: bytes, keys: StreamKeys) -> StreamKeys:
        """Cache the keys of a stream and return them."""
        self._cache.put(stream_id, keys)
        return keys

    def evict(self, stream_id: bytes) -> None:
        """Remove the keys of a stream from the cache."""
        self._cache.evict(stream_id)

    async def of_stream(
        self, display_name: str, stream_id: bytes, wanted: Iterable[str | None] = ()
    ) -> StreamKeys:
        """Return the keys of a stream, read anew if one of the ids `wanted` is not cached."""
        found = await self.of_streams({stream_id: (display_name, set(wanted))})
        return found[stream_id]

    async def of_streams(
        self, streams: Mapping[bytes, tuple[str, set[str | None]]]
    ) -> dict[bytes, StreamKeys]:
        """Return the keys of several streams by stream_id; one round trip for all not cached.

        `streams` has display name and wanted key ids by stream_id. Raises NoKeyError or
        WrongKeyError.
        """
        found = await self.try_streams(streams)
        return {stream_id: _opened(keys) for stream_id, keys in found.items()}

    async def try_streams(
        self, streams: Mapping[bytes, tuple[str, set[str | None]]]
    ) -> dict[bytes, StreamKeys | EncryptedError]:
        """Return what `of_streams` does, or for each stream why its keys cannot be unwrapped."""
        found: dict[bytes, StreamKeys | EncryptedError] = {}
        for stream_id, (_, wanted) in streams.items():
            keys = self._cache.get(stream_id)
            if keys is not None and wanted - {None} <= keys.keys.keys() | keys.destroyed:
                found[stream_id] = keys
        missing = [stream_id for stream_id in streams if stream_id not in found]
        rows = await self.store.keys.of_streams(missing) if missing else []
        for stream_id in missing:
            own = [row for row in rows if row.stream_id == stream_id]
            try:
                keys = await self.open(streams[stream_id][0], stream_id, own)
            except EncryptedError as error:
                found[stream_id] = error
            else:
                found[stream_id] = self.cache(stream_id, keys)
        return found

    async def of_events(self, events: Iterable[tuple[str, StoredEvent]]) -> dict[bytes, StreamKeys]:
        """Return the keys of the streams of encrypted events by stream_id; none without a keyring.

        `events` come with their display names. Raises NoKeyError or WrongKeyError.
        """
        found = await self.try_events(events)
        return {stream_id: _opened(keys) for stream_id, keys in found.items()}

    async def try_events(
        self, events: Iterable[tuple[str, StoredEvent]]
    ) -> dict[bytes, StreamKeys | EncryptedError]:
        """Return what `of_events` does, or for each stream why its keys cannot be unwrapped."""
        wanted: dict[bytes, tuple[str, set[str | None]]] = {}
        if self.are_used:
            for display_name, event in events:
                if event.key_id is not None and event.body is not None:
                    wanted.setdefault(event.stream_id, (display_name, set()))[1].add(event.key_id)
        return await self.try_streams(wanted) if wanted else {}

    async def open(self, display_name: str, stream_id: bytes, rows: Sequence[KeyRow]) -> StreamKeys:
        """Return the keys of the rows of a stream, unwrapped where they are not cached."""
        cached = self.cached(stream_id)
        keys: dict[str, DataKey] = {}
        for row in rows:
            if row.wrapped_key is None:
                continue
            key = cached.keys.get(row.key_id)
            if key is None:
                unwrapped = await self.wrapper.unwrap(display_name, row)
                key = DataKey(stream_id, row.key_id, unwrapped)
            keys[row.key_id] = key
        destroyed = frozenset(row.key_id for row in rows if row.wrapped_key is None)
        current = cached.current if cached.current in keys else None
        return StreamKeys(keys, current, destroyed, cached.first, self._compresses)

    async def disclose(self, display_name: str, events: Iterable[StoredEvent]) -> dict[str, bytes]:
        """Return the data keys of events of one stream in plain text by key id, to be given away.

        Raises NoKeyError, WrongKeyError or KeyDestroyedError.
        """
        found: dict[str, bytes] = {}
        for event in events:
            key_id = event.key_id
            if key_id is None or key_id in found or event.body is None:
                continue
            rows = await self.store.keys.of_streams([event.stream_id])
            row = next((row for row in rows if row.key_id == key_id), None)
            if row is None or row.wrapped_key is None:
                raise KeyDestroyedError(display_name, event.version, key_id)
            found[key_id] = await self.wrapper.unwrap(display_name, row)
        return found


def _opened(keys: StreamKeys | EncryptedError) -> StreamKeys:
    if isinstance(keys, EncryptedError):
        raise keys
    return keys
