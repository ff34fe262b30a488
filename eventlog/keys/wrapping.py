"""Data keys as the database holds them: wrapped under a key-encryption key of the keyring."""

import inspect
import os
from collections.abc import Awaitable

from eventlog.errors import NoKeyError, WrongKeyError
from eventlog.format.encryption import KEY_BYTES, generation, key_aad
from eventlog.keys.ring import KeyRing, NotOpenedError
from eventlog.store.contract.keys import KeyRow


class KeyWrapper:
    """Makes, wraps and unwraps data keys with one keyring, or raises NoKeyError without one.

    `display_name` is what errors call the stream.
    """

    def __init__(self, keyring: KeyRing | None) -> None:
        self.keyring = keyring

    def require(self, display_name: str) -> KeyRing:
        """Return the keyring. Raises NoKeyError."""
        if self.keyring is None:
            raise NoKeyError(display_name)
        return self.keyring

    async def new(self, display_name: str, stream_id: bytes, last: KeyRow | None) -> KeyRow:
        """Return a random data key, wrapped, whose id follows that of `last`."""
        key_id = str(1 if last is None else generation(last.key_id) + 1)
        return await self.wrap(display_name, stream_id, key_id, os.urandom(KEY_BYTES))

    async def wrap(self, display_name: str, stream_id: bytes, key_id: str, key: bytes) -> KeyRow:
        """Return a data key, wrapped under the current key-encryption key."""
        keyring = self.require(display_name)
        kek_id = keyring.current
        wrapped = keyring.wrap(kek_id, key, key_aad(stream_id, key_id, kek_id))
        return KeyRow(stream_id, key_id, kek_id, await _awaited(wrapped))

    async def unwrap(self, display_name: str, row: KeyRow) -> bytes:
        """Return the data key of a row. Raises NoKeyError or WrongKeyError."""
        keyring, wrapped = self.require(display_name), row.wrapped_key or b""
        aad = key_aad(row.stream_id, row.key_id, row.kek_id)
        try:
            key = await _awaited(keyring.unwrap(row.kek_id, wrapped, aad))
        except KeyError as error:
            raise NoKeyError(display_name, row.kek_id) from error
        except NotOpenedError as error:
            raise WrongKeyError(display_name, row.kek_id) from error
        if len(key) != KEY_BYTES:
            raise WrongKeyError(display_name, row.kek_id)
        return key


async def _awaited(answer: bytes | Awaitable[bytes]) -> bytes:
    return await answer if inspect.isawaitable(answer) else answer
