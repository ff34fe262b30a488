"""docs/format.md is enough to decrypt a log: this does it with nothing of ours but the page."""

import json
import zlib
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from eventlog import Context, EventLog, ItemsAdded, NewEvent
from eventlog.format.encryption import MARKER
from eventlog.keys import LocalKeyRing
from tests.docs.programs import dictionary

DOCUMENT: Final = (Path(__file__).parents[2] / "docs" / "format.md").read_text("utf-8")
KEK: Final = bytes(range(32))
ITEMS: Final = [{"said": "hello " * 100}]


def u64(number: int) -> bytes:
    return number.to_bytes(8, "big")


def prefixed(field: bytes) -> bytes:
    return u64(len(field)) + field


def opened(key: bytes, stored: bytes, associated: bytes) -> bytes:
    return AESGCM(key).decrypt(stored[:12], stored[12:], associated)


async def test_a_stranger_with_the_key_reads_what_is_stored(tmp_path: Path) -> None:
    """Every byte that is authenticated is the one that the page names, in its order."""
    keyring = LocalKeyRing({"kek": KEK}, "kek")
    async with EventLog(tmp_path / "log.db", keyring=keyring) as log:
        await log.append("chat", NewEvent(ItemsAdded(ITEMS), Context(actor="ana")))
        (event,) = await log.read("chat").all()
        stored = event.stored
        (row,) = await log.spi.store.keys.of_streams([stored.stream_id])
    domain = b"conversation-eventlog key\0"
    place = row.stream_id + prefixed(row.key_id.encode()) + prefixed(row.kek_id.encode())
    key = opened(KEK, row.wrapped_key or b"", domain + place)
    place = stored.stream_id + prefixed((stored.key_id or "").encode())
    place += u64(stored.version) + u64(stored.schema) + u64(stored.codec)
    place += prefixed(stored.kind.encode()) + prefixed(stored.header)
    domain = b"conversation-eventlog content\0"
    body = opened(key, stored.body or b"", domain + place + b"b")
    assert stored.codec == 2
    inflated = zlib.decompressobj(-15, zdict=dictionary()).decompress(body)
    assert json.loads(inflated) == ITEMS
    context = opened(key, stored.context or b"", domain + place + b"c")
    assert json.loads(context) == {"actor": "ana"}


def test_the_marker_and_the_domains_are_on_the_page() -> None:
    """What is sealed beside the events begins as the page says."""
    assert f"`{MARKER.hex()}`" in DOCUMENT
    for domain in ("content", "key", "beside"):
        assert f"`conversation-eventlog {domain}`" in DOCUMENT
