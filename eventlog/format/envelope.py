"""Encoding new events, and decoding and decrypting recorded ones. Pure."""

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from eventlog.errors import CorruptEventError
from eventlog.format.events import (
    Context,
    Event,
    Header,
    NewEvent,
    OpaqueEvent,
    encode_text,
    load_context,
    load_header,
)
from eventlog.format.kinds import load_event
from eventlog.format.names import MAIN, check_name
from eventlog.format.opening import PLAIN, Opener
from eventlog.format.records import EncodedEvent, StoredEvent

_UNREADABLE: Final = (ValueError, RecursionError, msgspec.MsgspecError)
"""What decoders raise for invalid bytes."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def encode(new: NewEvent) -> EncodedEvent:
    """Encode an event for the store. Raises InvalidInputError for what cannot be stored."""
    if new.event_id is not None:
        check_name("event_id", new.event_id)
    event = new.event
    body = event.body()  # First: its error names the bad item.
    header, context = encode_text(event.header()), encode_text(new.context)
    return EncodedEvent(new.event_id, event.kind, event.schema, header, context, body)


def to_microseconds(moment: datetime) -> int:
    """Return an aware datetime as microseconds since 1970 UTC."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def from_microseconds(stored: int) -> datetime:
    """Return microseconds since 1970 as an aware datetime in UTC. Raises OverflowError."""
    return _EPOCH + timedelta(microseconds=stored)


def readable_time(stored: int) -> datetime | None:
    """Return microseconds since 1970 as an aware datetime in UTC; None beyond its range.

    A log of an earlier release may have such times: a clock that told nanoseconds.
    """
    try:
        return from_microseconds(stored)
    except OverflowError:
        return None


def open_header(stream: str, version: int, stored: bytes) -> Header:
    """Decode a header. Raises CorruptEventError, naming the event."""
    try:
        return load_header(stored)
    except _UNREADABLE as error:
        raise CorruptEventError(stream, version, "its header does not decode") from error


class RecordedEvent:
    """An event of the log. Header, context and body are decoded when they are read.

    `position` is its number over all streams if it comes from the feed, else None. `branch` is
    empty for the conversation's main branch.

    Content raises ErasedError once it was erased, NoKeyError if it is encrypted and the log has no
    keyring, WrongKeyError for another one, and CorruptEventError if it does not decrypt or decode,
    is not encrypted where it has to be, or is gone and no event says why. `stored` is the row.
    """

    __slots__ = ("_opener", "branch", "position", "stored", "stream")

    def __init__(
        self,
        stream: str,
        stored: StoredEvent,
        position: int | None = None,
        branch: str = MAIN,
        opener: Opener = PLAIN,
    ) -> None:
        self._opener = opener
        self.stream = stream
        self.branch = branch
        self.stored = stored
        self.position = position

    def __repr__(self) -> str:
        return f"RecordedEvent({self.stream!r}, version={self.version}, kind={self.kind!r})"

    @property
    def version(self) -> int:
        """The number of the event in its stream, from 1."""
        return self.stored.version

    @property
    def kind(self) -> str:
        """The stored name of the kind of event."""
        return self.stored.kind

    @property
    def event_id(self) -> str | None:
        """The idempotency key, if the writer gave one."""
        return self.stored.event_id

    @property
    def recorded_at(self) -> datetime:
        """When it was appended, UTC, to the microsecond; never earlier than the event before.

        Raises CorruptEventError if what is stored is beyond the range of a datetime.
        """
        try:
            return from_microseconds(self.stored.recorded_at)
        except OverflowError as error:
            raise self._corrupt("its time is none") from error

    @property
    def hash(self) -> bytes:
        """The chain hash of the event, 32 bytes."""
        return self.stored.hash

    @property
    def is_erased(self) -> bool:
        """Whether the content was erased, and an event says so: it is corrupt otherwise."""
        return self.stored.body is None and self.version not in self._opener.lost

    @property
    def header(self) -> Header:
        """The structural part, which an erasure keeps."""
        return open_header(self.stream, self.version, self.stored.header)

    @property
    def context(self) -> Context:
        """Who appended it, in which run."""
        context = self._opener.context(self.stream, self.stored)
        try:
            return load_context(context)
        except _UNREADABLE as error:
            raise self._corrupt("its context does not decode") from error

    @property
    def body(self) -> bytes:
        """The content as JSON bytes."""
        return self._opener.body(self.stream, self.stored)

    @property
    def event(self) -> Event | OpaqueEvent:
        """The decoded event, a new object at each access."""
        try:
            return load_event(self.kind, self.stored.schema, self.header, self.body)
        except _UNREADABLE as error:
            raise self._corrupt("its content does not decode") from error

    def check_encryption(self) -> None:
        """Raise CorruptEventError if the content is plain where it has to be encrypted."""
        self._opener.check(self.stream, self.stored)

    def _corrupt(self, what: str) -> CorruptEventError:
        return CorruptEventError(self.stream, self.version, what)
