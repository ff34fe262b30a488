"""The data keys of streams: found, opened by the keyring, made, and remembered for a while.

Rule: what was read under a stream that is encrypted is either opened or an error. Keys are made and
stored before the first event that uses them, and their ids are never given again.
"""

import inspect
import os
import weakref
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Final
from weakref import WeakKeyDictionary

from eventlog.cache import Cache
from eventlog.errors import (
    BusyError,
    CorruptEventError,
    KeyDestroyedError,
    NoKeyError,
    WrongKeyError,
)
from eventlog.format.encryption import (
    KEY_BYTES,
    DataKey,
    StreamKeys,
    Unopened,
    generation,
    key_place,
    sealed_under,
)
from eventlog.format.events import NO_CONTENT
from eventlog.format.facts import ConversationErased, EventErased
from eventlog.format.records import FoldInput, StoredEvent
from eventlog.keys.ring import KeyRing, NotOpenedError
from eventlog.store.contract.keys import KeyRow
from eventlog.store.contract.log import Store

MAX_STREAMS: Final = 10_000
"""Of so many streams a process remembers the keys."""

MAX_TRIES: Final = 30

UNENCRYPTED: Final = "it is not encrypted, though what came before it is"
CHANGED: Final = "it was changed or moved, or encrypted under another key"

ERASING: Final = (ConversationErased.kind, EventErased.kind)
"""What can be appended without a key."""

_NONE: Final = StreamKeys({}, None)

_kept: Final[WeakKeyDictionary[Store, "DataKeys"]] = WeakKeyDictionary()


def of(store: Store, keyring: KeyRing | None, *, compresses: bool) -> "DataKeys":
    """Return what every handle on `store` shares."""
    return _kept.setdefault(store, DataKeys(store, keyring, compresses=compresses))


