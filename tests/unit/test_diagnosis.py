"""What was done to a stream is told as far as its rows show it."""

from collections.abc import Mapping, Sequence
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.format import chain
from eventlog.format.records import EventColumns, Head, PreparedEvent, StoredEvent
from eventlog.verify.diagnosis import (
    Finding,
    belongs,
    check,
    diagnose,
    first_wrong,
    is_chain_broken,
    is_right,
)

STREAM: Final = b"s" * 16
OTHER: Final = b"o" * 16


def sealed(number: int) -> PreparedEvent:
    salt, context, body = bytes([number]) * 16, b"{}", b"[%d]" % number
    digest = chain.content_digest(salt, context, body)
    return PreparedEvent(None, "added", 1, b"{}", 0, None, salt, context, body, digest)


def recorded(stream: bytes, count: int) -> list[StoredEvent]:
    events: list[StoredEvent] = []
    head = chain.GENESIS
    for number in range(count):
        rows, head = chain.link(stream, head, [sealed(number)], 1000 + number)
        events += rows
    return events


EVENTS: Final = recorded(STREAM, 8)
AFTER_2: Final = Head(2, EVENTS[1].hash, EVENTS[1].recorded_at)
FORGED: Final = EVENTS[2]._replace(kind="cleared")


def numbered(events: Sequence[StoredEvent], first: int = 3) -> list[StoredEvent]:
    return [event._replace(version=version) for version, event in enumerate(events, first)]


@pytest.mark.parametrize(
    ("window", "problem", "says"),
    [
        ([FORGED, *EVENTS[3:]], "edited", "hash"),
        ([FORGED], "edited", "hash"),
        (numbered([EVENTS[3], EVENTS[2], *EVENTS[4:]]), "reordered", "was version 4, and"),
        (numbered([EVENTS[4], EVENTS[3], EVENTS[2]]), "reordered", "was version 5, and"),
        (numbered([EVENTS[4], EVENTS[2], EVENTS[3]]), "reordered", "is now version 4"),
        (numbered([FORGED, *EVENTS[2:]]), "inserted", "is now version 4"),
        (numbered([FORGED, FORGED, *EVENTS[2:]]), "inserted", "is now version 5"),
        (numbered([EVENTS[0], *EVENTS[2:]]), "inserted", "is now version 4"),
        (numbered(EVENTS[3:]), "missing", "1 before"),
        (numbered(EVENTS[5:]), "missing", "3 before"),
        (numbered(EVENTS[6:]), "missing", "4 before"),
        (numbered([FORGED, EVENTS[5]]), "edited", "hash"),
        (numbered([EVENTS[3], FORGED, EVENTS[4]]), "edited", "hash"),
    ],
)
def test_the_rows_tell_what_was_done(window: list[StoredEvent], problem: str, says: str) -> None:
    """Edited, put in another order, inserted, or gone with the rest numbered anew."""
    found = check(AFTER_2, window[0])
    assert found
    assert is_chain_broken(found)
    told = diagnose(AFTER_2, window)
    assert (told.problem, says in told.detail) == (problem, True), told


def test_an_event_belongs_to_one_place() -> None:
    """Of one stream, behind one event."""
    moved = EVENTS[2]._replace(stream_id=OTHER, version=7)
    assert belongs(moved, STREAM, 3, AFTER_2.hash)
    assert not belongs(moved, OTHER, 3, AFTER_2.hash)
    assert not belongs(moved, STREAM, 7, AFTER_2.hash)
    assert not belongs(moved, STREAM, 3, bytes(32))


def rehashed(event: StoredEvent, **changes: object) -> StoredEvent:
    """Return an event that was changed by whoever can compute hashes, too."""
    changed = event._replace(**changes)  # type: ignore[arg-type]
    return changed._replace(hash=chain.event_hash(AFTER_2.hash, changed))


