"""What becomes of an append, decided from what the database says; without any database.

The first line that fits what was seen decides:

    what is seen                                            outcome
    1  the rows that were tried, by their hash              Appended: only the answer was lost
    2  its event ids, in one run and with the same content  Appended, replayed
    3  its event ids, under a key that is not at hand       KeyChanged: nobody knows what they say
    4  its event ids otherwise                              IdReused
    5  no event that its writer, or this process, has seen  Lost
    6  an erasure behind what its writer has read           ErasedSince
    7  a stream that is closed, and this is no filing of it Archived
    8  another version than the expected one                Stale
    9  another data key than that of the request            KeyChanged
    10 a clock that the writer's is too far ahead of        raises ClockAheadError
    11 nothing of this                                      None: try again, on the head seen

SQLite sees what it decides upon under its write lock: there nothing is tried before, and a head
that is seen is the head. PostgreSQL tries first, on the head that it remembers, and looks only
where the database did not say yes. Whether a stream is closed and when it was erased change with
the head alone: who stores on a head that is the true one has judged by the true ones.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from eventlog.clocks import MAX_CLOCK_LEAD, ahead
from eventlog.errors import ClockAheadError
from eventlog.format.chain import GENESIS
from eventlog.format.codec import decompress
from eventlog.format.records import (
    ARCHIVED,
    Appended,
    AppendRequest,
    Archived,
    EncodedEvent,
    ErasedSince,
    Head,
    IdReused,
    KeyChanged,
    Lost,
    Outcome,
    Stale,
    StoredEvent,
    StreamCipher,
)


class Known(NamedTuple):
    """The end of a stream, and what new events have to fit."""

    head: Head
    key_id: str | None
    """The data key that they have to use."""
    is_archived: bool = False
    erased: int = 0
    """The version of the last event that erased content; 0: none did."""

    @classmethod
    def read(cls, row: Sequence[Any]) -> "Known":
        """Read a row: version, hash, time, data key, last erasure and the kind of the head."""
        return cls(Head(*row[:3]), row[3], row[5] == ARCHIVED, row[4] or 0)


class Clock(NamedTuple):
    """The time in microseconds at a database, by its own clock."""

    now: int
    of: str


class Seen(NamedTuple):
    """What the database says of a stream, beside its clock where it has one of its own."""

    known: Known
    of_same_ids: Sequence[StoredEvent] = ()
    """The events that have an id that an event of the request has."""
    is_stored: bool = False
    """Whether the rows that were tried are there."""
    lost: int = 0
    """A version that was read or written here, and that is another event now, or none."""
    clock: Clock | None = None
    is_standby: bool = False
    """Whether it was seen on a server that only reads, and may be behind."""


def beginning(request: AppendRequest) -> Known:
    """Return the end of a stream that is not there: it takes whatever key the request has."""
    return Known(GENESIS, request.key_id)


def decide(request: AppendRequest, tried: Appended | None, seen: Seen) -> Outcome | None:
    """Tell what becomes of `request`; `tried` is the outcome if the rows tried are there."""
    if tried is not None and seen.is_stored:
        return tried
    if seen.of_same_ids:
        return _answer_repeated(request, seen.of_same_ids)
    (head, key_id, is_archived, _), clock = seen.known, seen.clock
    if (outdated := _outdated(request, seen)) is not None:
        return outdated
    if is_archived and not request.is_filing:
        return Archived(head.version)
    if request.expected is not None and request.expected != head.version:
        return Stale(head.version)
    if request.key_id != key_id:
        return KeyChanged(key_id)
    if clock is not None and request.at > clock.now + MAX_CLOCK_LEAD:
        raise ClockAheadError(ahead(request.at - clock.now, clock.of))
    return None


def _outdated(request: AppendRequest, seen: Seen) -> Lost | ErasedSince | None:
    """Tell what became of what the writer has seen, if that is not what is there now."""
    head, erased = seen.known.head, seen.known.erased
    read = head.version if request.seen is None else request.seen
    if seen.lost or read > head.version:
        return Lost(seen.lost or read, head.version)
    return ErasedSince(erased) if read < erased else None


def _answer_repeated(request: AppendRequest, known: Sequence[StoredEvent]) -> Outcome:
    """Tell what became of a batch some of whose event ids are in the log already, as `known`.

    The batch was stored before only if all of it is there, in one run of versions.
    """
    known = sorted(known, key=lambda event: event.version)
    events, cipher = request.events, request.cipher
    used = {one.key_id for one in known if one.body is not None and one.key_id is not None}
    if unknown := [key_id for key_id in used if cipher is None or not cipher.knows(key_id)]:
        return KeyChanged(unknown[0])
    stored = {event.event_id: event for event in known}
    first = known[0].version
    for offset, event in enumerate(events):
        match = stored.get(event.event_id) if event.event_id is not None else None
        is_next = match is not None and match.version == first + offset
        if match is None or not is_next or not _is_same(event, match, cipher):
            return IdReused(next(event_id for event_id in stored if event_id) or "")
    return Appended(first, first + len(events) - 1, replayed=True)


def _is_same(event: EncodedEvent, stored: StoredEvent, cipher: StreamCipher | None) -> bool:
    """Tell whether `stored` is what an earlier send of `event` wrote.

    Salt and context are of the sending; what was said is kind, schema, header and body. An erased
    body can no longer be told apart from the one that is sent again.
    """
    if event[1:4] != (stored.kind, stored.schema, stored.header):
        return False
    if stored.body is None:
        return True
    try:
        body = stored.body if cipher is None else cipher.open_body(stored)
        return decompress(stored.codec, body) == event.body
    except ValueError:
        return False  # Somebody changed it: it is other content now.
