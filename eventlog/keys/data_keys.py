"""The data keys of streams: read from the database, unwrapped, and cached."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from eventlog.cache import Cache
from eventlog.errors import EncryptedError, KeyDestroyedError
from eventlog.format.encryption import DataKey, StreamKeys
from eventlog.format.inflating import MAX_INFLATED
from eventlog.format.opening import Opener, may_be_plain
from eventlog.format.records import StoredEvent, StreamId
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

    def __init__(
        self,
        store: Store,
        keyring: KeyRing | None,
        *,
        compresses: bool,
        max_inflated_bytes: int = MAX_INFLATED,
    ) -> None:
        self.store: Final = store
        self.wrapper: Final = KeyWrapper(keyring)
        self.plain: Final = Opener(limit=max_inflated_bytes)
        """Opens events of streams that are not encrypted."""
        self._compresses = compresses
        self._cache: Cache[bytes, StreamKeys] = Cache(MAX_STREAMS)
        self._first: Cache[bytes, int] = Cache(MAX_STREAMS)
        self._has_some = False

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
        self._first.evict(stream_id)

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

        `streams` has display name and wanted key ids by stream_id.
        """
        found, rows = await self._find(streams)
        for stream_id, own in rows.items():
            keys = await self.open(*_named(streams, stream_id), own)
            found[stream_id] = self.cache(stream_id, keys)
        return found

    async def openers(self, events: Iterable[tuple[str, StoredEvent]]) -> dict[bytes, Opener]:
        """Return what opens the events of streams that have keys, by stream_id.

        `events` come with their display names. Whatever is wrong with the keys of one stream is
        raised when its events are opened, and keeps nobody from those of others.
        """
        if not self.are_used and not await self._are_there():
            return {}
        return await self._openers(events)

    async def opener(
        self, display_name: str, stream_id: bytes, events: Iterable[StoredEvent]
    ) -> Opener:
        """Return what opens these events of one stream; asks for nothing of another one."""
        found = await self._openers((display_name, event) for event in events)
        return found.get(stream_id, self.plain)

    async def first_encrypted(self, stream_id: bytes) -> int | None:
        """Return the first version of a stream that is encrypted: all that follow are, too."""
        first = self._first.get(stream_id)
        if first is None:
            first = await self.store.keys.first_encrypted(stream_id)
            if first is not None:
                self._first.put(stream_id, first)
        return first

    async def _openers(self, events: Iterable[tuple[str, StoredEvent]]) -> dict[bytes, Opener]:
        wanted: dict[bytes, tuple[str, set[str | None]]] = {}
        plain: set[bytes] = set()
        for display_name, event in events:
            if event.body is not None:
                wanted.setdefault(event.stream_id, (display_name, set()))[1].add(event.key_id)
                if not may_be_plain(event):
                    plain.add(event.stream_id)
        openers = await (self._unlocked(wanted, plain) if self.are_used else self._locked(plain))
        for stream_id in plain & openers.keys():
            first = await self.first_encrypted(stream_id)
            openers[stream_id] = openers[stream_id]._replace(first=first)
        return openers

    async def _unlocked(
        self, wanted: Mapping[bytes, tuple[str, set[str | None]]], plain: set[bytes]
    ) -> dict[bytes, Opener]:
        """Return the openers of streams that have keys."""
        found, rows = await self._find(wanted, anew=plain)
        openers = {stream_id: self.plain._replace(keys=keys) for stream_id, keys in found.items()}
        for stream_id, own in rows.items():
            try:
                keys = await self.open(*_named(wanted, stream_id), own)
            except EncryptedError as error:
                openers[stream_id] = self.plain._replace(failure=error)
            else:
                openers[stream_id] = self.plain._replace(keys=self.cache(stream_id, keys))
        return openers

    async def _locked(self, plain: set[bytes]) -> dict[bytes, Opener]:
        """Without a keyring, return openers of streams that have keys, for their plain events."""
        rows = await self.store.keys.of_streams(list(plain)) if plain else []
        return dict.fromkeys((row.stream_id for row in rows), self.plain)

    async def _are_there(self) -> bool:
        """Tell whether any stream has a key; once one has, it stays so."""
        self._has_some = self._has_some or await self.store.keys.are_there()
        return self._has_some

    async def _find(
        self,
        streams: Mapping[bytes, tuple[str, set[str | None]]],
        anew: Collection[bytes] = (),
    ) -> tuple[dict[bytes, StreamKeys], dict[bytes, list[KeyRow]]]:
        """Return the keys that are cached, and the rows of other streams, in one round trip.

        That a stream of `anew` has no keys is not believed of the cache.
        """
        found: dict[bytes, StreamKeys] = {}
        for stream_id, (_, wanted) in streams.items():
            keys = self._cache.get(stream_id)
            if keys is None or (stream_id in anew and not keys.is_encrypted):
                continue
            if wanted - {None} <= keys.keys.keys() | keys.destroyed:
                found[stream_id] = keys
        rows: dict[bytes, list[KeyRow]] = {each: [] for each in streams if each not in found}
        asked = [StreamId(each, streams[each][0]) for each in rows]
        for row in await self.store.keys.of_streams(asked) if rows else []:
            rows[row.stream_id].append(row)
        return found, rows

    async def open(
        self,
        display_name: str,
        stream_id: bytes,
        wanted: Collection[str | None],
        rows: Sequence[KeyRow],
    ) -> StreamKeys:
        """Return the keys of the rows of a stream, unwrapped where they are not cached.

        A row that nobody `wanted` and that does not open keeps nobody from the others. Raises
        NoKeyError or WrongKeyError for one that was.
        """
        cached = self.cached(stream_id)
        keys: dict[str, DataKey] = {}
        closed: set[str] = set()
        for row in rows:
            if row.wrapped_key is None:
                continue
            key = cached.keys.get(row.key_id)
            if key is None:
                try:
                    unwrapped = await self.wrapper.unwrap(display_name, row)
                except EncryptedError:
                    if row.key_id in wanted:
                        raise
                    closed.add(row.key_id)
                    continue
                key = DataKey(stream_id, row.key_id, unwrapped)
            keys[row.key_id] = key
        destroyed = frozenset(row.key_id for row in rows if row.wrapped_key is None)
        current = cached.current if cached.current in keys else None
        return StreamKeys(keys, current, destroyed, self._compresses, frozenset(closed))

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


def _named(
    streams: Mapping[bytes, tuple[str, set[str | None]]], stream_id: bytes
) -> tuple[str, bytes, set[str | None]]:
    display_name, wanted = streams[stream_id]
    return display_name, stream_id, wanted
