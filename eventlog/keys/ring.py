"""Keyrings: the key-encryption keys that wrap the data keys of streams.

Events are encrypted under data keys, one for each stream, which are stored in the same database,
wrapped under a key-encryption key that is not. To rotate keys, open the log with a keyring that has
a new current key and the old ones, and call `rotate`.
"""

import base64
import binascii
import os
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol

from eventlog.errors import InvalidKeyRingError
from eventlog.format.encryption import KEY_BYTES, DecryptionError, aes, decrypt, encrypt
from eventlog.visible import file_named

VARIABLE: Final = "EVENTLOG_KEYS"

Wrap = Callable[[str, bytes, bytes], bytes | Awaitable[bytes]]


class NotOpenedError(Exception):
    """A wrapped key that does not unwrap: raised by a KeyRing; the log raises WrongKeyError."""


class KeyRing(Protocol):
    """Wraps and unwraps data keys of 32 bytes. `wrap` and `unwrap` may be async.

    `aad` is additional authenticated data, not stored: a wrapped key unwraps only with the same.
    Two keyrings of one process on the same database have to be equal.
    """

    @property
    def current(self) -> str:
        """The name of the key that wraps new data keys; it is stored with each."""
        ...

    def wrap(self, kek_id: str, key: bytes, aad: bytes, /) -> bytes | Awaitable[bytes]:
        """Return `key`, wrapped under the key-encryption key `kek_id`."""
        ...

    def unwrap(self, kek_id: str, wrapped: bytes, aad: bytes, /) -> bytes | Awaitable[bytes]:
        """Undo `wrap`.

        Raises KeyError if there is no such key, and NotOpenedError if it does not unwrap. Of any
        other exception, of a service that cannot be reached for example, the log makes a
        KeyRingError.
        """
        ...


class LocalKeyRing:
    """Keys of 32 bytes in the memory of this process, by name; wraps with AES-256-GCM.

    Raises InvalidKeyRingError.
    """

    def __init__(self, keys: Mapping[str, bytes], current: str) -> None:
        for name, key in keys.items():
            if not name or len(key) != KEY_BYTES:
                raise InvalidKeyRingError(
                    f"The key-encryption key {name!r} has {len(key)} bytes. It takes a name and"
                    f" {KEY_BYTES} random bytes."
                )
        if current not in keys:
            raise InvalidKeyRingError(f"There is no key-encryption key named {current!r}.")
        self.current: Final = current
        self._keys: Final = dict(keys)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LocalKeyRing):
            return NotImplemented
        return (self.current, self._keys) == (other.current, other._keys)

    def __hash__(self) -> int:
        return hash((self.current, frozenset(self._keys)))

    def __repr__(self) -> str:
        return f"LocalKeyRing({', '.join(self._keys)}, current={self.current!r})"

    def wrap(self, kek_id: str, key: bytes, aad: bytes) -> bytes:
        """Return nonce, ciphertext and tag. Raises KeyError."""
        return encrypt(aes(self._keys[kek_id]), key, aad)

    def unwrap(self, kek_id: str, wrapped: bytes, aad: bytes) -> bytes:
        """Undo `wrap`. Raises KeyError or NotOpenedError."""
        try:
            return decrypt(aes(self._keys[kek_id]), wrapped, aad)
        except DecryptionError as error:
            raise NotOpenedError from error


class CalledKeyRing:
    """Wraps and unwraps by calling functions, sync or async: those of a KMS, for example.

    They behave as the methods of `KeyRing`. Only they get data keys in plain text.
    """

    def __init__(self, current: str, *, wrap: Wrap, unwrap: Wrap) -> None:
        self.current: Final = current
        self.wrap: Final = wrap
        self.unwrap: Final = unwrap


def keyring_from_environment(variable: str = VARIABLE) -> LocalKeyRing:
    """Read keys from an environment variable, in the form that `parse_keyring` takes."""
    text = os.environ.get(variable)
    if text is None:
        raise InvalidKeyRingError(f"The environment variable {variable} is not set.")
    return parse_keyring(text, f"the environment variable {variable}")


def keyring_from_file(path: str | os.PathLike[str]) -> LocalKeyRing:
    """Read keys from a file, in the form that `parse_keyring` takes."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidKeyRingError(
            f"{file_named(os.fspath(path))} cannot be read: {reason_of(error)}."
        ) from error
    return parse_keyring(text, os.fspath(path))


def reason_of(error: OSError | UnicodeDecodeError) -> str:
    """Return why a file cannot be read, as the system says it."""
    if isinstance(error, OSError):
        return error.strerror or "the system does not say why"
    return "it is no text"


def parse_keyring(text: str, where: str = "the text") -> LocalKeyRing:
    """Read `name:key name:key ...`, each key 32 bytes in base64; the first one is the current.

    Words are separated by white space or commas. `new_key` makes one.
    """
    keys: dict[str, bytes] = {}
    for word in text.replace(",", " ").split():
        name, colon, encoded = word.partition(":")
        if not colon:  # It may be a secret of another kind: it is not repeated.
            raise InvalidKeyRingError(
                f"{where} holds something that is no key of a keyring. Write name:key, as"
                " `eventlog keys new` makes them."
            )
        try:
            key = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidKeyRingError(f"A key in {where} is not in base64.") from error
        if name in keys:
            raise InvalidKeyRingError(f"The key {name!r} is twice in {where}.")
        keys[name] = key
    if not keys:
        raise InvalidKeyRingError(
            f"There is no key in {where}. Write name:key, as new_key() makes them."
        )
    return LocalKeyRing(keys, next(iter(keys)))


def new_key(name: str) -> str:
    """Make a key-encryption key, as a word for `parse_keyring`. Keep it outside the database."""
    if not name or set(name) & set(":, \t\r\n"):
        raise InvalidKeyRingError(f"A key's name has no colon, comma or space: {name!r}.")
    return f"{name}:{base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}"
