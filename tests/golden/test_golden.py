"""Bytes that were stored once are read for ever: the frozen rows of every kind and schema.

Each events_v*.json is one stream, written by the release that froze it, and is never edited again.
A new kind or schema gets its rows in the next file.
"""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, NamedTuple

import msgspec
import pytest

from eventlog import Context, Event, NewEvent, RecordedEvent
from eventlog.events import OpaqueEvent
from eventlog.format import chain, envelope, preparing
from eventlog.format.codec import DEFLATE, RAW, ZLIB, decompress
from eventlog.format.events import NO_CONTENT
from eventlog.format.kinds import KINDS
from eventlog.format.records import StoredEvent

BYTES: Final = ("stream_id", "header", "salt", "context", "body", "content_digest", "hash")


class Frozen(NamedTuple):
    """One row as it was stored, and what it meant."""

    about: str
    previous: bytes
    stored: StoredEvent
    event: Event
    context: Context


def unhex(columns: dict[str, Any]) -> StoredEvent:
    for name in BYTES:
        columns[name] = bytes.fromhex(columns[name])
    return StoredEvent(**columns)


def load(path: Path) -> list[Frozen]:
    frozen = json.loads(path.read_text("utf-8"))
    previous = chain.GENESIS.hash
    rows: list[Frozen] = []
    for row in frozen["rows"]:
        stored = unhex(row["columns"])
        # A text within the file: NaN is no JSON, and whatever formats the file shall not meet it.
        kind = KINDS[stored.kind, stored.schema]
        event = msgspec.convert(json.loads(row["fields"]), kind)  # Bytes are base64 there.
        rows.append(Frozen(row["about"], previous, stored, event, Context(**row["context"])))
        previous = stored.hash
    return rows


FILES: Final = sorted(Path(__file__).parent.glob("events_v*.json"))
ROWS: Final = [row for path in FILES for row in load(path)]
FROZEN_KINDS: Final = sorted({row.stored.kind for row in ROWS})
WITH_CONTENT: Final = sorted({row.stored.kind for row in ROWS if row.stored.body != NO_CONTENT})

each_row = pytest.mark.parametrize(
    "row", ROWS, ids=[f"{row.stored.kind}, {row.about}" for row in ROWS]
)


def recorded(stored: StoredEvent) -> RecordedEvent:
    return RecordedEvent("frozen", stored)


@each_row
def test_a_frozen_row_hashes_to_its_frozen_hash(row: Frozen) -> None:
    """A log that was written by an earlier release verifies."""
    content = (row.stored.salt or b"", row.stored.context or b"", row.stored.body or b"")
    assert chain.content_digest(*content) == row.stored.content_digest
    assert chain.event_hash(row.previous, row.stored) == row.stored.hash


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_frozen_stream_keeps_its_identity(path: Path) -> None:
    """Tenant, name and branch lead to the rows that were stored under them."""
    frozen = json.loads(path.read_text("utf-8"))
    place = (frozen["tenant"], frozen["name"], frozen.get("branch", ""))
    stream_id = chain.stream_id(*place).hex()
    assert {row["columns"]["stream_id"] for row in frozen["rows"]} == {stream_id}


@each_row
def test_a_frozen_row_decodes_to_its_frozen_event(row: Frozen) -> None:
    """What was said is what is read, to the last NaN and lone surrogate, key order included."""
    assert repr(recorded(row.stored).event) == repr(row.event)
    assert recorded(row.stored).context == row.context


@each_row
def test_what_is_sealed_today_is_what_was_sealed_then(
    row: Frozen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same event under the same salt is the same bytes: a repeated send is recognised."""
    frozen = row.stored
    monkeypatch.setattr(preparing, "os", SimpleNamespace(urandom={16: frozen.salt}.get))
    today = preparing.prepare(envelope.encode(NewEvent(row.event, row.context, frozen.event_id)))
    for same in ("event_id", "kind", "schema", "header", "key_id", "salt", "context"):
        assert getattr(today, same) == getattr(frozen, same)
    assert decompress(today.codec, today.body) == recorded(frozen).body
    # Two builds of zlib may pack one body differently, so a digest is compared where they agree.
    if today.body == frozen.body or today.codec == RAW:
        assert today.content_digest == frozen.content_digest


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_every_kind_has_a_frozen_row(kind: tuple[str, int]) -> None:
    """A kind or schema is not released before its bytes are frozen: add it to events_v*.json."""
    assert kind in {(row.stored.kind, row.stored.schema) for row in ROWS}


@pytest.mark.parametrize("kind", WITH_CONTENT)
@pytest.mark.parametrize("codec", [RAW, ZLIB, DEFLATE])
def test_every_kind_is_frozen_raw_and_compressed(kind: str, codec: int) -> None:
    """Every way of storing a body stays readable."""
    assert any((row.stored.kind, row.stored.codec) == (kind, codec) for row in ROWS)


@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize("kind", FROZEN_KINDS)
def test_every_kind_is_frozen_with_and_without_an_event_id(kind: str, given: bool) -> None:
    """An absent event_id and a given one are hashed differently; both are frozen."""
    assert any(
        row.stored.kind == kind and (row.stored.event_id is not None) == given for row in ROWS
    )


@each_row
@pytest.mark.parametrize("unknown", [{"kind": "from a later release"}, {"schema": 2}])
def test_an_unknown_kind_or_schema_keeps_its_bytes(row: Frozen, unknown: dict[str, Any]) -> None:
    """An event of a later release is opaque, never dropped and never fatal."""
    later = recorded(row.stored._replace(**unknown))
    kind, schema = unknown.get("kind", row.stored.kind), unknown.get("schema", 1)
    assert later.event == OpaqueEvent(kind, schema, recorded(row.stored).body)
    assert later.context == row.context


@each_row
def test_fields_of_a_later_release_are_ignored(row: Frozen) -> None:
    """A later release may add fields to header and context without a new schema."""
    later = recorded(
        row.stored._replace(
            header=_extended(row.stored.header), context=_extended(row.stored.context)
        )
    )
    assert repr(later.event) == repr(row.event)
    assert later.context == row.context
    assert later.header == recorded(row.stored).header


def test_fields_of_a_later_release_are_ignored_in_a_body() -> None:
    """A body that is an object may grow."""
    rows = [row.stored for row in ROWS if row.stored.kind not in ("added", "replaced")]
    for stored in rows:
        later = stored._replace(codec=RAW, body=_extended(recorded(stored).body))
        assert recorded(later).event == recorded(stored).event


def _extended(stored: bytes | None) -> bytes:
    assert stored is not None
    return json.dumps({"later": {"a": [1, None]}, **json.loads(stored)}).encode()
