"""What the chain promises: places in order, and a hash that no other event shares."""

import hashlib
import struct
from typing import Any, Final

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from eventlog.format.chain import (
    EVENT_DOMAIN,
    FORMAT,
    GENESIS,
    content_digest,
    event_hash,
    link,
    stream_id,
)
from eventlog.format.records import Head, PreparedEvent, StoredEvent

PREVIOUS: Final = bytes(range(32))
EVENT: Final = StoredEvent(
    stream_id=b"s" * 16,
    version=7,
    format=FORMAT,
    event_id="id",
    kind="added",
    schema=1,
    recorded_at=1_700_000_000_000_000,
    header=b'{"items":1}',
    codec=0,
    key_id=None,
    salt=b"t" * 16,
    context=b"{}",
    body=b"[1]",
    content_digest=b"d" * 32,
    hash=b"h" * 32,
)
HASHED: Final[dict[str, list[Any]]] = {
    "stream_id": [b"S" * 16, b"s" * 15 + b"S"],
    "version": [8, 7 + 2**32, 0],
    "format": [2, 0],
    "event_id": [None, "", "iD", "id\x00"],
    "kind": ["addeD", "", "adde"],
    "schema": [2, 0],
    "recorded_at": [1_700_000_000_000_001, 0],
    "header": [b'{"items":2}', b"", b'{"items":1} '],
    "codec": [1],
    "key_id": ["", "key"],
    "content_digest": [b"D" + b"d" * 31, bytes(32)],
}
NOT_HASHED: Final[dict[str, list[Any]]] = {
    "salt": [None, b"T" * 16],
    "context": [None, b'{"actor":"eve"}'],
    "body": [None, b"[2]"],
    "hash": [b"H" * 32, b""],
}

NUMBERS: Final = st.integers(0, 2**63 - 1)
SHORT: Final = st.text("ab\x00\x01é", max_size=4)
BYTES: Final = st.binary(max_size=12)
EVENTS: Final = st.builds(
    StoredEvent,
    stream_id=st.binary(min_size=16, max_size=16),
    version=NUMBERS,
    format=NUMBERS,
    event_id=st.none() | SHORT,
    kind=SHORT,
    schema=NUMBERS,
    recorded_at=NUMBERS,
    header=BYTES,
    codec=NUMBERS,
    key_id=st.none() | SHORT,
    salt=st.none(),
    context=st.none(),
    body=st.none(),
    content_digest=st.binary(min_size=32, max_size=32),
    hash=st.just(b""),
)
SEALED: Final = st.builds(
    PreparedEvent,
    event_id=st.none() | SHORT,
    kind=SHORT,
    schema=st.integers(1, 9),
    header=BYTES,
    codec=st.integers(0, 1),
    key_id=st.none(),
    salt=st.binary(min_size=16, max_size=16),
    context=BYTES,
    body=BYTES,
    content_digest=st.binary(min_size=32, max_size=32),
)
MOMENTS: Final = st.integers(0, 2**60)
BATCHES: Final = st.lists(st.tuples(st.lists(SEALED, min_size=1, max_size=4), MOMENTS), max_size=5)


class Reader:
    """Reads the hashed bytes of an event back into its fields, as docs/format.md lays them out."""

    def __init__(self, hashed: bytes) -> None:
        self.rest = hashed

    def take(self, size: int) -> bytes:
        taken, self.rest = self.rest[:size], self.rest[size:]
        assert len(taken) == size
        return taken

    def number(self) -> int:
        return int(struct.unpack(">Q", self.take(8))[0])

    def prefixed(self) -> bytes:
        return self.take(self.number())

    def optional(self) -> str | None:
        return self.prefixed().decode() if self.take(1) == b"\x01" else None

    def event(self) -> tuple[bytes, StoredEvent]:
        assert self.take(len(EVENT_DOMAIN)) == EVENT_DOMAIN
        previous = self.take(32)
        event = EVENT._replace(format=self.number())
        event = event._replace(stream_id=self.take(16), version=self.number())
        event = event._replace(event_id=self.optional(), kind=self.prefixed().decode())
        event = event._replace(schema=self.number(), recorded_at=self.number())
        event = event._replace(header=self.prefixed(), codec=self.number())
        event = event._replace(key_id=self.optional(), content_digest=self.take(32))
        assert not self.rest
        return previous, event


