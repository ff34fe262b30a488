"""Segments: immutable runs of items as stored bytes, with the place of each item in them.

A segment is zstd over 16 random bytes, little-endian numbers, how many items there are and where
each ends (32 bits), and then the items as an array of MessagePack, which is decoded where it lies,
in two thirds of the time that its JSON takes. Its id is a digest of all that, so no segment passes
for another, nor for itself once it was changed. It can be rebuilt, so its form may change with
SCHEMA.
"""

import secrets
import struct
import threading
from collections.abc import Sequence
from hashlib import sha256
from itertools import accumulate
from typing import Final, NamedTuple

import zstandard

from eventlog.format.inflating import frame_size, inflate_frame

SCHEMA: Final = 4
"""Raise it with any change of the fold or of what is stored: older snapshots are left alone."""

MAX_ITEMS: Final = 512
MAX_BYTES: Final = 256 * 1024
LARGE: Final = 64 * 1024
"""An item of more bytes is not copied: snapshots refer to it where it lies in the log."""

MAX_OPENED: Final = 1024 * 1024
"""A segment that claims to be larger is none: what is packed is far less."""

_LEVEL: Final = 6
_HEAD: Final = struct.Struct("<16sI")
_ARRAY: Final = struct.Struct(">BH")
_ARRAY_16: Final = 0xDC
"""How MessagePack begins an array of up to 65,535 values."""
_ID_BITS: Final = 63


class _Zstd(threading.local):
    """One for each thread: making it costs as much as using it."""

    def __init__(self) -> None:
        self.compressor: Final = zstandard.ZstdCompressor(level=_LEVEL)


_zstd: Final = _Zstd()


class UnreadableError(Exception):
    """Stored bytes are no segment. `blocks.decode` catches it and returns None."""


class Packed(NamedTuple):
    """The items of a segment as an array of MessagePack, and where behind its head each ends."""

    array: bytes | memoryview
    ends: Sequence[int]
    nonce: bytes
    """Random: an id tells nothing of what is in an encrypted segment, and is given once."""

    def items(self) -> list[bytes]:
        """Return each item."""
        inner = bytes(self.array[_ARRAY.size :])
        return [inner[start:end] for start, end in zip((0, *self.ends), self.ends, strict=False)]

    def part(self, start: int, stop: int) -> bytes:
        """Return an array of items `start` to `stop`."""
        begin, end = (self.ends[start - 1] if start else 0), self.ends[stop - 1]
        return _array(stop - start, bytes(self.array[_ARRAY.size + begin : _ARRAY.size + end]))


def join(items: Sequence[bytes]) -> Packed:
    """Put items together, each as its own MessagePack."""
    ends = tuple(accumulate(map(len, items)))
    return Packed(_array(len(items), b"".join(items)), ends, secrets.token_bytes(16))


def pack(packed: Packed) -> bytes:
    """Return what is stored."""
    items = len(packed.ends)
    numbers = struct.pack(f"<16sI{items}I", packed.nonce, items, *packed.ends)
    return _zstd.compressor.compress(numbers + packed.array)


def id_of(stored: bytes) -> int:
    """Return the id of a segment: 63 bits of the SHA-256 of what is stored; never 0."""
    return (int.from_bytes(sha256(stored).digest()[:8]) >> 64 - _ID_BITS) or 1


def size_of(stored: bytes) -> int:
    """Return how many bytes it takes once it is unpacked; 0 for what cannot be."""
    return frame_size(stored) or 0


def unpack(segment_id: int, stored: bytes) -> Packed:
    """Undo `pack`. Raises UnreadableError, also for what has another id."""
    if id_of(stored) != segment_id:
        raise UnreadableError
    try:
        opened = inflate_frame(stored, MAX_OPENED)
        nonce, items = _HEAD.unpack_from(opened)
        ends: tuple[int, ...] = struct.unpack_from(f"<{items}I", opened, _HEAD.size)
    except (ValueError, struct.error) as error:
        raise UnreadableError from error
    array = memoryview(opened)[_HEAD.size + 4 * items :]
    if not items or _ARRAY.size + ends[-1] != len(array):
        raise UnreadableError
    return Packed(array, ends, nonce)


def _array(count: int, items: bytes) -> bytes:
    """Return an array of items that stand one behind the other."""
    return _ARRAY.pack(_ARRAY_16, count) + items
