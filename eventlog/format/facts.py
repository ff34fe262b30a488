"""Events about a conversation and its storage: labels, usage, imports, erasures, legal holds.

Pure. The events that change the list of items are in `eventlog.format.events`, with how an event is
encoded.
"""

from base64 import b64decode, b64encode
from typing import Annotated, Self

import msgspec

from eventlog.format.events import Event, Header, WithReason, because, encode_text, reason_of
from eventlog.format.records import ARCHIVED, UNARCHIVED

Count = Annotated[int, msgspec.Meta(ge=0)]
Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
"""A SHA-256 in hexadecimal."""


class _Described(Event, frozen=True):
    """An event whose body is an object of the event's own fields."""

    def body(self) -> bytes:
        return encode_text(self)

    @classmethod
    def load(cls, header: Header, body: bytes) -> Event:
        return msgspec.json.decode(body, type=cls)


class ConversationLabelled(_Described, frozen=True, omit_defaults=True):
    """The conversation got a title, an owner or tags.

    None leaves what there is; an empty text, or no tags, removes it.
    """

    kind = "labelled"
    title: str | None = None
    owner: str | None = None
    tags: tuple[str, ...] | None = None


class UsageRecorded(_Described, frozen=True, kw_only=True, omit_defaults=True):
    """Model calls of a run used this much, and no earlier event has counted it.

    Numbers are tokens, but for `requests`. `cached_input_tokens` and `cache_write_tokens` are part
    of `input_tokens`, `reasoning_tokens` of `output_tokens`. Without `model` the use has no price,
    which is not a price of nothing. `turns_ago` is how many turns of the list came after the one
    that it was used in.
    """

    kind = "usage"
    requests: Count
    input_tokens: Count
    cached_input_tokens: Count
    cache_write_tokens: Count
    output_tokens: Count
    reasoning_tokens: Count
    total_tokens: Count
    model: str | None = None
    response_id: str | None = None
    turns_ago: Count = 0


class ModelCalled(_Described, frozen=True, kw_only=True, omit_defaults=True):
    """A model was called with these items, known by their digests, under these instructions.

    `input` is in the order in which the model was given it. What is digested is the canonical
    JSON of a value: docs/format.md.
    """

    kind = "called"
    input: list[Digest]
    instructions: Digest | None = None


class ConversationImported(_Described, frozen=True, omit_defaults=True):
    """What lies before it was copied from another store: so far `rows` rows, with this digest.

    `created_at` and `updated_at` are what the source says of the conversation, in microseconds
    since 1970 UTC. `digest` is the SHA-256, in hexadecimal, over all rows so far: for each the
    number of its bytes as decimal digits, a colon, and the bytes.
    """

    kind = "imported"
    source: str
    rows: int
    digest: str
    created_at: int | None = None
    updated_at: int | None = None


class RowPreserved(_Described, frozen=True):
    """A row of another store that is no item was kept as it is: `row` is its bytes in Base64."""

    kind = "preserved"
    row: str
    why: str

    @classmethod
    def of(cls, raw: bytes, why: str) -> Self:
        """Keep the bytes of a row."""
        return cls(b64encode(raw).decode(), why)

    @property
    def raw(self) -> bytes:
        """The bytes of the row."""
        return b64decode(self.row)


class ConversationErased(Event, frozen=True):
    """All content before it was destroyed for good, and the list became empty.

    Only `EventLog.erase` appends it. Both texts stay readable for ever: a name of an office, and a
    code, nothing personal.
    """

    kind = "erased"
    by: str
    reason: str

    def header(self) -> Header:
        return Header(by=self.by, reason=self.reason)

    @classmethod
    def load(cls, header: Header, body: bytes) -> "ConversationErased":
        if header.by is None or header.reason is None:
            raise ValueError("the header does not say by whom and why")
        return cls(header.by, header.reason)


class EventErased(Event, frozen=True):
    """The content of one earlier event was destroyed, and its items left the list.

    Appended, and to be read, as `ConversationErased` is.
    """

    kind = "redacted"
    erased: int
    by: str
    reason: str

    def header(self) -> Header:
        return Header(by=self.by, reason=self.reason, erased=self.erased)

    @classmethod
    def load(cls, header: Header, body: bytes) -> "EventErased":
        if header.erased is None or header.by is None or header.reason is None:
            raise ValueError("the header does not say what, by whom and why")
        return cls(header.erased, header.by, header.reason)


class ConversationArchived(WithReason, frozen=True):
    """The conversation was closed: while this is its last event, it takes no other than facts."""

    kind = ARCHIVED


class ConversationUnarchived(WithReason, frozen=True):
    """The conversation was opened again."""

    kind = UNARCHIVED


class RunBegan(Event, frozen=True):
    """A run of an agent began, and has the conversation to itself until it ends.

    `run` tells runs apart; it is nothing personal. `until` is when the run counts as over if it
    does not say so: microseconds since 1970 UTC. Appended again, it goes on for longer.
    """

    kind = "began"
    run: str
    until: int

    def header(self) -> Header:
        return Header(run=self.run, until=self.until)

    @classmethod
    def load(cls, header: Header, body: bytes) -> "RunBegan":
        if header.run is None or header.until is None:
            raise ValueError("the header does not say which run, and until when")
        return cls(header.run, header.until)


class RunEnded(Event, frozen=True):
    """A run ended, or waits for a person."""

    kind = "ended"
    run: str

    def header(self) -> Header:
        return Header(run=self.run)

    @classmethod
    def load(cls, header: Header, body: bytes) -> "RunEnded":
        if header.run is None:
            raise ValueError("the header does not say which run")
        return cls(header.run)


class _Hold(Event, frozen=True):
    hold: str
    reason: str | None = None

    def header(self) -> Header:
        return Header(hold=self.hold)

    def body(self) -> bytes:
        return because(self.reason)

    @classmethod
    def load(cls, header: Header, body: bytes) -> Event:
        if header.hold is None:
            raise ValueError("the header names no hold")
        return cls(header.hold, reason_of(body))


class HoldPlaced(_Hold, frozen=True):
    """A legal hold was placed: nothing of the conversation may be erased until it is lifted.

    `hold` is a code that tells holds apart; it outlives an erasure, so it is nothing personal.
    """

    kind = "held"


class HoldLifted(_Hold, frozen=True):
    """A legal hold was lifted."""

    kind = "released"
