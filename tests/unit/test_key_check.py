"""What the events of a stream say of its keys is what its row and the table of keys have to say."""

from typing import Any, Final

import pytest

from eventlog.format.chain import GENESIS
from eventlog.format.records import StoredEvent, StreamRow
from eventlog.store.contract.keys import KeyRow
from eventlog.verify.keys import KeyTrace

STREAM: Final = b"s" * 16
ROW: Final = StreamRow(STREAM, "default", "chat", GENESIS)
ERASED: Final = "erased"
REDACTED: Final = "redacted"


def event(kind: str, key_id: str | None, body: bytes | None = b"x") -> StoredEvent:
    fields = (kind, 1, 0, b"{}", 0, key_id, b"", b"", body, b"", b"")
    return StoredEvent(STREAM, 0, 1, None, *fields)


def said(*events: StoredEvent) -> KeyTrace:
    """Follow events one by one."""
    trace = KeyTrace()
    for version, one in enumerate(events, 1):
        trace.take(one._replace(version=version))
    return trace


def keys(**there: bytes | None) -> dict[str, KeyRow]:
    return {name[1:]: KeyRow(STREAM, name[1:], "kek", key) for name, key in there.items()}


PLAIN: Final = event("added", None)
ONE: Final = event("added", "1")
TWO: Final = event("added", "2")
TEN: Final = event("added", "10")
GONE: Final = event("added", "1", None)
ERASURE: Final = event(ERASED, None, b"{}")
REDACTION: Final = event(REDACTED, None, b"{}")


@pytest.mark.parametrize(
    ("events", "row", "expected"),
    [
        ([PLAIN], {}, None),
        ([PLAIN, ONE], {"key_id": "1"}, None),
        ([ONE, PLAIN], {"key_id": "1"}, (2, "inserted")),
        ([ONE, ONE, PLAIN, PLAIN], {"key_id": "1"}, (3, "inserted")),
        ([GONE, PLAIN], {"key_id": "1"}, (2, "inserted")),
        ([ONE, event("added", None, None)], {"key_id": "1"}, (2, "inserted")),
        ([ONE, event("added", None, b"{}")], {"key_id": "1"}, (2, "inserted")),
        ([ONE, event(ERASED, None, b"[]")], {"key_id": "", "erased_version": 2}, (2, "inserted")),
        ([GONE, ERASURE], {"key_id": "", "erased_version": 2}, None),
        ([ONE, REDACTION], {"key_id": "1", "erased_version": 2}, None),
        ([ONE, event(REDACTED, None, None)], {"key_id": "1", "erased_version": 2}, None),
        ([PLAIN], {"erased_version": 1}, (0, "edited")),
        ([PLAIN, ERASURE], {}, (0, "edited")),
        ([PLAIN, REDACTION, ERASURE], {"erased_version": 2}, (0, "edited")),
        ([PLAIN, ERASURE, REDACTION, PLAIN], {"erased_version": 3}, None),
        ([ONE], {}, (0, "edited")),
        ([GONE], {}, (0, "edited")),
        ([PLAIN], {"key_id": "1"}, None),
    ],
)
def test_a_row_says_what_the_events_say(
    events: list[StoredEvent], row: dict[str, Any], expected: tuple[int, str] | None
) -> None:
    """The last erasure, whether there is a key, and nothing plain behind what is encrypted."""
    found = said(*events).compare_row(ROW._replace(**row))
    assert (found and (found[0], found[1].problem)) == expected


@pytest.mark.parametrize(
    ("events", "linked", "there", "expected"),
    [
        ([PLAIN, ONE], "1", {"_1": b"k"}, None),
        ([PLAIN], "1", {"_1": b"k"}, None),
        ([ONE, TWO], "2", {"_1": b"k", "_2": b"k"}, None),
        ([ONE, TWO], "3", {"_1": b"k", "_2": b"k", "_3": b"k"}, None),
        ([ONE, TWO, TEN], "2", {"_1": b"k", "_2": b"k", "_10": b"k"}, (0, "edited", "older")),
        ([ONE, ONE, TWO], "2", {"_2": b"k"}, (1, "missing", "'1' is not there")),
        ([ONE, TWO], "2", {"_1": None, "_2": b"k"}, (1, "missing", "'1' was destroyed, and")),
        ([PLAIN, ONE], "1", {}, (2, "missing", "'1' is not there")),
        ([GONE], "1", {}, (0, "missing", "'1' is not there")),
        ([GONE, GONE], "1", {"_1": None}, (0, "missing", "'1' is not there")),
        ([PLAIN], "x" * 5000, {"_1": b"k"}, (0, "missing", "is not there")),
        ([ONE], "x", {"_x": b"k", "_1": b"k"}, (0, "edited", "older")),
        ([ONE], "9" * 19, {"_" + "9" * 19: b"k", "_1": b"k"}, (0, "edited", "older")),
        ([ONE], "9" * 18, {"_" + "9" * 18: b"k", "_1": b"k"}, None),
        ([ONE], "", {"_1": b"k"}, (0, "edited", "were destroyed")),
        ([GONE], "", {"_1": None}, (0, "edited", "were destroyed")),
        ([GONE, ERASURE], "", {"_1": None}, None),
        ([GONE, ERASURE], "", {}, (0, "edited", "were destroyed")),
        ([PLAIN, ERASURE], "", {}, (0, "edited", "were destroyed")),
        ([PLAIN, ERASURE], "1", {"_1": b"k"}, None),
        ([PLAIN, ERASURE], "", {"_1": None}, None),
        ([GONE, ERASURE], "", {"_1": None, "_2": b"k"}, None),
        ([GONE, ERASURE], "", {"_1": b"k"}, (2, "inserted", "there again")),
        ([GONE, ERASURE, TWO], "2", {"_1": b"k", "_2": b"k"}, (2, "inserted", "there again")),
        ([GONE, ERASURE, TWO], "2", {"_1": None, "_2": b"k"}, None),
        ([GONE, ERASURE, TWO], "", {"_1": None, "_2": b"k"}, (0, "edited", "were destroyed")),
        ([ONE, ERASURE], "", {"_1": None}, None),
        ([GONE, REDACTION], "", {"_1": None}, (0, "edited", "were destroyed")),
    ],
)
def test_keys_are_those_that_the_events_need(
    events: list[StoredEvent],
    linked: str,
    there: dict[str, bytes | None],
    expected: tuple[int, str, str] | None,
) -> None:
    """There for content, gone after an erasure, and none older than what was used."""
    found = said(*events).compare_keys(linked, keys(**there))
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert (found[0], found[1].problem, expected[2] in found[1].detail) == (*expected[:2], True)


def test_content_is_told_by_the_first_event_under_its_key() -> None:
    """Of each key; what an erasure took is none."""
    assert said(PLAIN, TWO, ONE, TWO).holding == {"2": 2, "1": 3}
    assert said(ONE, ERASURE, TWO).holding == {"2": 3}
    assert said(GONE, PLAIN).is_encrypted
    assert not said(PLAIN, ERASURE).is_encrypted