class DataKeys:
    """The data keys of the streams of one database, as one keyring opens them.

    Without a keyring nothing is encrypted, and what is encrypted is a NoKeyError.
    """

    def __init__(self, store: Store, keyring: KeyRing | None, *, compresses: bool) -> None:
        self._store_ref = weakref.ref(store)  # Whoever is kept by its store does not keep it.
        self._keyring = keyring
        self._compresses = compresses
        self._kept = Cache(MAX_STREAMS)

    @property
    def _store(self) -> Store:
        store = self._store_ref()
        assert store is not None  # noqa: S101 - a handle that calls holds its store
        return store

    @property
    def are_used(self) -> bool:
        """Whether new events are encrypted."""
        return self._keyring is not None

    async def to_write(
        self, title: str, stream_id: bytes, *, anew: bool = False
    ) -> StreamKeys | None:
        """Return the keys that an append takes, with a current one; make it if there is none.

        None without a keyring; with `anew`, not what is remembered, and NoKeyError without one.
        """
        if self._keyring is None:
            if anew:
                raise NoKeyError(title)
            return None
        kept: StreamKeys = self._kept.get(stream_id) or _NONE
        if kept.current is not None and not anew:
            return kept
        for _ in range(MAX_TRIES):
            keys = await self._agree(title, stream_id)
            if keys is not None:
                return self._keep(stream_id, keys)
        raise BusyError(f"Conversation {title!r}: others changed its data key again and again.")

    async def _agree(self, title: str, stream_id: bytes) -> StreamKeys | None:
        """Return the keys with the one that all writers use now; None after having offered one."""
        stream = await self._store.stream(stream_id)
        rows = await self._store.keys.of_streams([stream_id])
        keys = await self._open(title, stream_id, rows)
        linked = None if stream is None else stream.key_id
        if stream is not None and linked:
            if linked not in keys.keys:
                raise KeyDestroyedError(title, stream.head.version, linked)
            return keys._replace(current=linked)
        newest = max(rows, key=_generation, default=None)
        if newest is None or newest.wrapped_key is None:
            newest = await self._make(title, stream_id, newest)
        elif stream is None:
            return keys._replace(current=newest.key_id)
        # Another writer may be making one just now: whichever is stored first is both's.
        await self._store.keys.add(newest, linked)
        return None

    async def renew(self, title: str, stream_id: bytes) -> None:
        """Make a new data key for the events to come. Raises NoKeyError."""
        keys = await self.to_write(title, stream_id, anew=True)
        rows = await self._store.keys.of_streams([stream_id])
        made = await self._make(title, stream_id, max(rows, key=_generation))
        await self._store.keys.add(made, None if keys is None else keys.current)
        self.forget(stream_id)

    def forget(self, stream_id: bytes) -> None:
        """Forget the keys of a stream."""
        self._kept.forget(stream_id)

    async def to_read(
        self, title: str, stream_id: bytes, wanted: Iterable[str | None] = ()
    ) -> StreamKeys:
        """Return the keys of a stream; `wanted` are some that may be newer than what is known."""
        found = await self.to_read_many({stream_id: (title, set(wanted))})
        return found[stream_id]

    async def to_read_many(
        self, streams: Mapping[bytes, tuple[str, set[str | None]]]
    ) -> dict[bytes, StreamKeys]:
        """Return the keys of several streams by their ids; what is unknown in one round trip."""
        found: dict[bytes, StreamKeys] = {}
        for stream_id, (_, wanted) in streams.items():
            kept: StreamKeys | None = self._kept.get(stream_id)
            if kept is not None and wanted - {None} <= kept.keys.keys() | kept.destroyed:
                found[stream_id] = kept
        missing = [stream_id for stream_id in streams if stream_id not in found]
        rows = await self._store.keys.of_streams(missing) if missing else []
        for stream_id in missing:
            own = [row for row in rows if row.stream_id == stream_id]
            keys = await self._open(streams[stream_id][0], stream_id, own)
            found[stream_id] = self._keep(stream_id, keys)
        return found

    async def of_events(self, events: Iterable[tuple[str, StoredEvent]]) -> dict[bytes, StreamKeys]:
        """Return the keys that these events take, by their streams; none without a keyring.

        Raises NoKeyError or WrongKeyError for keys that the keyring does not open.
        """
        wanted: dict[bytes, tuple[str, set[str | None]]] = {}
        if self._keyring is not None:
            for title, event in events:
                if event.key_id is not None and event.body is not None:
                    wanted.setdefault(event.stream_id, (title, set()))[1].add(event.key_id)
        return await self.to_read_many(wanted) if wanted else {}

    async def disclose(self, title: str, events: Iterable[StoredEvent]) -> dict[str, bytes]:
        """Return the data keys that the content of events of one stream takes, to be given away.

        Raises NoKeyError, WrongKeyError or KeyDestroyedError.
        """
        found: dict[str, bytes] = {}
        for event in events:
            key_id = event.key_id
            if key_id is None or key_id in found or event.body is None:
                continue
            rows = await self._store.keys.of_streams([event.stream_id])
            row = next((row for row in rows if row.key_id == key_id), None)
            if row is None or row.wrapped_key is None:
                raise KeyDestroyedError(title, event.version, key_id)
            found[key_id] = await self.unwrap(title, row)
        return found

    async def open_entries(
        self, title: str, stream_id: bytes, entries: Sequence[FoldInput]
    ) -> list[FoldInput]:
        """Return entries with their bodies decrypted; those of a plain stream as they are.

        Raises NoKeyError, WrongKeyError, KeyDestroyedError, or CorruptEventError for one that was
        changed, moved, or is not encrypted where it has to be.
        """
        entries = list(entries)
        if self._keyring is None:
            if any(entry.key_id is not None for entry in entries):
                raise NoKeyError(title)
            return entries
        if not entries:
            return entries
        keys = await self.to_read(title, stream_id, {entry.key_id for entry in entries})
        await self._refuse_plain(title, stream_id, keys, entries)
        return [_opened(title, keys, entry) for entry in entries]

    async def open_beside(
        self, title: str, stream_id: bytes, kept: Mapping[str, bytes]
    ) -> dict[str, bytes]:
        """Return what of `kept`, bytes by what they are, opens.

        Of a stream that is encrypted, nothing does that is not.
        """
        if self._keyring is None:
            if any(sealed_under(content) is not None for content in kept.values()):
                raise NoKeyError(title)
            return dict(kept)
        if not kept:
            return {}
        keys = await self.to_read(title, stream_id, map(sealed_under, kept.values()))
        opened: dict[str, bytes] = {}
        for what, content in kept.items():
            key = keys.keys.get(sealed_under(content) or "")
            if key is not None:
                try:
                    opened[what] = key.open_beside(content, what)
                except Unopened:
                    continue
            elif not keys.is_encrypted and sealed_under(content) is None:
                opened[what] = content
        return opened

    async def seal_beside(
        self, title: str, stream_id: bytes, kept: Mapping[str, bytes]
    ) -> dict[str, bytes] | None:
        """Encrypt what is kept beside the events of an encrypted stream; the same of a plain one.

        None if the keys of the stream were destroyed: nothing of it may be kept.
        """
        if self._keyring is None:
            return dict(kept)
        keys = await self.to_read(title, stream_id)
        if not keys.is_encrypted:
            return dict(kept)
        if not keys.keys:
            return None
        newest = keys.keys[max(keys.keys, key=int)]
        return {what: newest.seal_beside(content, what) for what, content in kept.items()}

    async def is_encrypted(self, title: str, stream_id: bytes) -> bool:
        """Tell whether the stream has, or had, a data key."""
        return self._keyring is not None and (await self.to_read(title, stream_id)).is_encrypted

    async def wrapped_by_others(self, after: tuple[bytes, str], limit: int) -> list[KeyRow]:
        """Return keys that the keyring's current key did not wrap, behind (stream_id, key_id)."""
        return await self._store.keys.wrapped_by_others(self._ring("").current, after, limit)

    async def rewrap(self, row: KeyRow) -> None:
        """Have the keyring's current key wrap a data key."""
        title = row.stream_id.hex()
        new = await self._wrap(title, row.stream_id, row.key_id, await self.unwrap(title, row))
        await self._store.keys.rewrap(row, new)

    async def unwrap(self, title: str, row: KeyRow) -> bytes:
        """Return a data key as the keyring opens it now. Raises NoKeyError or WrongKeyError."""
        ring, wrapped = self._ring(title), row.wrapped_key or b""
        place = key_place(row.stream_id, row.key_id, row.kek_id)
        try:
            key = await _awaited(ring.unwrap(row.kek_id, wrapped, place))
        except KeyError as error:
            raise NoKeyError(title, row.kek_id) from error
        except NotOpenedError as error:
            raise WrongKeyError(title, row.kek_id) from error
        if len(key) != KEY_BYTES:
            raise WrongKeyError(title, row.kek_id)
        return key

    async def _refuse_plain(
        self, title: str, stream_id: bytes, keys: StreamKeys, entries: Sequence[FoldInput]
    ) -> None:
        plain = [entry for entry in entries if entry.body is not None and not is_in_order(entry)]
        if not plain or not keys.is_encrypted:
            return
        first = keys.first
        if first is None:
            first = await self._store.keys.first_encrypted(stream_id)
            self._keep(stream_id, keys._replace(first=first))
        if first is not None and (last := max(entry.version for entry in plain)) > first:
            raise CorruptEventError(title, last, UNENCRYPTED)

    def _keep(self, stream_id: bytes, keys: StreamKeys) -> StreamKeys:
        self._kept.put(stream_id, keys, 1)
        return keys

    async def _open(self, title: str, stream_id: bytes, rows: Sequence[KeyRow]) -> StreamKeys:
        known: StreamKeys = self._kept.get(stream_id) or _NONE
        keys: dict[str, DataKey] = {}
        for row in rows:
            if row.wrapped_key is None:
                continue
            key = known.keys.get(row.key_id)
            if key is None:
                key = DataKey(stream_id, row.key_id, await self.unwrap(title, row))
            keys[row.key_id] = key
        destroyed = frozenset(row.key_id for row in rows if row.wrapped_key is None)
        current = known.current if known.current in keys else None
        return StreamKeys(keys, current, destroyed, known.first, self._compresses)

    async def _make(self, title: str, stream_id: bytes, last: KeyRow | None) -> KeyRow:
        key_id = str(1 if last is None else _generation(last) + 1)
        return await self._wrap(title, stream_id, key_id, os.urandom(KEY_BYTES))

    async def _wrap(self, title: str, stream_id: bytes, key_id: str, key: bytes) -> KeyRow:
        ring = self._ring(title)
        kek_id = ring.current
        place = key_place(stream_id, key_id, kek_id)
        return KeyRow(stream_id, key_id, kek_id, await _awaited(ring.wrap(kek_id, key, place)))

    def _ring(self, title: str) -> KeyRing:
        if self._keyring is None:
            raise NoKeyError(title)
        return self._keyring


async def _awaited(answer: bytes | Awaitable[bytes]) -> bytes:
    return await answer if inspect.isawaitable(answer) else answer


def _generation(row: KeyRow) -> int:
    return generation(row.key_id)


def is_in_order(event: FoldInput | StoredEvent) -> bool:
    """Tell whether it may follow an encrypted event; that something was erased is no secret."""
    if event.key_id is not None:
        return True
    return event.kind in ERASING and event.body in (None, NO_CONTENT)


def _opened(title: str, keys: StreamKeys, entry: FoldInput) -> FoldInput:
    if entry.key_id is None or entry.body is None:
        return entry
    try:
        body = keys.open_body(entry)
    except KeyError as error:
        raise KeyDestroyedError(title, entry.version, entry.key_id) from error
    except Unopened as error:
        raise CorruptEventError(title, entry.version, CHANGED) from error
    version, kind, schema, header, codec, _, _, digest = entry
    return FoldInput(version, kind, schema, header, codec, None, body, digest)
