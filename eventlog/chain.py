"""Identities and hashes, as docs/format.md defines them for a stranger.

Pure: everything here is SHA-256 over length-prefixed or fixed-width fields. Integers are unsigned,
64 bits, big-endian. The hash covers stored bytes, so it verifies without keys and after an erasure.
"""

import functools
from collections.abc import Sequence
from hashlib import sha256
from struct import Struct
from typing import Final

from eventlog.records import Head, SealedEvent, StoredEvent

FORMAT: Final = 1
GENESIS: Final = Head(version=0, hash=bytes(32), at=0)
SALT_BYTES: Final = 16
EVENT_DOMAIN: Final = b"conversation-eventlog event\x00"

# Signed, so that a tampered negative number hashes to something wrong instead of raising.
_number: Final = Struct(">q").pack
_two_numbers: Final = Struct(">qq").pack
_ABSENT: Final = b"\x00"


@functools.lru_cache(maxsize=1024)
def stream_id(tenant: str, name: str, branch: str = "") -> bytes:
    """Return the 16-byte identity of a conversation, or of a branch of it."""
    identity = _text(tenant) + _text(name)
    return sha256(identity + _text(branch) if branch else identity).digest()[:16]


def content_digest(salt: bytes, context: bytes, body: bytes) -> bytes:
    """Digest what an erasure destroys, salted so that what is left behind cannot be guessed."""
    return sha256(b"".join((salt, _prefixed(context), body))).digest()


def event_hash(previous: bytes, event: StoredEvent) -> bytes:
    """Hash an event and, through `previous`, every event before it in its stream."""
    return _hash(
        previous,
        event.format,
        event.stream_id,
        event.version,
        event.recorded_at,
        SealedEvent(*event[3:6], *event[7:14]),  # type: ignore[arg-type]
    )


def link(
    stream: bytes, head: Head, events: Sequence[SealedEvent], at: int
) -> tuple[list[StoredEvent], Head]:
    """Give each event its version, time and hash after `head`; return the rows and the new head.

    Time never falls within a stream: a clock that runs behind repeats the head's time.
    """
    recorded_at = max(at, head.at)
    version, previous = head.version, head.hash
    rows: list[StoredEvent] = []
    for sealed in events:
        version += 1
        previous = _hash(previous, FORMAT, stream, version, recorded_at, sealed)
        event_id, kind, schema, *content = sealed
        place = (stream, version, FORMAT, event_id, kind, schema, recorded_at)
        rows.append(StoredEvent._make((*place, *content, previous)))
    return rows, Head(version, previous, recorded_at)


def _hash(
    previous: bytes, form: int, stream: bytes, version: int, recorded_at: int, sealed: SealedEvent
) -> bytes:
    event_id, kind, schema, header, codec, key_id, _, _, _, digest = sealed
    return sha256(
        b"".join(
            (
                EVENT_DOMAIN,
                previous,
                _number(form),
                stream,
                _number(version),
                _optional(event_id),
                _text(kind),
                _two_numbers(schema, recorded_at),
                _prefixed(header),
                _number(codec),
                _optional(key_id),
                digest,
            )
        )
    ).digest()


def _prefixed(field: bytes) -> bytes:
    return _number(len(field)) + field


def _text(text: str) -> bytes:
    # What a tampered row holds need not be UTF-8; the store escapes it, and it is hashed as it is.
    return _prefixed(text.encode(errors="surrogateescape"))


def _optional(text: str | None) -> bytes:
    return _ABSENT if text is None else b"\x01" + _text(text)
