"""Encoding new events, and decoding and decrypting recorded ones. Pure."""

import contextlib
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from eventlog.errors import (
    CorruptEventError,
    EncryptedError,
    ErasedError,
    KeyDestroyedError,
    NoKeyError,
)
from eventlog.format.codec import decompress
from eventlog.format.encryption import StreamKeys
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
from eventlog.format.records import EncodedEvent, FoldInput, StoredEvent

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


def open_body(
    stream: str, stored: StoredEvent | FoldInput, keys: StreamKeys | EncryptedError | None = None
) -> bytes:
    """Return the content as JSON bytes.

    Raises ErasedError, KeyDestroyedError, NoKeyError or CorruptEventError.
    """
    if stored.body is None:
        raise ErasedError(stream, stored.version)
    if stored.key_id is None:
        return _decompressed(stream, stored, stored.body)
    with _opening(stream, stored):
        body = _with(stream, keys).open_body(stored)
    return _decompressed(stream, stored, body)


def _decompressed(stream: str, stored: StoredEvent | FoldInput, body: bytes) -> bytes:
    try:
        return decompress(stored.codec, body)
    except ValueError as error:
        raise CorruptEventError(stream, stored.version, str(error)) from error


@contextlib.contextmanager
def _opening(stream: str, stored: StoredEvent | FoldInput) -> Generator[None]:
    try:
        yield
    except KeyError as error:
        raise KeyDestroyedError(stream, stored.version, stored.key_id or "") from error
    except ValueError as error:
        raise CorruptEventError(stream, stored.version, str(error)) from error


def _with(stream: str, keys: StreamKeys | EncryptedError | None) -> StreamKeys:
    if keys is None:
        raise NoKeyError(stream)
    if isinstance(keys, EncryptedError):
        raise keys.with_traceback(None)
    return keys


class RecordedEvent:
    """An event of the log. Header, context and body are decoded when they are read.

    `position` is its number over all streams if it comes from the feed, else None. `branch` is
    empty for the conversation's main branch.

    Content raises ErasedError once it was erased, NoKeyError if it is encrypted and the log has no
    keyring, and CorruptEventError if it does not decrypt or decode. `stored` is the row; `keys` are
    those of its stream, or why they cannot be unwrapped, which content raises.
    """

    __slots__ = ("_keys", "branch", "position", "stored", "stream")

    def __init__(
        self,
        stream: str,
        stored: StoredEvent,
        position: int | None = None,
        branch: str = MAIN,
        keys: StreamKeys | EncryptedError | None = None,
    ) -> None:
        self._keys = keys
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
        """Whether the content was erased."""
        return self.stored.body is None

    @property
    def header(self) -> Header:
        """The structural part, which an erasure keeps."""
        return open_header(self.stream, self.version, self.stored.header)

    @property
    def context(self) -> Context:
        """Who appended it, in which run."""
        stored = self.stored
        if stored.context is None:
            raise ErasedError(self.stream, self.version)
        with _opening(self.stream, stored):
            plain = stored.key_id is None
            context = (
                stored.context if plain else _with(self.stream, self._keys).open_context(stored)
            )
        try:
            return load_context(context)
        except _UNREADABLE as error:
            raise self._corrupt("its context does not decode") from error

    @property
    def body(self) -> bytes:
        """The content as JSON bytes."""
        return open_body(self.stream, self.stored, self._keys)

    @property
    def event(self) -> Event | OpaqueEvent:
        """The decoded event, a new object at each access."""
        try:
            return load_event(self.kind, self.stored.schema, self.header, self.body)
        except _UNREADABLE as error:
            raise self._corrupt("its content does not decode") from error

    def _corrupt(self, what: str) -> CorruptEventError:
        return CorruptEventError(self.stream, self.version, what)