def u64(number: int) -> bytes:
    return struct.pack(">Q", number)


def prefixed(field: str | bytes) -> bytes:
    field = field.encode() if isinstance(field, str) else field
    return u64(len(field)) + field


def optional(field: str | None) -> bytes:
    return b"\x00" if field is None else b"\x01" + prefixed(field)


def layout(previous: bytes, event: StoredEvent) -> bytes:
    """Lay out what is hashed, independently of the code under test."""
    return (
        b"conversation-eventlog event\x00"
        + previous
        + u64(event.format)
        + event.stream_id
        + u64(event.version)
        + optional(event.event_id)
        + prefixed(event.kind)
        + u64(event.schema)
        + u64(event.recorded_at)
        + prefixed(event.header)
        + u64(event.codec)
        + optional(event.key_id)
        + event.content_digest
    )


def linked(batches: list[tuple[list[PreparedEvent], int]]) -> tuple[list[StoredEvent], Head]:
    head, rows = GENESIS, list[StoredEvent]()
    for events, at in batches:
        new, head = link(EVENT.stream_id, head, events, at)
        rows += new
    return rows, head


def test_every_field_is_either_hashed_or_not() -> None:
    """A new column cannot be forgotten here."""
    assert sorted([*HASHED, *NOT_HASHED]) == sorted(StoredEvent._fields)


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field in HASHED for value in HASHED[field]]
)
def test_a_change_of_a_hashed_field_changes_the_hash(field: str, value: Any) -> None:
    """No field can be edited without the chain showing it."""
    changed = EVENT._replace(**{field: value})
    assert event_hash(PREVIOUS, changed) != event_hash(PREVIOUS, EVENT)


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field in NOT_HASHED for value in NOT_HASHED[field]]
)
def test_what_an_erasure_destroys_is_not_hashed(field: str, value: Any) -> None:
    """The chain verifies after salt, context and body are gone; its own result is no input."""
    changed = EVENT._replace(**{field: value})
    assert event_hash(PREVIOUS, changed) == event_hash(PREVIOUS, EVENT)


def test_the_event_before_is_hashed() -> None:
    """One hash stands for every event before it."""
    assert event_hash(bytes(32), EVENT) != event_hash(PREVIOUS, EVENT)


@given(st.binary(min_size=32, max_size=32), EVENTS)
def test_the_hash_is_the_one_that_is_documented(previous: bytes, event: StoredEvent) -> None:
    """A stranger's code, written from docs/format.md, gets the same hash."""
    assert event_hash(previous, event) == hashlib.sha256(layout(previous, event)).digest()


@given(st.binary(min_size=32, max_size=32), EVENTS)
def test_what_is_hashed_reads_back_to_the_fields(previous: bytes, event: StoredEvent) -> None:
    """The layout is unambiguous: two events that differ never feed the same bytes to the hash."""
    before, read = Reader(layout(previous, event)).event()
    assert before == previous
    assert [getattr(read, name) for name in HASHED] == [getattr(event, name) for name in HASHED]


@given(SHORT, st.integers(0, 4), st.integers(0, 4))
def test_text_cannot_move_from_one_field_to_the_next(text: str, one: int, other: int) -> None:
    """The same characters, split elsewhere between event_id and kind, are another event."""
    assume(text[:one] != text[:other])
    first = EVENT._replace(event_id=text[:one], kind=text[one:])
    second = EVENT._replace(event_id=text[:other], kind=text[other:])
    assert event_hash(PREVIOUS, first) != event_hash(PREVIOUS, second)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"event_id": "x", "key_id": None}, {"event_id": None, "key_id": "x"}),
        ({"event_id": None}, {"event_id": ""}),
        ({"key_id": None}, {"key_id": ""}),
        ({"kind": "ab", "header": b"c"}, {"kind": "a", "header": b"bc"}),
        ({"kind": "", "header": b"abc"}, {"kind": "abc", "header": b""}),
        ({"schema": 1, "recorded_at": 2}, {"schema": 2, "recorded_at": 1}),
        ({"version": 1, "format": 2}, {"version": 2, "format": 1}),
        ({"event_id": None, "kind": "\x00" * 8}, {"event_id": "", "kind": ""}),
        ({"header": b"", "codec": 1}, {"header": u64(1), "codec": 0}),
        ({"codec": 0, "key_id": None}, {"codec": 1, "key_id": None}),
    ],
)
def test_fields_cannot_trade_places(one: dict[str, Any], other: dict[str, Any]) -> None:
    """What one field loses to another shows, empty and absent included."""
    first, second = EVENT._replace(**one), EVENT._replace(**other)
    assert event_hash(PREVIOUS, first) != event_hash(PREVIOUS, second)