@pytest.mark.parametrize(
    ("event", "problem", "says"),
    [
        (EVENTS[2], None, ""),
        (EVENTS[2]._replace(version=0), "inserted", "begin at 1"),
        (EVENTS[2]._replace(version=1), "missing", "version 1"),
        (EVENTS[2]._replace(version=4), "missing", "version 4"),
        (rehashed(EVENTS[2], format=2), "unknown", "format 2"),
        (rehashed(EVENTS[2], recorded_at=1001), None, ""),
        (rehashed(EVENTS[2], recorded_at=1000), "edited", "time"),
        (EVENTS[2]._replace(salt=None, context=None, body=None), None, ""),
        (EVENTS[2]._replace(salt=None), "edited", "a part"),
        (EVENTS[2]._replace(context=None), "edited", "a part"),
        (EVENTS[2]._replace(body=None), "edited", "a part"),
        (EVENTS[2]._replace(salt=None, context=None), "edited", "a part"),
        (EVENTS[2]._replace(salt=None, body=None), "edited", "a part"),
        (EVENTS[2]._replace(context=None, body=None), "edited", "a part"),
        (EVENTS[2]._replace(salt=bytes(17)), "edited", "another length"),
        (EVENTS[2]._replace(body=b"[]"), "edited", "not what was recorded"),
    ],
)
def test_an_event_is_the_next_or_it_is_told_why_not(
    event: StoredEvent, problem: str | None, says: str
) -> None:
    """Place, format, hash, time and content, in this order."""
    found = check(AFTER_2, event) or Finding("edited", "")
    assert (found.problem if found.detail else None, says in found.detail) == (problem, True)


CHANGES: Final[Mapping[str, Sequence[object]]] = {
    "stream_id": [OTHER],
    "version": [-1, 0, 3, 9],
    "format": [0, 2],
    "event_id": ["", "once"],
    "kind": ["cleared", ""],
    "schema": [2],
    "recorded_at": [0, 1002, 1003, 2000],
    "header": [b"", b'{"items":1}'],
    "codec": [1, 2],
    "key_id": ["", "1"],
    "salt": [None, b"", bytes(16), bytes(17)],
    "context": [None, b"", b"{}{}"],
    "body": [None, b"", b"[]"],
    "content_digest": [b"", bytes(32)],
    "hash": [b"", bytes(32), EVENTS[0].hash],
}
"""What may be written in a field."""

changed = st.sampled_from(sorted(CHANGES)).flatmap(
    lambda field: st.tuples(st.just(field), st.sampled_from(CHANGES[field]))
)


@st.composite
def pages(draw: st.DrawFn) -> list[StoredEvent]:
    """Return events that were changed, left out, repeated or moved, by who can hash or cannot."""
    page = draw(st.one_of(st.just(EVENTS), st.lists(st.sampled_from(EVENTS), min_size=1)))
    changes = draw(st.lists(st.tuples(st.integers(0, len(page) - 1), changed), max_size=3))
    made = list(page)
    for index, (field, value) in changes:
        made[index] = made[index]._replace(**{field: value})  # type: ignore[arg-type]
    before = chain.GENESIS.hash
    for index in range(len(made)) if draw(st.booleans()) else ():
        made[index] = made[index]._replace(hash=chain.event_hash(before, made[index]))
        before = made[index].hash
    return made


@given(pages(), st.sampled_from([chain.GENESIS, AFTER_2, Head(0, bytes(32), 1001)]))
def test_a_page_is_right_if_each_of_its_events_is(page: list[StoredEvent], head: Head) -> None:
    """Columns are compared; what is told is what a look at one event after the other tells."""
    expected: tuple[int, Finding] | None = None
    before = head
    for index, event in enumerate(page):
        finding = check(before, event)
        if finding is not None:
            expected = index, finding
            break
        before = Head(event.version, event.hash, event.recorded_at)
    columns = EventColumns._make(zip(*page, strict=True))
    assert first_wrong(head, page, columns) == expected
    assert is_right(head, page, columns) is (expected is None)
