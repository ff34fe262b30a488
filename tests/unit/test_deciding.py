"""What becomes of an append: each line of the table at the top of `nouns/append.py`."""

import re
from typing import Any, Final, NamedTuple

import pytest

from eventlog.clocks import MAX_CLOCK_LEAD
from eventlog.errors import ClockAheadError
from eventlog.format.chain import GENESIS, link
from eventlog.format.preparing import prepare
from eventlog.format.records import (
    Appended,
    AppendRequest,
    Archived,
    EncodedEvent,
    ErasedSince,
    FoldInput,
    Head,
    IdReused,
    KeyChanged,
    Lost,
    PreparedEvent,
    Stale,
    StoredEvent,
)
from eventlog.store.nouns import append
from eventlog.store.nouns.append import Clock, Known, Seen, beginning, decide

STREAM: Final = b"s" * 16
NOW: Final = 1_700_000_000_000_000
HEAD: Final = Head(7, b"h" * 32, NOW)
TRIED: Final = Appended(8, 9)


class Cipher(NamedTuple):
    """Knows keys, and encrypts nothing."""

    key_id: str
    known: tuple[str, ...] = ()
    compresses: bool = True

    def encrypt(self, event: PreparedEvent, _version: int) -> PreparedEvent:
        return event

    def knows(self, key_id: str) -> bool:
        return key_id in (self.key_id, *self.known)

    def open_body(self, stored: StoredEvent | FoldInput) -> bytes:
        return stored.body or b""


def event(event_id: str | None, body: bytes = b"[1]") -> EncodedEvent:
    return EncodedEvent(event_id, "ItemsAdded", 1, b"{}", b"", body)


def request(*events: EncodedEvent, **others: Any) -> AppendRequest:
    given: dict[str, Any] = {"expected": None, "at": NOW, **others}
    return AppendRequest(STREAM, "default", "chat", events or (event(None),), **given)


def stored(*events: EncodedEvent, after: int = 0, key_id: str | None = None) -> list[StoredEvent]:
    rows, _ = link(STREAM, GENESIS, [prepare(one) for one in events], NOW)
    return [row._replace(version=row.version + after, key_id=key_id) for row in rows]


def erased(row: StoredEvent) -> StoredEvent:
    return row._replace(body=None, salt=None, context=None)


PLAIN: Final = Known(HEAD, None)
A: Final = event("a")
B: Final = event("b")
OTHER: Final = event("a", b"[2]")
EARLY: Final = Clock(NOW - MAX_CLOCK_LEAD - 1, "there")

