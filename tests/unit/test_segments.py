"""Segments: packed, they give back the same bytes; whatever else is stored is none."""

import os
from typing import Any

import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st

from eventlog.format.codec import decode_json, decode_msgpack, encode_json, encode_msgpack
from eventlog_projections.items.segments import (
    MAX_OPENED,
    UnreadableError,
    id_of,
    join,
    pack,
    size_of,
    unpack,
)
from tests.unit.test_codec import JSON

ITEMS = st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=40)
NONCE = bytes(16)


@given(ITEMS)
def test_what_was_packed_is_unpacked(items: list[bytes]) -> None:
    """The same bytes, and the place of each item in them."""
    stored = pack(join(items))
    packed = unpack(id_of(stored), stored)
    assert packed.items() == items
    assert pack(packed) == stored


@given(st.lists(JSON, min_size=1, max_size=40), st.data())
def test_an_array_of_items_is_decoded_where_it_lies(items: list[Any], data: st.DataObject) -> None:
    """All of them, or a part, to the type."""
    items = decode_json(encode_json(items))
    try:
        packed = join([encode_msgpack(item) for item in items])
    except ValueError:
        return
    start = data.draw(st.integers(0, len(items) - 1))
    stop = data.draw(st.integers(start + 1, len(items)))
    assert repr(decode_msgpack(packed.array)) == repr(items)
    assert repr(decode_msgpack(packed.part(start, stop))) == repr(items[start:stop])


def test_a_segment_says_how_large_it_is_without_being_opened() -> None:
    """So that a cache can count it: about the same before and after."""
    packed = join([encode_msgpack("text")] * 100)
    assert abs(size_of(pack(packed)) - len(packed.array) - 4 * len(packed.ends)) < 24
    assert size_of(b"no segment") == 0


def test_a_segment_does_not_pass_for_another() -> None:
    """Its id is a digest of it, and that of no other, though that holds the same items."""
    one, other = pack(join([b"1"])), pack(join([b"1"]))
    assert id_of(one) != id_of(other)
    assert 0 < min(id_of(one), id_of(other)) < 2**63
    with pytest.raises(UnreadableError):
        unpack(id_of(one), other)


@given(st.data())
def test_a_changed_byte_is_noticed(data: st.DataObject) -> None:
    """Wherever it is."""
    whole = pack(join([encode_msgpack("some text")] * 50)._replace(nonce=NONCE))
    stored = bytearray(whole)
    place = data.draw(st.integers(0, len(stored) - 1))
    stored[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(UnreadableError):
        unpack(id_of(whole), bytes(stored))


@given(st.binary(max_size=60))
@example(b"")
@example(zstandard.compress(b""))
@example(zstandard.compress(bytes(19)))
@example(zstandard.compress(bytes(20)))
@example(zstandard.compress(NONCE + b"\xff\xff\xff\xff"))
@example(zstandard.compress(NONCE + b"\x01\0\0\0\x05\0\0\0" + b"1"))
@example(b"\x28\xb5\x2f\xfd\xe0" + (MAX_OPENED + 1).to_bytes(8, "little") + b"\x01\x00\x00")
@example(b"\x28\xb5\x2f\xfd\xe0" + (2**64 - 3).to_bytes(8, "little") + b"\x01\x00\x00")
def test_other_bytes_are_no_segment(stored: bytes) -> None:
    """Whatever they are, and whatever they claim."""
    with pytest.raises(UnreadableError):
        unpack(id_of(stored), stored)
    compressed = zstandard.compress(stored)
    with pytest.raises(UnreadableError):
        unpack(id_of(compressed), compressed)


def test_a_small_frame_that_opens_to_very_much_is_refused() -> None:
    """A few bytes can hold a quarter of a gigabyte of zeros; no segment is that long."""
    compressor = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    zeros = bytes(1024 * 1024)
    frame = b"".join(compressor.compress(zeros) for _ in range(MAX_OPENED // len(zeros) + 1))
    frame += compressor.flush()
    with pytest.raises(UnreadableError):
        unpack(id_of(frame), frame)


def test_random_items_are_stored_in_about_their_size() -> None:
    """What does not compress costs little more than itself."""
    item = encode_msgpack(os.urandom(10_000).hex())
    assert len(pack(join([item]))) < len(item) + 100
