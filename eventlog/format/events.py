"""Events that change a list of items, and how an event is encoded.

Pure. An event is a past-tense fact; `format.facts` has those about the conversation, `format.kinds`
lists all. Its header holds the structure that folding takes and an erasure keeps: numbers, no
content, nothing personal. Its body holds the content. Stored kinds are
short stable names with a schema number; a kind or a schema that this release does not know is read
as an `OpaqueEvent`, never dropped and never fatal.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Final

import msgspec

from eventlog.errors import InvalidInputError, InvalidItemError
from eventlog.format.codec import MAX_DEPTH, decode_json, encode_json
from eventlog.format.questions import check_count

NO_CONTENT: Final = b"{}"


class Header(msgspec.Struct, frozen=True, omit_defaults=True):
    """The structural part of an event. Fields that do not apply are absent."""

    items: int | None = None
    start: int | None = None
    to_version: int | None = None
    kept: int | None = None
    parent: str | None = None
    at_version: int | None = None
    by: str | None = None
    reason: str | None = None
    hold: str | None = None
    erased: int | None = None
    inner: bool | None = None
    run: str | None = None
    until: int | None = None


class Event(msgspec.Struct, frozen=True):
    """Base of all events; `kind` and `schema` are stored with each."""

    kind: ClassVar[str]
    schema: ClassVar[int] = 1

    def header(self) -> Header:
        """Return the structural part."""
        return Header()

    def body(self) -> bytes:
        """Return the content as JSON."""
        return NO_CONTENT

    @classmethod
    def load(cls, header: Header, body: bytes) -> "Event":
        """Decode the event from what `header` and `body` returned."""
        raise NotImplementedError


class ItemsAdded(Event, frozen=True):
    """Items were added to the end of the list. The body is their JSON array.

    `inner` says that a run within another one added them: they begin no turn.
    """

    kind = "added"
    items: Sequence[Any]
    inner: bool = False

    def header(self) -> Header:
        return Header(items=len(self.items), inner=True if self.inner else None)

    def body(self) -> bytes:
        return encode_items(self.items)

    @classmethod
    def load(cls, header: Header, body: bytes) -> "ItemsAdded":
        return cls(_array(header, body), header.inner is True)


class ItemsReplaced(Event, frozen=True):
    """The tail of the list from index `start` on was replaced by `items` (compaction)."""

    kind = "replaced"
    start: int
    items: Sequence[Any]

    def header(self) -> Header:
        return Header(items=len(self.items), start=_number("start", self.start))

    def body(self) -> bytes:
        return encode_items(self.items)

    @classmethod
    def load(cls, header: Header, body: bytes) -> "ItemsReplaced":
        if header.start is None:
            raise ValueError("the header names no start")
        return cls(header.start, _array(header, body))


class _Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    reason: str | None = None


class WithReason(Event, frozen=True):
    """A change of a list, or of a conversation, that may say why; nothing else is in its body."""

    reason: str | None = None

    def body(self) -> bytes:
        return because(self.reason)

    @classmethod
    def load(cls, header: Header, body: bytes) -> Event:
        return cls(reason_of(body))


class ItemPopped(WithReason, frozen=True):
    """The last item was removed from the list."""

    kind = "popped"


class ConversationCleared(WithReason, frozen=True):
    """The list became empty."""

    kind = "cleared"


class BranchDeleted(WithReason, frozen=True):
    """The list became empty, and the branch is not listed until items are added."""

    kind = "deleted"


class ConversationRewound(Event, frozen=True):
    """The list became again what it was at `to_version`, or the first `kept` items of that.

    An undo keeps some of the items of the version before it; a redo and a restore keep all.
    """

    kind = "rewound"
    to_version: int
    kept: int | None = None
    reason: str | None = None

    def header(self) -> Header:
        kept = None if self.kept is None else _number("kept", self.kept)
        return Header(to_version=_number("to_version", self.to_version), kept=kept)

    def body(self) -> bytes:
        return because(self.reason)

    @classmethod
    def load(cls, header: Header, body: bytes) -> "ConversationRewound":
        if header.to_version is None:
            raise ValueError("the header names no version")
        return cls(header.to_version, header.kept, reason_of(body))


class ConversationForked(Event, frozen=True):
    """The list began as the first `kept` items of what another list was at a version.

    Always the first event of its stream. `parent` is the other one's stream_id, 16 bytes; nothing
    is copied from it.
    """

    kind = "forked"
    parent: bytes
    at_version: int
    kept: int
    reason: str | None = None

    def header(self) -> Header:
        return Header(
            parent=self.parent.hex(),
            at_version=_number("at_version", self.at_version),
            kept=_number("kept", self.kept),
        )

    def body(self) -> bytes:
        return because(self.reason)

    @classmethod
    def load(cls, header: Header, body: bytes) -> "ConversationForked":
        if header.parent is None or header.at_version is None or header.kept is None:
            raise ValueError("the header does not say what it forks from")
        parent = bytes.fromhex(header.parent)
        return cls(parent, header.at_version, header.kept, reason_of(body))


class OpaqueEvent(msgspec.Struct, frozen=True):
    """An event of a kind or schema that this release does not know, kept as it is."""

    kind: str
    schema: int
    body: bytes


class Context(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who appended an event, in which run. `actor` is self-declared; all is erased with the body.

    `seen_version` is the version that this run's last read returned, `seen_limit` the limit of that
    read: an upper bound of what the model was shown, not the exact input. `trace_metadata` holds
    JSON. `source_time` is when another store says that it stored each of the items, in
    microseconds since 1970 UTC; None where it does not say. `parent_run_id` is the run that this
    one ran within.
    """

    actor: str | None = None
    run_id: str | None = None
    agent: str | None = None
    trace_id: str | None = None
    group_id: str | None = None
    seen_version: int | None = None
    seen_limit: int | None = None
    workflow_name: str | None = None
    trace_metadata: dict[str, Any] | None = None
    source_time: Sequence[int | None] | None = None
    parent_run_id: str | None = None


