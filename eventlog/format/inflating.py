"""Inflating compressed bytes, never beyond a bound: the only place that calls a decompressor.

Pure. Rule: memory grows with what may come out, not with what the bytes claim or could become. A
test forbids a second place.
"""

import threading
import zlib
from typing import Any, Final

MAX_INFLATED: Final = 256 * 1024 * 1024
"""Bytes that one event or message may inflate to, unless the log was opened with another bound."""

_MAX_WINDOW: Final = 8 * 1024 * 1024
"""Bytes of what came before that a zstd frame may refer to; RFC 8878, 3.1.1.1.2, demands 8 MiB."""


class TooMuchError(ValueError):
    """Compressed bytes that inflate to more than the bound; callers name the event."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"it inflates to more than {limit} bytes (max_inflated_bytes)")
        self.limit = limit


def inflate(stored: bytes, limit: int) -> bytes:
    """Return what one whole zlib stream, and nothing behind it, inflates to.

    Raises TooMuchError, or ValueError for other bytes.
    """
    return _inflate(zlib.decompressobj(), stored, limit)


def inflate_with(dictionary: bytes, stored: bytes, limit: int) -> bytes:
    """Return what one whole DEFLATE stream inflates to that refers to a preset dictionary.

    Raises as `inflate` does.
    """
    return _inflate(zlib.decompressobj(-zlib.MAX_WBITS, zdict=dictionary), stored, limit)


def _inflate(opener: Any, stored: bytes, limit: int) -> bytes:
    try:
        body: bytes = opener.decompress(stored, limit + 1)
    except zlib.error as error:
        raise ValueError("compressed bytes do not open") from error
    if len(body) > limit:
        raise TooMuchError(limit)
    if not opener.eof or opener.unused_data:
        raise ValueError("compressed bytes do not end where they should")
    return body


def inflate_frame(stored: bytes, limit: int) -> bytes:
    """Return what a zstd frame that says its size inflates to.

    Raises TooMuchError, or ValueError for other bytes.
    """
    size = frame_size(stored)
    if size is None:
        raise ValueError("compressed bytes do not say what they inflate to")
    if size > limit:
        raise TooMuchError(limit)
    if size == 0:
        return b""
    own = _own.zstd
    try:
        return bytes(own.decompressor.decompress(stored, max_output_size=limit))
    except (own.error, MemoryError) as error:
        raise ValueError("compressed bytes do not open") from error


def frame_size(stored: bytes) -> int | None:
    """Return how many bytes a zstd frame says that it inflates to; None for what does not say."""
    own = _own.zstd
    try:
        size: int = own.size_of(stored)
    except own.error:
        return None
    return size if size >= 0 else None


class _Zstd:
    def __init__(self) -> None:
        import zstandard  # Only those who read snapshots need it.

        self.decompressor: Final[Any] = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW)
        self.size_of: Final = zstandard.frame_content_size
        self.error: Final = zstandard.ZstdError


class _OfThread(threading.local):
    """One of each for each thread: making them costs as much as using them."""

    def __init__(self) -> None:
        self.zstd: Final = _Zstd()


_own: Final = _OfThread()
