"""Comparing what an event says of its stream's structure with what an append lets it say.

Pure. Rule: whatever makes a reader of the list refuse an event is a finding here. A kind or schema
that this release does not know may say what it likes, in a header that decodes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from eventlog.format.codec import decode_json, decompress
from eventlog.format.events import (
    ConversationForked,
    ConversationRewound,
    Header,
    ItemsAdded,
    ItemsReplaced,
    load_header,
)
from eventlog.format.facts import ConversationErased, EventErased, HoldLifted, HoldPlaced
from eventlog.format.inflating import MAX_INFLATED, TooMuchError
from eventlog.format.records import EventColumns, EventRow, StoredEvent
from eventlog.store.contract.snapshots import MAX_ITEMS
from eventlog.verify.diagnosis import Finding

_CACHED: Final = 4096
"""Maximum number of headers that are remembered as right: most are one of a few."""

_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_NO_ITEMS: Final = -1
_STREAM_ID_BYTES: Final = 16

Rule = Callable[[StoredEvent, Header], str | None]
"""Returns what is wrong with an event that has this header, or None."""


class Structure:
    """Checks events, one by one. A body inflates to `limit` bytes at most.

    What is encrypted is not opened: whether it has as many items as it says is not known then.
    """

    def __init__(self, limit: int = MAX_INFLATED) -> None:
        self._limit = limit
        self._right: dict[tuple[str, int, bytes], int] = {}
        """By kind, schema and header: how many items such an event has; _NO_ITEMS for others."""

    def check(
        self, events: Iterable[EventRow], columns: EventColumns
    ) -> Iterator[tuple[int, Finding]]:
        """Yield the version of each event that is wrong though its hash is right, and how it is."""
        known = map(self._right.get, zip(columns.kind, columns.schema, columns.header, strict=True))
        of = columns.version, columns.codec, columns.key_id, columns.body
        for event, right, version, codec, key_id, body in zip(events, known, *of, strict=True):
            items = self._check_header(StoredEvent._make(event)) if right is None else right
            if isinstance(items, Finding):
                yield version, items
            elif items != _NO_ITEMS and key_id is None and body is not None:
                finding = self._check_count(items, codec, body)
                if finding is not None:
                    yield version, finding

    def _check_count(self, items: int, codec: int, body: bytes) -> Finding | None:
        """Return what is wrong with a body that should hold so many items."""
        try:
            held = _count(decompress(codec, body, self._limit))
        except TooMuchError as error:
            return Finding("unknown", f"{error}: open the log with a higher bound to check it")
        except ValueError:
            return Finding("edited", "its items do not decode")
        if held != items:
            return Finding("edited", "it does not hold as many items as its header says")
        return None

    def _check_header(self, event: StoredEvent) -> int | Finding:
        """Return how many items the event has, or what is wrong with its header."""
        header = decoded(event.header)
        if header is None:
            return Finding("edited", "its header does not decode")
        rule = _RULES.get((event.kind, event.schema))
        wrong = None if rule is None else rule(event, header)
        if wrong is not None:
            return Finding("inserted", wrong)
        items = header.items if rule is _items else None
        if rule in (None, _items):  # Others depend on where the event stands.
            if len(self._right) >= _CACHED:
                self._right.clear()
            self._right[event.kind, event.schema, event.header] = (
                _NO_ITEMS if items is None else items
            )
        return _NO_ITEMS if items is None else items


def _count(body: bytes) -> int | None:
    """Return how many items a body has; None for JSON that is no array. Raises ValueError.

    Items are passed over as raw JSON, in text: what is raw is not looked at for being UTF-8.
    """
    try:
        return len(_ITEMS.decode(body.decode()))
    except (msgspec.DecodeError, RecursionError):
        array: list[Any] = decode_json(body)
        return len(array) if type(array) is list else None


def decoded(stored: bytes) -> Header | None:
    """Decode a header; None for what is none."""
    try:
        return load_header(stored)
    except (ValueError, RecursionError, msgspec.MsgspecError):
        return None


def _is_count(number: int | None) -> bool:
    return number is not None and number >= 0


def _items(event: StoredEvent, header: Header) -> str | None:
    if not _is_count(header.items) or (header.items or 0) > MAX_ITEMS:
        return "its header counts no items that an event can hold"
    if event.kind == ItemsReplaced.kind and not _is_count(header.start):
        return "its header names no start"
    return None


def _rewound(event: StoredEvent, header: Header) -> str | None:
    version = header.to_version
    if version is None or not 0 <= version < event.version:
        return "it rewinds to no earlier version"
    if header.kept is not None and header.kept < 0:
        return "it keeps fewer items than none"
    return None


def _forked(event: StoredEvent, header: Header) -> str | None:
    if event.version != 1:
        return "it says that the stream is a fork, and is not its first event"
    if header.at_version is None or header.kept is None or header.parent is None:
        return "it does not say what it is a fork of"
    try:
        parent = bytes.fromhex(header.parent)
    except ValueError:
        parent = b""
    if len(parent) != _STREAM_ID_BYTES or min(header.at_version, header.kept) < 0:
        return "it does not say what it is a fork of"
    if parent == event.stream_id:
        return "it says that the stream is a fork of itself"
    if header.kept and not header.at_version:
        return "it says that it began with items of an empty list"
    return None


def _erased(_event: StoredEvent, header: Header) -> str | None:
    if header.by is None or header.reason is None:
        return "its header does not say by whom and why it was erased"
    return None


def _redacted(event: StoredEvent, header: Header) -> str | None:
    if header.erased is None or not 0 < header.erased < event.version:
        return "it does not say which event before it was erased"
    return _erased(event, header)


def _held(_event: StoredEvent, header: Header) -> str | None:
    return "its header names no hold" if header.hold is None else None


_RULES: Final[Mapping[tuple[str, int], Rule]] = {
    (ItemsAdded.kind, ItemsAdded.schema): _items,
    (ItemsReplaced.kind, ItemsReplaced.schema): _items,
    (ConversationRewound.kind, ConversationRewound.schema): _rewound,
    (ConversationForked.kind, ConversationForked.schema): _forked,
    (ConversationErased.kind, ConversationErased.schema): _erased,
    (EventErased.kind, EventErased.schema): _redacted,
    (HoldPlaced.kind, HoldPlaced.schema): _held,
    (HoldLifted.kind, HoldLifted.schema): _held,
}
