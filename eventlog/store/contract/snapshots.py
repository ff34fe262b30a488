"""The contract of stored snapshots: bytes that can be lost at any time, kept beside the events.

A snapshot names pieces: `(source, start, stop)` are items `start` to `stop` (exclusive) of segment
`source`, or, where `source` is negative, of the event whose version is `-source`. Source 0 is what
the stream, a fork, began with; it lies in other streams.
"""

import hmac
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

import msgspec

from eventlog.format.records import FoldInput

MAX_SEGMENT_ID: Final = 2**63 - 1
MAX_ITEMS: Final = 2**31
"""More items than one event, segment or list can hold."""


class Piece(NamedTuple):
    """Items of a segment or of an event."""

    source: int
    start: int
    stop: int


class Snapshot(NamedTuple):
    """What the list was at a version, and the chain's hash there."""

    version: int
    hash: bytes
    pieces: tuple[Piece, ...]
    mac: bytes = b""
    """Authentication tag under the key of the stream, where that is encrypted."""


class Loaded(NamedTuple):
    """What one round trip found of a stream up to a version.

    `snapshot` is the newest one, if it is on the chain; `is_refused` says that the newest one is
    not. `segments` and `entries` are what its last pieces refer to; `tail` is what came after it,
    in order, one page at most.
    """

    snapshot: Snapshot | None
    is_refused: bool
    segments: Mapping[int, bytes]
    entries: Mapping[int, FoldInput]
    tail: list[FoldInput]
    key_id: str | None = None
    """The data key of the event at the snapshot's version."""


class Sources(NamedTuple):
    """Segments by their ids, and events by their versions."""

    segments: Mapping[int, bytes]
    entries: Mapping[int, FoldInput]


class SnapshotSource(Protocol):
    """Snapshots of streams in one database. `schema` is the number of the code that made them."""

    async def tail(self, stream_id: bytes, after: int, until: int) -> list[FoldInput]:
        """Return a page of what is behind `after`, and before it the event at `after` itself.

        That one comes without its body: it is there to show its hash.
        """
        ...

    async def load(self, stream_id: bytes, schema: int, until: int, wanted: int) -> Loaded:
        """Return the newest snapshot up to `until` and what follows it.

        Of the pieces, only as many from the end as hold `wanted` items are looked up.
        """
        ...

    async def sources(
        self, stream_id: bytes, segments: Sequence[int], versions: Sequence[int]
    ) -> Sources:
        """Return what is there of the segments and events that are asked for."""
        ...

    async def save(
        self, stream_id: bytes, schema: int, snapshot: Snapshot, segments: Mapping[int, bytes]
    ) -> bool:
        """Store a snapshot with its new segments, or nothing if there is one of that version.

        Tells whether it was stored. One of that version with another hash is replaced, and every
        later one goes with it.
        """
        ...

    async def versions(self, stream_id: bytes, schema: int) -> list[int]:
        """Return the versions that there are snapshots of, in order."""
        ...

    async def drop(self, stream_id: bytes) -> None:
        """Delete every snapshot and segment of a stream."""
        ...


class _Pieces(msgspec.Struct, omit_defaults=True):
    """What is stored: pieces, a digest over them and the hash, and the MAC if there is any."""

    pieces: tuple[Piece, ...]
    digest: bytes
    mac: bytes = msgspec.field(default=b"", name="seal")


def dump_pieces(snapshot: Snapshot, salt: bytes) -> str:
    """Return the pieces of a snapshot as they are stored; `salt` is that of the event there."""
    digest = _digest(salt, snapshot.hash, snapshot.pieces)
    stored = _Pieces(snapshot.pieces, digest, snapshot.mac)
    return msgspec.json.encode(stored).decode()


def load_snapshot(
    version: int, chained: bytes, stored: str | bytes, salt: bytes | None
) -> Snapshot | None:
    """Undo `dump_pieces`; None for what it did not write, or not for this snapshot."""
    if salt is None:
        return None
    try:
        found = msgspec.json.decode(stored, type=_Pieces)
        pieces, digest, mac = msgspec.structs.astuple(found)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    if not hmac.compare_digest(digest, _digest(salt, chained, pieces)):
        return None
    if not all(_is_possible(piece, version) for piece in pieces):
        return None
    return Snapshot(version, chained, pieces, mac)


def _digest(salt: bytes, chained: bytes, pieces: Sequence[Piece]) -> bytes:
    """Digest a snapshot under the salt of its event, which is in no other table."""
    return hmac.digest(salt, chained + msgspec.json.encode(pieces), "sha256")


def _is_possible(piece: Piece, version: int) -> bool:
    source, start, stop = piece
    return -version <= source <= MAX_SEGMENT_ID and 0 <= start < stop <= MAX_ITEMS


def last_pieces(pieces: Sequence[Piece], wanted: int) -> list[Piece]:
    """Return the pieces that hold the last `wanted` items."""
    last: list[Piece] = []
    for piece in reversed(pieces):
        if wanted <= 0:
            break
        last.append(piece)
        wanted -= piece.stop - piece.start
    return last
