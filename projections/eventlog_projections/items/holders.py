"""What holds items, as bytes: an event of the log, a segment that was copied out of events.

Holders keep their uncompressed bytes once they were opened, and never what was decoded from them:
every caller gets fresh objects.
"""

from typing import Any, Final

import msgspec

from eventlog.errors import CorruptEventError, SchemaTooNewError
from eventlog.events import Header
from eventlog.format.codec import RAW, decode_json, decode_msgpack, encode_msgpack
from eventlog.format.envelope import open_header
from eventlog.format.kinds import KINDS
from eventlog.format.opening import Opener
from eventlog.snapshots import FoldInput
from eventlog_projections.items.segments import Packed, UnreadableError, size_of, unpack

INHERITED: Final = 0
"""The source of what a fork began with; a snapshot of the fork says how many items it still is."""

_OVERHEAD: Final = 300
"""Roughly what a block costs beside its bytes."""

_USUAL_RATIO: Final = 4
"""How much longer text is than its compressed form, roughly."""


class EventItems:
    """The items that one event added."""

    __slots__ = ("_inner", "entry", "is_inner", "items", "stream")

    def __init__(
        self, stream: str, entry: FoldInput, items: int, *, is_inner: bool = False
    ) -> None:
        self.stream = stream
        self.entry = entry
        self.items = items
        self.is_inner = is_inner
        """Whether a run within another one added them."""
        self._inner: bytes | None = None

    @property
    def event(self) -> "EventItems":
        """Itself: of an event is what is better decoded together with others."""
        return self

    @property
    def source(self) -> int:
        """How a snapshot names it."""
        return -self.entry.version

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        stored = len(self.entry.body or b"")
        if self._inner is not None:
            return _OVERHEAD + stored + len(self._inner)
        return _OVERHEAD + (stored if self.entry.codec == RAW else _USUAL_RATIO * stored)

    def raw_items(self, limit: int) -> list[bytes] | None:
        """Return the MessagePack of each item; None if one has none or only `json` can read it."""
        array = self._array(limit)
        try:
            items = msgspec.json.decode(array, type=list[Any])
            raws = [encode_msgpack(item) for item in items]
        except (msgspec.DecodeError, RecursionError, ValueError):
            return None
        return raws if len(raws) == self.items else None

    def inflate(self, limit: int) -> int:
        """Inflate it, to at most `limit` bytes, and return to how many; it stays so."""
        return len(self.inner(limit))

    def inner(self, limit: int) -> bytes:
        """Return the JSON array without its brackets; it inflates to at most `limit` bytes.

        Here and below raises CorruptEventError, ErasedError or SchemaTooNewError, naming the event.
        """
        if self._inner is None:
            self._inner = self._array(limit)[1:-1]
        return self._inner

    def part(self, start: int, stop: int, limit: int) -> list[Any]:
        """Decode items `start` to `stop`."""
        return self.decode(limit)[start:stop]

    def decode(self, limit: int) -> list[Any]:
        """Decode all items."""
        entry = self.entry
        try:
            items: list[Any] = decode_json(self._array(limit))
        except ValueError as error:
            raise CorruptEventError(
                self.stream, entry.version, "its items do not decode"
            ) from error
        if type(items) is not list or len(items) != self.items:
            raise CorruptEventError(
                self.stream, entry.version, "it does not hold as many items as its header says"
            )
        return items

    def _array(self, limit: int) -> bytes:
        entry = self.entry
        if (entry.kind, entry.schema) not in KINDS:
            raise _of_later_release(self.stream, entry)
        if self._inner is not None:
            return b"[" + self._inner + b"]"
        return Opener(limit=limit).body(self.stream, entry)


class SegmentItems:
    """The items of a segment, which is there as it is stored, and opened once it is read."""

    __slots__ = ("_is_read", "_packed", "size", "source", "stored")

    event = None
    is_inner = False

    def __init__(self, source: int, stored: bytes, packed: Packed | None = None) -> None:
        self.source = source
        """How a snapshot names it."""
        self.stored = stored
        self.size = _OVERHEAD + len(stored) + size_of(stored)
        """About how many bytes it takes, opened."""
        self._packed = packed
        self._is_read = False

    @property
    def items(self) -> int:
        """How many items it holds."""
        return len(self._open().ends)

    def part(self, start: int, stop: int, _limit: int) -> list[Any]:
        """Decode items `start` to `stop`, and nothing else."""
        return _parse(self._open().part(start, stop), stop - start)

    def decode(self, _limit: int) -> list[Any]:
        """Decode all items. What is read once is not kept open: it may not be read again."""
        packed = self._open()
        if not self._is_read:
            self._packed, self._is_read = None, True
        return _parse(packed.array, len(packed.ends))

    def raw_items(self) -> list[bytes]:
        """Return the MessagePack of each item. Raises UnreadableError."""
        return self._open().items()

    def _open(self) -> Packed:
        if self._packed is None:
            self._packed = unpack(self.source, self.stored)
        return self._packed


class Absent:
    """Items that were not fetched yet."""

    __slots__ = ("source",)

    size = _OVERHEAD
    items = 0
    event = None
    is_inner = False

    def __init__(self, source: int) -> None:
        self.source = source

    def decode(self, _limit: int) -> list[Any]:
        """Raise UnreadableError."""
        raise UnreadableError

    def part(self, _start: int, _stop: int, _limit: int) -> list[Any]:
        """Raise UnreadableError."""
        raise UnreadableError


class Inherited:
    """Items of an ancestor, in the list of a fork."""

    __slots__ = ("_holder",)

    source = INHERITED

    def __init__(self, holder: "Holder") -> None:
        self._holder = holder

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return self._holder.size

    @property
    def items(self) -> int:
        """How many items it holds."""
        return self._holder.items

    @property
    def event(self) -> EventItems | None:
        """The event that added them, if they are in none of the segments."""
        return self._holder.event

    @property
    def is_inner(self) -> bool:
        """Whether a run within another one added them."""
        return self._holder.is_inner

    def part(self, start: int, stop: int, limit: int) -> list[Any]:
        """Decode items `start` to `stop`."""
        return self._holder.part(start, stop, limit)

    def decode(self, limit: int) -> list[Any]:
        """Decode all items."""
        return self._holder.decode(limit)


Holder = EventItems | SegmentItems | Absent | Inherited


def refused(stream: str, entry: FoldInput, what: str) -> CorruptEventError | SchemaTooNewError:
    """Return the error for an event that does not say what it did to the list."""
    if (entry.kind, entry.schema) in KINDS:
        return CorruptEventError(stream, entry.version, what)
    return _of_later_release(stream, entry)


def _of_later_release(stream: str, entry: FoldInput) -> SchemaTooNewError:
    return SchemaTooNewError(
        f"Version {entry.version} of conversation {stream!r} holds items in a form"
        f" ({entry.kind} {entry.schema}) of a later release. Upgrade"
        " conversation-eventlog to read them."
    )


def header(stream: str, entry: FoldInput) -> Header:
    """Decode the header of an event. Raises CorruptEventError."""
    return open_header(stream, entry.version, entry.header)


def _parse(array: bytes | memoryview, expected: int) -> list[Any]:
    try:
        items: list[Any] = decode_msgpack(array)
    except ValueError as error:
        raise UnreadableError from error
    if type(items) is not list or len(items) != expected:
        raise UnreadableError
    return items
