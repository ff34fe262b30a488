"""Encryption of what the events of a stream hold, under the data keys of the stream.

Pure. AES-256-GCM with a random nonce of 96 bits; nonce, ciphertext and tag are stored. The
additional authenticated data (AAD) names stream, key, version, kind and field: a ciphertext that
was moved, or whose header was changed, does not decrypt. docs/format.md defines every byte.
"""

import os
from collections.abc import Mapping
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from eventlog.errors import InvalidOptionError
from eventlog.format.chain import content_digest
from eventlog.format.records import FoldInput, PreparedEvent, StoredEvent

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
EVENT_DOMAIN: Final = b"conversation-eventlog content\x00"
DERIVED_DOMAIN: Final = b"conversation-eventlog beside\x00"
KEY_DOMAIN: Final = b"conversation-eventlog key\x00"
MAX_DIGITS: Final = 18
BODY: Final = b"b"
CONTEXT: Final = b"c"

MARKER: Final = b"\xceSEALED1"
"""The first bytes of encrypted derived data: no zstd frame and no msgpack array has them."""

_number: Final = Struct(">Q").pack
# Signed, so that a tampered negative number fails to decrypt instead of raising struct.error.
_event: Final = Struct(">qqq").pack


def generation(key_id: str) -> int:
    """Return which data key of its stream this is, from 1; 0 for what is no key's id."""
    is_number = key_id.isdecimal() and len(key_id) <= MAX_DIGITS
    return int(key_id) if is_number else 0


class DecryptionError(ValueError):
    """Bytes that were not encrypted under this key with these AAD; callers name the event."""


def aes(key: bytes) -> "AESGCM":
    """Return the cipher of a key; building it costs as much as encrypting a small event."""
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError as error:
        raise InvalidOptionError(
            f"Encryption needs a package that is not installed ({error.name}):"
            " pip install 'conversation-eventlog[crypto]'."
        ) from error
    return AESGCM(key)


def encrypt(cipher: "AESGCM", content: bytes, aad: bytes) -> bytes:
    """Return nonce, ciphertext and tag."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, content, aad)


def decrypt(cipher: "AESGCM", encrypted: bytes, aad: bytes) -> bytes:
    """Undo `encrypt`. Raises DecryptionError."""
    from cryptography.exceptions import InvalidTag

    try:
        return cipher.decrypt(encrypted[:NONCE_BYTES], encrypted[NONCE_BYTES:], aad)
    except (InvalidTag, ValueError) as error:
        raise DecryptionError("it was changed or moved, or encrypted under another key") from error


def key_aad(stream_id: bytes, key_id: str, kek_id: str) -> bytes:
    """Return the additional authenticated data of a wrapped data key."""
    return KEY_DOMAIN + stream_id + _text(key_id) + _text(kek_id)


class DataKey:
    """One unwrapped data key of one stream."""

    __slots__ = ("_cipher", "_derived", "_prefix", "key_id")

    def __init__(self, stream_id: bytes, key_id: str, key: bytes) -> None:
        self.key_id = key_id
        self._cipher = aes(key)
        identity = stream_id + _text(key_id)
        self._prefix = EVENT_DOMAIN + identity
        self._derived = DERIVED_DOMAIN + identity

    def encrypt(self, event: PreparedEvent, version: int) -> PreparedEvent:
        """Encrypt context and body of the event that becomes this version."""
        event_id, kind, schema, header, codec, _, salt, context, body, _ = event
        aad = self._aad(version, kind, schema, codec, header)
        random = os.urandom(2 * NONCE_BYTES)
        one, other = random[:NONCE_BYTES], random[NONCE_BYTES:]
        context = one + self._cipher.encrypt(one, context, aad + CONTEXT)
        body = other + self._cipher.encrypt(other, body, aad + BODY)
        digest = content_digest(salt, context, body)
        fields = (event_id, kind, schema, header, codec, self.key_id, salt, context, body, digest)
        return PreparedEvent._make(fields)

    def decrypt_field(
        self, event: StoredEvent | FoldInput, encrypted: bytes, field: bytes
    ) -> bytes:
        """Decrypt one field of an event. Raises DecryptionError."""
        aad = self._aad(event.version, event.kind, event.schema, event.codec, event.header)
        return decrypt(self._cipher, encrypted, aad + field)

    def encrypt_derived(self, data: bytes, name: str) -> bytes:
        """Encrypt data derived from the events; only under the same `name` does it decrypt."""
        aad = self._derived + _text(name)
        return MARKER + _text(self.key_id) + encrypt(self._cipher, data, aad)

    def decrypt_derived(self, encrypted: bytes, name: str) -> bytes:
        """Undo `encrypt_derived`. Raises DecryptionError."""
        head = MARKER + _text(self.key_id)
        if not encrypted.startswith(head):
            raise DecryptionError("it is not encrypted under the stream's key")
        return decrypt(self._cipher, encrypted[len(head) :], self._derived + _text(name))

    def _aad(self, version: int, kind: str, schema: int, codec: int, header: bytes) -> bytes:
        named = kind.encode(errors="surrogateescape")
        return b"".join(
            (
                self._prefix,
                _event(version, schema, codec),
                _number(len(named)),
                named,
                _number(len(header)),
                header,
            )
        )


class StreamKeys(NamedTuple):
    """The data keys of one stream, and which of them encrypts new events."""

    keys: Mapping[str, DataKey]
    current: str | None
    """A key of `keys`; None: new events are not encrypted."""
    destroyed: frozenset[str] = frozenset()
    compresses: bool = True
    """Whether bodies are compressed before they are encrypted."""
    closed: frozenset[str] = frozenset()
    """Keys that do not open, and that nothing needed which was read so far."""

    @property
    def is_encrypted(self) -> bool:
        """Whether the stream has, or had, a key."""
        return bool(self.keys or self.destroyed or self.closed)

    @property
    def key_id(self) -> str:
        """The key that encrypts new events."""
        if self.current is None:
            raise DecryptionError("the stream has no key")
        return self.current

    def encrypt(self, event: PreparedEvent, version: int) -> PreparedEvent:
        """Encrypt context and body of the event that becomes this version."""
        return self.keys[self.current or ""].encrypt(event, version)

    def knows(self, key_id: str) -> bool:
        """Tell whether this key is among `keys`."""
        return key_id in self.keys

    def open_body(self, stored: StoredEvent | FoldInput) -> bytes:
        """Return the body, compressed as its codec says. Raises DecryptionError or KeyError."""
        body = stored.body or b""
        return body if stored.key_id is None else self._decrypt(stored, body, BODY)

    def open_context(self, stored: StoredEvent) -> bytes:
        """Return the context. Raises DecryptionError or KeyError."""
        context = stored.context or b""
        return context if stored.key_id is None else self._decrypt(stored, context, CONTEXT)

    def _decrypt(self, stored: StoredEvent | FoldInput, encrypted: bytes, field: bytes) -> bytes:
        return self.keys[stored.key_id or ""].decrypt_field(stored, encrypted, field)


def derived_key_id(data: bytes) -> str | None:
    """Return the id of the key that derived data are encrypted under; None for plain data."""
    if not data.startswith(MARKER):
        return None
    start = len(MARKER) + 8
    length = int.from_bytes(data[start - 8 : start], "big")
    return data[start : start + min(length, 64)].decode(errors="replace")


def _text(text: str) -> bytes:
    encoded = text.encode(errors="surrogateescape")
    return _number(len(encoded)) + encoded