class NewEvent(msgspec.Struct, frozen=True):
    """An event to append. `event_id` is an idempotency key, unique in its conversation."""

    event: Event
    context: Context = Context()
    event_id: str | None = None


def load_header(stored: bytes) -> Header:
    """Decode a stored header; fields of later releases are ignored."""
    return msgspec.json.decode(stored, type=Header)


def load_context(stored: bytes) -> Context:
    """Decode a stored context; fields of later releases are ignored."""
    return msgspec.json.decode(stored, type=Context)


def encode_text(struct: msgspec.Struct) -> bytes:
    """Encode one of our own structs as JSON.

    Raises InvalidInputError for a value of the wrong type and for text that UTF-8 cannot hold.
    """
    name = type(struct).__name__.strip("_")
    try:
        encoded = msgspec.json.encode(struct)
        same = msgspec.json.decode(encoded, type=type(struct)) == struct
    except (ValueError, OverflowError, RecursionError, TypeError) as error:
        raise InvalidInputError(f"{name} cannot be stored: {error}. Nothing was stored.") from error
    if not same or not encoded.startswith(b"{"):
        raise InvalidInputError(
            f"{name} cannot be stored: a field has another type than it says. Nothing was stored."
        )
    return encoded


def encode_items(items: Sequence[Any]) -> bytes:
    """Encode a batch of items as one JSON array. Raises InvalidItemError, naming the bad item."""
    if not isinstance(items, (list, tuple)):
        raise InvalidItemError(
            f"Items come as a list, not as {type(items).__name__}. Nothing was stored."
        )
    try:
        return encode_json(items, max_depth=MAX_DEPTH + 1)
    except InvalidItemError as error:
        raise InvalidItemError(_name_the_bad_item(items, error)) from error


def because(reason: str | None) -> bytes:
    """Return a body that holds a reason."""
    return NO_CONTENT if reason is None else encode_text(_Reason(reason))


def reason_of(body: bytes) -> str | None:
    """Return the reason that a body holds."""
    return msgspec.json.decode(body, type=_Reason).reason


def _number(name: str, value: object) -> int:
    try:
        return check_count(name, value)
    except InvalidInputError as error:
        raise InvalidInputError(f"{error} Nothing was stored.") from error


def _array(header: Header, body: bytes) -> list[Any]:
    items: list[Any] = decode_json(body)
    if type(items) is not list or len(items) != header.items:
        raise ValueError("the body does not hold as many items as the header says")
    return items


def _name_the_bad_item(items: Sequence[Any], error: InvalidItemError) -> str:
    for index, item in enumerate(items):
        try:
            encode_json(item)
        except InvalidItemError as bad:
            return f"Item {index} of {len(items)}: {bad}"
    return str(error)
