"""Decrypting the events of one stream, and encrypting the data that are derived from them.

Rule: what was read of an encrypted stream is either decrypted or an error.
"""

from collections.abc import Mapping, Sequence

from eventlog.errors import NoKeyError
from eventlog.format.encryption import (
    DecryptionError,
    StreamKeys,
    derived_key_id,
    generation,
)
from eventlog.format.opening import Opener, may_be_plain
from eventlog.format.records import FoldInput
from eventlog.keys.data_keys import DataKeys


class StreamContent:
    """The content of one stream, decrypted and encrypted under its data keys.

    `display_name` is what errors call the stream.
    """

    def __init__(self, keys: DataKeys, display_name: str, stream_id: bytes) -> None:
        self._keys = keys
        self._display_name = display_name
        self._stream_id = stream_id

    async def decrypt_events(self, events: Sequence[FoldInput]) -> list[FoldInput]:
        """Return events with their bodies decrypted; those of a plain stream as they are.

        Raises NoKeyError, WrongKeyError, KeyDestroyedError, or CorruptEventError for one that was
        changed, moved, or is not encrypted where it has to be.
        """
        events = list(events)
        if not self._keys.are_used:
            if any(event.key_id is not None for event in events):
                raise NoKeyError(self._display_name)
            return events
        if not events:
            return events
        keys = await self._of_stream({event.key_id for event in events})
        first = None
        if keys.is_encrypted and any(
            event.body is not None and not may_be_plain(event) for event in events
        ):
            first = await self._keys.first_encrypted(self._stream_id)
        opener = Opener(keys, first)
        return [self._decrypted(opener, event) for event in events]

    async def decrypt_derived(self, derived: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return what decrypts of derived data, by name.

        Of an encrypted stream, plain data are left out. Raises NoKeyError without a keyring.
        """
        if not self._keys.are_used:
            if any(derived_key_id(data) is not None for data in derived.values()):
                raise NoKeyError(self._display_name)
            return dict(derived)
        if not derived:
            return {}
        keys = await self._of_stream(set(map(derived_key_id, derived.values())))
        decrypted: dict[str, bytes] = {}
        for name, data in derived.items():
            key_id = derived_key_id(data)
            key = keys.keys.get(key_id or "")
            if key is not None:
                try:
                    decrypted[name] = key.decrypt_derived(data, name)
                except DecryptionError:
                    continue
            elif not keys.is_encrypted and key_id is None:
                decrypted[name] = data
        return decrypted

    async def encrypt_derived(self, derived: Mapping[str, bytes]) -> dict[str, bytes] | None:
        """Encrypt data derived from an encrypted stream, by name; of a plain one, return them.

        None if the keys of the stream were destroyed: nothing derived may be kept.
        """
        if not self._keys.are_used:
            return dict(derived)
        keys = await self._of_stream()
        if not keys.is_encrypted:
            return dict(derived)
        if not keys.keys:
            return None
        newest = keys.keys[max(keys.keys, key=generation)]
        return {name: newest.encrypt_derived(data, name) for name, data in derived.items()}

    async def _of_stream(self, wanted: "set[str | None] | None" = None) -> StreamKeys:
        return await self._keys.of_stream(self._display_name, self._stream_id, wanted or ())

    def _decrypted(self, opener: Opener, event: FoldInput) -> FoldInput:
        if event.body is None:
            return event
        body = opener.decrypt(self._display_name, event)
        if event.key_id is None:
            return event
        version, kind, schema, header, codec, _, _, digest = event
        return FoldInput(version, kind, schema, header, codec, None, body, digest)
