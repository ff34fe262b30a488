"""Inflating: never more than the bound, whatever the bytes claim; and in one place only."""

import re
import tracemalloc
import zlib
from pathlib import Path
from typing import Final

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from eventlog.format.inflating import TooMuchError, frame_size, inflate, inflate_frame

ROOT: Final = Path(__file__).parents[2]
MIB: Final = 1024 * 1024
BOMB: Final = zlib.compress(bytes(300 * MIB))
FRAME: Final = zstandard.compress(bytes(64 * MIB))


@given(st.binary(max_size=2000), st.integers(0, 2000))
def test_what_fits_comes_back_and_what_does_not_is_refused(body: bytes, limit: int) -> None:
    """To the byte, for either compression."""
    for opened, stored in (
        (inflate, zlib.compress(body)),
        (inflate_frame, zstandard.compress(body)),
    ):
        if len(body) <= limit:
            assert opened(stored, limit) == body
        else:
            with pytest.raises(TooMuchError, match=f"more than {limit} bytes"):
                opened(stored, limit)


@pytest.mark.parametrize(("opened", "bomb"), [(inflate, BOMB), (inflate_frame, FRAME)])
def test_what_is_refused_takes_no_memory(opened: object, bomb: bytes) -> None:
    """Not much more than the bound; a third of a gigabyte would come out."""
    tracemalloc.start()
    try:
        with pytest.raises(TooMuchError):
            opened(bomb, MIB)  # type: ignore[operator]
        assert tracemalloc.get_traced_memory()[1] < 4 * MIB
    finally:
        tracemalloc.stop()


def test_a_frame_that_does_not_say_its_size_is_refused() -> None:
    """Nor is one whose claim is wrong, or that demands a huge window."""
    unsized = zstandard.ZstdCompressor(write_content_size=False).compress(b"text" * 100)
    assert frame_size(unsized) is None
    for stored in (unsized, b"", b"no frame", b"\x28\xb5\x2f\xfd\x00\xff\x01\x00\x00"):
        with pytest.raises(ValueError, match=r"do not (say|open)"):
            inflate_frame(stored, MIB)


def test_no_other_place_inflates() -> None:
    """Whoever needs to calls this one: a decompressor without a bound is a finding."""
    bare = re.compile(r"zlib\.decompress|decompressobj|ZstdDecompressor|zstandard\.decompress")
    found = {
        str(path.relative_to(ROOT))
        for folder in ("eventlog", "projections", "adapters")
        for path in (ROOT / folder).rglob("*.py")
        if bare.search(path.read_text("utf-8"))
    }
    assert found == {"eventlog/format/inflating.py"}
