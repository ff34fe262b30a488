"""A state from Redis: whatever somebody put there inflates to no more than one message may."""

import tracemalloc
import zlib
from typing import Any, Final

import msgspec
import pytest
import zstandard

from eventlog.format.codec import ZLIB
from eventlog.snapshots import FoldInput
from eventlog_projections.items.segments import SCHEMA, id_of, join, pack
from eventlog_projections.items.state import dump, load

MIB: Final = 1024 * 1024
HEADER: Final = b'{"items":1}'


def message(segments: dict[int, bytes], entries: list[FoldInput]) -> bytes:
    blocks = [(source, 0, 1) for source in (*segments, *(-entry.version for entry in entries))]
    last = 1 + len(entries)
    return msgspec.msgpack.encode(
        (SCHEMA, last, bytes(32), 0, False, blocks, segments, [tuple(entry) for entry in entries])
    )


def entry(version: int, body: bytes) -> FoldInput:
    return FoldInput(version, "added", 1, HEADER, ZLIB, None, zlib.compress(body), bytes(32))


def test_what_fits_is_read() -> None:
    """Segments and events, counted together."""
    segment = pack(join([b"1"]))
    content = message({id_of(segment): segment}, [entry(1, b"[2]"), entry(2, b"[3]")])
    state = load("chat", content, 100)
    assert state is not None
    assert dump(state) is not None
    assert load("chat", content, 5) is None


BOMBS: Final[dict[str, Any]] = {
    "one event": lambda: message({}, [entry(1, bytes(200 * MIB))]),
    "many events": lambda: message({}, [entry(n, bytes(6 * MIB)) for n in range(1, 20)]),
    "many segments": lambda: message(
        dict.fromkeys(range(1, 40), zstandard.compress(bytes(MIB))), []
    ),
    "nested without end": lambda: b"\x98" + b"\x91" * 200_000 + b"\x90",
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_does_not_is_a_miss_and_takes_little_memory(name: str) -> None:
    """Some kilobytes that would come to hundreds of megabytes."""
    content = BOMBS[name]()
    tracemalloc.start()
    try:
        assert load("chat", content, 16 * MIB) is None
        assert tracemalloc.get_traced_memory()[1] < 64 * MIB
    finally:
        tracemalloc.stop()
