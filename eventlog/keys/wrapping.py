"""Data keys as the database holds them: wrapped under a key-encryption key of the keyring."""

import contextlib
import inspect
import os
from collections.abc import Generator

from eventlog.errors import EventLogError, KeyRingError, NoKeyError, WrongKeyError
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
        """Return a data key, wrapped under the current key-encryption key.

        Raises NoKeyError or KeyRingError.
        """
        keyring = self.require(display_name)
        with _asking(display_name, "", "say under which key to wrap a data key"):
            kek_id = keyring.current
        with _asking(display_name, kek_id, "wrap a data key"):
            aad = key_aad(stream_id, key_id, kek_id)
            wrapped = await _bytes_of(keyring.wrap(kek_id, key, aad))
        return KeyRow(stream_id, key_id, kek_id, wrapped)

    async def unwrap(self, display_name: str, row: KeyRow) -> bytes:
        """Return the data key of a row. Raises NoKeyError, WrongKeyError or KeyRingError."""
        keyring, wrapped = self.require(display_name), row.wrapped_key or b""
        aad = key_aad(row.stream_id, row.key_id, row.kek_id)
        with _asking(display_name, row.kek_id, "unwrap a data key"):
            key = await _bytes_of(keyring.unwrap(row.kek_id, wrapped, aad))
        if len(key) != KEY_BYTES:
            raise WrongKeyError(display_name, row.kek_id)
        return key


@contextlib.contextmanager
def _asking(display_name: str, kek_id: str, what: str) -> Generator[None]:
    """Turn whatever a keyring raises, anybody's code, into an error that names what it was for."""
    try:
        yield
    except EventLogError:
        raise
    except KeyError as error:
        raise NoKeyError(display_name, kek_id) from error
    except NotOpenedError as error:
        raise WrongKeyError(display_name, kek_id) from error
    except Exception as error:
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise KeyRingError(display_name, kek_id, what, said) from error


async def _bytes_of(answer: object) -> bytes:
    """Return what a keyring answers, at once or later. Raises TypeError for what is no key."""
    found: object = await answer if inspect.isawaitable(answer) else answer
    if not isinstance(found, (bytes, bytearray)) or not found:
        raise TypeError(f"the keyring returned {type(found).__name__}, not a key")
    return bytes(found)
