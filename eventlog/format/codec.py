"""Encoding Python values as JSON and compressing them with zlib's DEFLATE, and back.

Pure: no I/O, no database driver. A value comes back as `json.loads(json.dumps(value))` returns it.
"""

import hashlib
import json
import re
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import msgspec

from eventlog.errors import InvalidItemError
from eventlog.format.dictionary import DICTIONARY
from eventlog.format.inflating import MAX_INFLATED, inflate, inflate_with

RAW: Final = 0
ZLIB: Final = 1
"""What earlier releases wrote."""
DEFLATE: Final = 2
"""With DICTIONARY, and neither a header nor a checksum: an event has a digest."""

MAX_DEPTH: Final = 900
"""Maximum nesting of an item: `json` on Python 3.11 decodes a little more than this."""

_TOO_DEEP: Final = (
    f"The item nests deeper than {MAX_DEPTH} levels, more than every JSON reader can read back."
    " Nothing was stored."
)
_COMPRESS_FROM: Final = 64
_SMALL: Final = 4096
_PLAIN: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_ESCAPED: Final = json.JSONEncoder(separators=(",", ":"))
_CANONICAL: Final = json.JSONEncoder(separators=(",", ":"), sort_keys=True)
_STRINGS: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"')
_ONE_KIND_OF_BRACKET: Final = bytes.maketrans(b"{}", b"[]")
_NO_BRACKET: Final = bytes(set(range(256)) - set(b"{}[]"))

_T = TypeVar("_T")


def encode_json(value: Any, *, max_depth: int = MAX_DEPTH) -> bytes:
    """Encode as `json.dumps` does, compact, in UTF-8; ASCII escapes where a lone surrogate occurs.

    Raises InvalidItemError for what JSON cannot hold and for what it could not read back.
    """
    body = _dumps(value, _dump)
    if body.count(b"[") + body.count(b"{") > max_depth and _depth(body) > max_depth:
        raise InvalidItemError(_TOO_DEEP)
    return body


def digest(value: Any) -> str:
    """Return the SHA-256, in hexadecimal, of the value's canonical JSON (docs/format.md).

    Values that are equal as JSON have one digest, whatever the order of their keys. Raises
    InvalidItemError for what JSON cannot hold.
    """
    return hashlib.sha256(_dumps(value, lambda item: _CANONICAL.encode(item).encode())).hexdigest()


def decode_json(body: bytes | memoryview) -> Any:
    """Decode what `encode_json` wrote, into fresh objects. Raises ValueError for anything else."""
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        # json decodes NaN, Infinity and lone surrogates; msgspec does not.
        return _loads(bytes(body))
    except RecursionError:
        return _loads(bytes(body))


def encode_msgpack(value: Any) -> bytes:
    """Encode what JSON decodes to as MessagePack, for what is decoded often and can be made anew.

    Raises ValueError for what MessagePack cannot hold: integers over 64 bits, lone surrogates.
    """
    try:
        return _on_any_stack(lambda: msgspec.msgpack.encode(value))
    except (OverflowError, RecursionError) as error:
        raise ValueError("MessagePack cannot hold the value") from error


def decode_msgpack(body: bytes | memoryview) -> Any:
    """Decode what `encode_msgpack` wrote, into fresh objects. Raises ValueError."""
    try:
        return _on_any_stack(lambda: msgspec.msgpack.decode(body))
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError("the MessagePack cannot be read") from error


def compress(body: bytes) -> tuple[int, bytes]:
    """Return (codec, stored bytes), whichever of raw and compressed is shorter."""
    if len(body) >= _COMPRESS_FROM:
        packed = _deflate(body)
        if len(packed) < len(body):
            return DEFLATE, packed
    return RAW, body


def decompress(codec: int, stored: bytes, limit: int = MAX_INFLATED) -> bytes:
    """Undo `compress`, up to `limit` bytes.

    Raises TooMuchError beyond, and ValueError for bytes or a codec that it cannot have written.
    """
    if codec == RAW:
        return stored
    if codec == DEFLATE:
        return inflate_with(DICTIONARY, stored, limit)
    if codec == ZLIB:
        return inflate(stored, limit)
    raise ValueError(f"unknown codec {codec}")


def _packer(level: int, wbits: int, memory: int) -> Any:
    return zlib.compressobj(
        level, zlib.DEFLATED, -wbits, memory, zlib.Z_DEFAULT_STRATEGY, DICTIONARY
    )


# A copy knows the dictionary already. The window of the small one, 8 KiB, holds it and the body;
# copying one of 32 KiB costs more than filling it.
_FOR_SMALL: Final = _packer(level=3, wbits=13, memory=6)
_FOR_LARGE: Final = _packer(level=6, wbits=15, memory=8)


def _deflate(body: bytes) -> bytes:
    packer = (_FOR_SMALL if len(body) <= _SMALL else _FOR_LARGE).copy()
    return b"".join((packer.compress(body), packer.flush()))


def _dumps(value: Any, dump: Callable[[Any], bytes]) -> bytes:
    try:
        return _on_any_stack(lambda: dump(value))
    except RecursionError as error:
        raise InvalidItemError(_TOO_DEEP) from error
    except (TypeError, ValueError) as error:
        raise InvalidItemError(
            f"JSON cannot hold the item: {error}. Nothing was stored."
        ) from error


def _dump(value: Any) -> bytes:
    try:
        return _PLAIN.encode(value).encode()
    except UnicodeEncodeError:
        return _ESCAPED.encode(value).encode()


def _loads(body: bytes) -> Any:
    try:
        return _on_any_stack(lambda: json.loads(body))
    except RecursionError as error:
        raise ValueError("the JSON nests too deep to be read") from error


def _depth(body: bytes) -> int:
    """Count nesting levels by removing the innermost brackets, one level at a time."""
    brackets = _STRINGS.sub(b"", body).translate(_ONE_KIND_OF_BRACKET, _NO_BRACKET)
    levels = 0
    while brackets:
        brackets = brackets.replace(b"[]", b"")
        levels += 1
    return levels


def _on_any_stack(function: Callable[[], _T]) -> _T:
    """Retry in a new thread: a caller deep in its stack leaves no room for deep items."""
    try:
        return function()
    except RecursionError:
        with ThreadPoolExecutor(1) as empty_stack:
            return empty_stack.submit(function).result()
