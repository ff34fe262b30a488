"""Identities and hashes, as docs/format.md defines them for a stranger.

Pure: everything here is SHA-256 over length-prefixed or fixed-width fields. Integers are unsigned,
64 bits, big-endian. The hash covers stored bytes, so it verifies without keys and after an erasure.
"""

import functools
from collections.abc import Sequence
from hashlib import sha256
from struct import Struct
from typing import Any, Final

from eventlog.format.records import Head, PreparedEvent, StoredEvent, StreamId

FORMAT: Final = 1
GENESIS: Final = Head(version=0, hash=bytes(32), at=0)
SALT_BYTES: Final = 16
EVENT_DOMAIN: Final = b"conversation-eventlog event\x00"

# Signed, so that a tampered negative number hashes to something wrong instead of raising.
_number: Final = Struct(">q").pack
_three_numbers: Final = Struct(">qqq").pack
_ABSENT: Final = b"\x00"
_GIVEN: Final = b"\x01"


@functools.lru_cache(maxsize=1024)
def stream_id(tenant: str, name: str, branch: str = "") -> StreamId:
    """Return the 16-byte identity of a conversation, or of a branch of it."""
    identity = _text(tenant) + _text(name)
    digest = sha256(identity + _text(branch) if branch else identity).digest()
    return StreamId(digest[:16], name)


def content_digest(salt: bytes, context: bytes, body: bytes) -> bytes:
    """Digest the content, which an erasure destroys; the salt keeps it from being guessed after."""
    return sha256(b"".join((salt, _number(len(context)), context, body))).digest()


def event_hash(previous: bytes, event: Sequence[Any]) -> bytes:
    """Hash an event and, through `previous`, every event before it in its stream.

    `event` has the fields of StoredEvent; its own hash is not looked at.
    """
    stream, version, form, event_id, kind, schema, at, header, codec, key_id, _, _, _, digest, _ = (
        event
    )
    return sha256(
        b"".join(
            (
                EVENT_DOMAIN,
                previous,
                _number(form),
                stream,
                _number(version),
                _ABSENT if event_id is None else _GIVEN + _text(event_id),
                _kind(kind),
                _three_numbers(schema, at, len(header)),
                header,
                _number(codec),
                _ABSENT if key_id is None else _GIVEN + _text(key_id),
                digest,
            )
        )
    ).digest()


def link(
    stream: bytes, head: Head, events: Sequence[PreparedEvent], at: int
) -> tuple[list[StoredEvent], Head]:
    """Give each event its version, time and hash after `head`; return the rows and the new head.

    Time never decreases within a stream: where the clock is behind, the head's time is repeated.
    """
    recorded_at = max(at, head.at)
    version, previous = head.version, head.hash
    rows: list[StoredEvent] = []
    for prepared in events:
        version += 1
        event_id, kind, schema, *content = prepared
        row = (stream, version, FORMAT, event_id, kind, schema, recorded_at, *content)
        previous = event_hash(previous, (*row, b""))
        rows.append(StoredEvent._make((*row, previous)))
    return rows, Head(version, previous, recorded_at)


def _text(text: str) -> bytes:
    # A tampered row need not be UTF-8: the store escapes such bytes, and they are hashed as stored.
    field = text.encode(errors="surrogateescape")
    return _number(len(field)) + field


_kind: Final = functools.lru_cache(maxsize=64)(_text)