@given(BATCHES)
def test_versions_follow_each_other_from_one(
    batches: list[tuple[list[PreparedEvent], int]],
) -> None:
    """No version is skipped or used twice, within a batch and between batches."""
    rows, head = linked(batches)
    assert [row.version for row in rows] == list(range(1, len(rows) + 1))
    assert head.version == len(rows)


@given(BATCHES)
def test_time_never_falls_and_is_that_of_the_clock_unless_it_ran_back(
    batches: list[tuple[list[PreparedEvent], int]],
) -> None:
    """Each event has the latest time that its stream's writers had seen by then."""
    rows, head = linked(batches)
    clocks = [at for events, at in batches for _ in events]
    assert [row.recorded_at for row in rows] == [
        max(clocks[: index + 1]) for index in range(len(clocks))
    ]
    assert head.at == max(clocks, default=0)


@given(BATCHES)
def test_each_hash_follows_from_the_one_before(
    batches: list[tuple[list[PreparedEvent], int]],
) -> None:
    """The chain starts at 32 zero bytes and ends in the head."""
    rows, head = linked(batches)
    previous = bytes(32)
    for row in rows:
        assert row.hash == event_hash(previous, row)
        previous = row.hash
    assert head.hash == previous


@given(BATCHES)
def test_an_event_is_placed_without_changing_it(
    batches: list[tuple[list[PreparedEvent], int]],
) -> None:
    """Version, time, stream, format and hash are all that linking adds."""
    rows, _ = linked(batches)
    sealed = [event for events, _ in batches for event in events]
    assert [
        PreparedEvent(*[getattr(row, name) for name in PreparedEvent._fields]) for row in rows
    ] == (sealed)
    assert {(row.stream_id, row.format) for row in rows} <= {(EVENT.stream_id, 1)}


@given(st.lists(SEALED, min_size=2, max_size=6), MOMENTS)
def test_how_events_are_batched_leaves_no_trace(events: list[PreparedEvent], at: int) -> None:
    """One batch of two and two batches of one at one moment are the same chain."""
    assert linked([(events, at)]) == linked([([event], at) for event in events])


@given(SHORT, SHORT, SHORT, SHORT)
def test_two_conversations_share_no_identity(
    tenant: str, name: str, other_tenant: str, other_name: str
) -> None:
    """Another tenant or name is another stream, wherever the one ends and the other begins."""
    assume((tenant, name) != (other_tenant, other_name))
    assert stream_id(tenant, name) != stream_id(other_tenant, other_name)


def test_a_stream_id_is_sixteen_bytes_of_utf8_hashed() -> None:
    """Written down in docs/format.md; frozen."""
    expected = hashlib.sha256(prefixed("tenänt") + prefixed("näme")).digest()[:16]
    assert stream_id("tenänt", "näme") == expected


@given(st.binary(min_size=16, max_size=16), BYTES, BYTES)
def test_the_content_digest_is_the_one_that_is_documented(
    salt: bytes, context: bytes, body: bytes
) -> None:
    """Salt, the context with its length before it, and the body to the end."""
    expected = hashlib.sha256(salt + prefixed(context) + body).digest()
    assert content_digest(salt, context, body) == expected


@given(BYTES, st.integers(0, 12), st.integers(0, 12))
def test_content_cannot_move_between_context_and_body(content: bytes, one: int, other: int) -> None:
    """The same bytes, split elsewhere, are another content."""
    assume(content[:one] != content[:other])
    digests = {content_digest(b"t" * 16, content[:at], content[at:]) for at in (one, other)}
    assert len(digests) == 2


def test_another_salt_is_another_digest() -> None:
    """Without the salt nobody can guess an erased content back from its digest."""
    assert content_digest(b"t" * 16, b"{}", b"[]") != content_digest(b"T" * 16, b"{}", b"[]")
