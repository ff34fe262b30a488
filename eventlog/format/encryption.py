"""The data keys of a stream: encrypting what its events hold, for one place and no other.

Pure. AES-256-GCM with a random nonce of 96 bits; stored are nonce, ciphertext and tag. What a
content belongs to is associated data: a ciphertext that was moved to another stream, version, kind
or field, or whose header was changed, does not open. docs/format.md defines every byte.
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
BESIDE_DOMAIN: Final = b"conversation-eventlog beside\x00"
KEY_DOMAIN: Final = b"conversation-eventlog key\x00"
MAX_DIGITS: Final = 18
BODY: Final = b"b"
CONTEXT: Final = b"c"

SEALED: Final = b"\xceSEALED1"
"""What encrypted bytes beside the events begin with: no zstd frame and no msgpack array does."""

_number: Final = Struct(">Q").pack
# Signed, so that a tampered negative number opens nothing instead of raising.
_place: Final = Struct(">qqq").pack


def generation(key_id: str) -> int:
    """Return which data key of its stream this is, from 1; 0 for what is no key's id."""
    is_number = key_id.isdecimal() and len(key_id) <= MAX_DIGITS
    return int(key_id) if is_number else 0


class Unopened(ValueError):  # noqa: N818 - whoever opens makes an error of it that names the event
    """Bytes that the key did not encrypt, or not for this place."""


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


def seal(cipher: "AESGCM", content: bytes, associated: bytes) -> bytes:
    """Return nonce, ciphertext and tag."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, content, associated)


def unseal(cipher: "AESGCM", sealed: bytes, associated: bytes) -> bytes:
    """Undo `seal`. Raises Unopened."""
    from cryptography.exceptions import InvalidTag

    try:
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], associated)
    except (InvalidTag, ValueError) as error:
        raise Unopened("it was changed or moved, or encrypted under another key") from error


def key_place(stream_id: bytes, key_id: str, kek_id: str) -> bytes:
    """Return what a wrapped data key is bound to."""
    return KEY_DOMAIN + stream_id + _text(key_id) + _text(kek_id)


class DataKey:
    """One data key of one stream, ready for use."""

    __slots__ = ("_beside", "_cipher", "_prefix", "key_id")

    def __init__(self, stream_id: bytes, key_id: str, key: bytes) -> None:
        self.key_id = key_id
        self._cipher = aes(key)
        identity = stream_id + _text(key_id)
        self._prefix = EVENT_DOMAIN + identity
        self._beside = BESIDE_DOMAIN + identity

    def encrypt(self, event: PreparedEvent, version: int) -> PreparedEvent:
        """Encrypt context and body for this version."""
        event_id, kind, schema, header, codec, _, salt, context, body, _ = event
        place = self._place(version, kind, schema, codec, header)
        random = os.urandom(2 * NONCE_BYTES)
        one, other = random[:NONCE_BYTES], random[NONCE_BYTES:]
        context = one + self._cipher.encrypt(one, context, place + CONTEXT)
        body = other + self._cipher.encrypt(other, body, place + BODY)
        digest = content_digest(salt, context, body)
        fields = (event_id, kind, schema, header, codec, self.key_id, salt, context, body, digest)
        return PreparedEvent._make(fields)

    def open_field(self, event: StoredEvent | FoldInput, sealed: bytes, field: bytes) -> bytes:
        """Decrypt one field of an event. Raises Unopened."""
        place = self._place(event.version, event.kind, event.schema, event.codec, event.header)
        return unseal(self._cipher, sealed, place + field)

    def seal_beside(self, content: bytes, what: str) -> bytes:
        """Encrypt what is kept of the stream beside its events; `what` says what and where."""
        return SEALED + _text(self.key_id) + seal(self._cipher, content, self._beside + _text(what))

    def open_beside(self, sealed: bytes, what: str) -> bytes:
        """Undo `seal_beside`. Raises Unopened."""
        head = SEALED + _text(self.key_id)
        if not sealed.startswith(head):
            raise Unopened("it is not encrypted under the stream's key")
        return unseal(self._cipher, sealed[len(head) :], self._beside + _text(what))

    def _place(self, version: int, kind: str, schema: int, codec: int, header: bytes) -> bytes:
        named = kind.encode(errors="surrogateescape")
        return b"".join(
            (
                self._prefix,
                _place(version, schema, codec),
                _number(len(named)),
                named,
                _number(len(header)),
                header,
            )
        )


class StreamKeys(NamedTuple):
    """The data keys of one stream that are there, and which one new events take."""

    keys: Mapping[str, DataKey]
    current: str | None
    """None: the stream is not encrypted. It is in `keys`, otherwise."""
    destroyed: frozenset[str] = frozenset()
    first: int | None = None
    """The first version that is encrypted, where that was asked for: what follows is, too."""
    compresses: bool = True
    """Whether new bodies are compressed first."""

    @property
    def is_encrypted(self) -> bool:
        """Whether the stream has, or had, a key."""
        return bool(self.keys or self.destroyed)

    @property
    def key_id(self) -> str:
        """The key that new events are encrypted under."""
        if self.current is None:
            raise Unopened("the stream has no key")
        return self.current

    def encrypt(self, event: PreparedEvent, version: int) -> PreparedEvent:
        """Encrypt the content for its place in the stream."""
        return self.keys[self.current or ""].encrypt(event, version)

    def knows(self, key_id: str) -> bool:
        """Tell whether this key is at hand."""
        return key_id in self.keys

    def open_body(self, stored: StoredEvent | FoldInput) -> bytes:
        """Return the body as its codec says. Raises Unopened, or KeyError for an unknown key."""
        body = stored.body or b""
        return body if stored.key_id is None else self._open(stored, body, BODY)

    def open_context(self, stored: StoredEvent) -> bytes:
        """Return the context. Raises Unopened, or KeyError for an unknown key."""
        context = stored.context or b""
        return context if stored.key_id is None else self._open(stored, context, CONTEXT)

    def _open(self, stored: StoredEvent | FoldInput, sealed: bytes, field: bytes) -> bytes:
        return self.keys[stored.key_id or ""].open_field(stored, sealed, field)


def sealed_under(content: bytes) -> str | None:
    """Return the key that bytes beside the events are encrypted under; None for plain ones."""
    if not content.startswith(SEALED):
        return None
    start = len(SEALED) + 8
    length = int.from_bytes(content[start - 8 : start], "big")
    return content[start : start + min(length, 64)].decode(errors="replace")


def _text(text: str) -> bytes:
    encoded = text.encode(errors="surrogateescape")
    return _number(len(encoded)) + encoded