TABLE: Final[dict[str, tuple[AppendRequest, Appended | None, Seen, object]]] = {
    "1 the rows are there": (request(A, expected=3), TRIED, Seen(PLAIN, stored(A), True), TRIED),
    "1 nothing was tried": (request(), None, Seen(PLAIN, (), True), None),
    "2 the same again": (request(A), None, Seen(PLAIN, stored(A, after=4)), Appended(5, 5, True)),
    "2 a batch": (request(A, B), None, Seen(PLAIN, stored(A, B)), Appended(1, 2, True)),
    "2 in any order": (request(A, B), None, Seen(PLAIN, stored(A, B)[::-1]), Appended(1, 2, True)),
    "2 whatever is expected": (
        request(A, expected=0),
        TRIED,
        Seen(PLAIN, stored(A)),
        Appended(1, 1, True),
    ),
    "2 erased meanwhile": (
        request(A),
        None,
        Seen(PLAIN, [erased(stored(A)[0])]),
        Appended(1, 1, True),
    ),
    "2 under an earlier key": (
        request(A, cipher=Cipher("2", known=("1",))),
        None,
        Seen(Known(HEAD, "2"), stored(A, key_id="1")),
        Appended(1, 1, True),
    ),
    "3 no key": (request(A), None, Seen(PLAIN, stored(A, key_id="1")), KeyChanged("1")),
    "3 another key": (
        request(A, cipher=Cipher("2")),
        None,
        Seen(Known(HEAD, "2"), stored(A, key_id="1")),
        KeyChanged("1"),
    ),
    "4 other content": (request(OTHER), None, Seen(PLAIN, stored(A)), IdReused("a")),
    "4 some of a batch": (request(A, B), None, Seen(PLAIN, stored(A)), IdReused("a")),
    "4 not in one run": (
        request(A, B),
        None,
        Seen(PLAIN, [*stored(A), *stored(B, after=5)]),
        IdReused("a"),
    ),
    "4 one without an id": (request(A, event(None)), None, Seen(PLAIN, stored(A)), IdReused("a")),
    "8 another version": (request(expected=6), None, Seen(PLAIN), Stale(7)),
    "5 what the writer has read": (request(seen=8), None, Seen(PLAIN), Lost(8, 7)),
    "5 what this process has seen": (
        request(expected=6, seen=7),
        TRIED,
        Seen(PLAIN, lost=5),
        Lost(5, 7),
    ),
    "6 an erasure behind what was read": (
        request(seen=6),
        None,
        Seen(Known(HEAD, None, erased=7)),
        ErasedSince(7),
    ),
    "6 before a closed one": (
        request(seen=6, expected=6),
        None,
        Seen(Known(HEAD, None, is_archived=True, erased=7)),
        ErasedSince(7),
    ),
    "6 not for who has read since, or does not say": (
        request(seen=7),
        None,
        Seen(Known(HEAD, None, erased=7)),
        None,
    ),
    "7 a closed stream": (
        request(expected=6),
        None,
        Seen(Known(HEAD, None, is_archived=True)),
        Archived(7),
    ),
    "8 before another key": (request(expected=6), None, Seen(Known(HEAD, "1")), Stale(7)),
    "8 no stream": (request(expected=6), None, Seen(Known(GENESIS, None)), Stale(0)),
    "9 a key where none is given": (request(), None, Seen(Known(HEAD, "1")), KeyChanged("1")),
    "9 none where one is given": (
        request(cipher=Cipher("1")),
        None,
        Seen(PLAIN),
        KeyChanged(None),
    ),
    "9 a destroyed one": (request(), None, Seen(Known(HEAD, "")), KeyChanged("")),
    "11 the expected version": (request(expected=7), None, Seen(PLAIN), None),
    "11 any version": (request(), TRIED, Seen(PLAIN), None),
    "11 the stream's key": (request(cipher=Cipher("1")), None, Seen(Known(HEAD, "1")), None),
    "11 the clock is right": (request(), None, Seen(PLAIN, clock=Clock(NOW, "there")), None),
    "11 as far ahead as it may": (
        request(),
        None,
        Seen(PLAIN, clock=Clock(NOW - MAX_CLOCK_LEAD, "there")),
        None,
    ),
}


@pytest.mark.parametrize("case", TABLE)
def test_what_is_seen_decides(case: str) -> None:
    """One row for each way to get there."""
    asked, tried, seen, outcome = TABLE[case]
    assert decide(asked, tried, seen) == outcome


def test_a_clock_too_far_ahead_is_refused() -> None:
    """By one microsecond; it says how far, and ahead of whom."""
    with pytest.raises(ClockAheadError, match=r"60 s ahead of that of there; at most 60 s"):
        decide(request(), None, Seen(PLAIN, clock=EARLY))


@pytest.mark.parametrize("case", [case for case in TABLE if int(case.split()[0]) < 10])
def test_a_clock_matters_only_where_something_would_be_stored(case: str) -> None:
    """Every line above the clock's has its outcome whatever the clock says."""
    asked, tried, seen, outcome = TABLE[case]
    if outcome is not None:
        assert decide(asked, tried, seen._replace(clock=EARLY)) == outcome


def test_a_stream_begins_with_the_key_of_its_first_request() -> None:
    """A stream that is not there is at version 0, and no key of a request is wrong for it."""
    for cipher in (None, Cipher("1")):
        asked = request(cipher=cipher, expected=0)
        assert decide(asked, None, Seen(beginning(asked))) is None


def test_every_line_of_the_table_has_a_case() -> None:
    """The table in the docstring and the one here have the same lines."""
    lines = set(re.findall(r"^    (\d+) ", append.__doc__ or "", re.MULTILINE))
    assert lines == {case.split()[0] for case in TABLE} | {"10"}
