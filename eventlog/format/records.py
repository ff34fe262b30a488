"""What a store is given and what it returns. Field order is column order.

Pure: a store never looks inside `header`, `context` or `body`.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol, Self, TypeAlias

ARCHIVED: Final = "archived"
UNARCHIVED: Final = "unarchived"
"""The kinds of events that close a stream and open it again: it is closed where one is the last."""

_FILING: Final = frozenset((ARCHIVED, UNARCHIVED, "held", "released"))
"""What a closed stream takes, if it says at its end whether the stream stays closed."""

_PER_EVENT: Final = 512
"""Bytes that an event takes in memory beside its content, roughly."""


class EncodedEvent(NamedTuple):
    """An event as its writer gave it, encoded as JSON."""

    event_id: str | None
    kind: str
    schema: int
    header: bytes
    context: bytes
    body: bytes


class PreparedEvent(NamedTuple):
    """An event that is ready to be stored, but for version, time and hash.

    One that is still to be encrypted has an empty digest: its version is part of the AAD.
    """

    event_id: str | None
    kind: str
    schema: int
    header: bytes
    codec: int
    key_id: str | None
    salt: bytes
    context: bytes
    body: bytes
    content_digest: bytes


class StreamId(bytes):
    """The 16-byte identity of a stream, where the name of its conversation is known.

    It is equal to the same bytes without the name, which is there for those who tell people.
    """

    name: str

    def __new__(cls, identity: bytes, name: str = "") -> Self:
        """Name an identity."""
        named = super().__new__(cls, identity)
        named.name = name
        return named


class StoredEvent(NamedTuple):
    """One row of `events`. `salt`, `context` and `body` are all None once erased."""

    stream_id: bytes
    version: int
    format: int
    event_id: str | None
    kind: str
    schema: int
    recorded_at: int
    """Microseconds since 1970-01-01 UTC, never earlier than the event before it."""
    header: bytes
    codec: int
    key_id: str | None
    salt: bytes | None
    context: bytes | None
    body: bytes | None
    content_digest: bytes
    hash: bytes


EventRow: TypeAlias = Sequence[Any]
"""The fields of a StoredEvent, maybe as a driver returned them: for who looks at very many."""


class EventColumns(NamedTuple):
    """The rows of a page of events as columns: the values of each field, in the order of rows."""

    stream_id: tuple[bytes, ...]
    version: tuple[int, ...]
    format: tuple[int, ...]
    event_id: tuple[str | None, ...]
    kind: tuple[str, ...]
    schema: tuple[int, ...]
    recorded_at: tuple[int, ...]
    header: tuple[bytes, ...]
    codec: tuple[int, ...]
    key_id: tuple[str | None, ...]
    salt: tuple[bytes | None, ...]
    context: tuple[bytes | None, ...]
    body: tuple[bytes | None, ...]
    content_digest: tuple[bytes, ...]
    hash: tuple[bytes, ...]


_CONTEXT: Final = StoredEvent._fields.index("context") - len(StoredEvent._fields)
_BODY: Final = StoredEvent._fields.index("body") - len(StoredEvent._fields)


def held(row: Sequence[Any]) -> int:
    """Return how many bytes of content a StoredEvent holds, or a row that ends with one."""
    return len(row[_CONTEXT] or b"") + len(row[_BODY] or b"")


class FoldInput(NamedTuple):
    """The columns of an event that folding takes. They are not checked against the chain."""

    version: int
    kind: str
    schema: int
    header: bytes
    codec: int
    key_id: str | None
    body: bytes | None
    """None once erased."""
    hash: bytes


class Head(NamedTuple):
    """The end of a stream: its last version, that event's hash and time."""

    version: int
    hash: bytes
    at: int


class Parent(NamedTuple):
    """The stream and version that a fork begins from."""

    stream_id: bytes
    version: int


class StreamRow(NamedTuple):
    """The columns of one row of `streams` that readers take."""

    stream_id: bytes
    tenant: str
    name: str
    head: Head
    branch: str = ""
    """Empty for the conversation's main branch."""
    parent: Parent | None = None
    created_at: int = 0
    """Microseconds UTC."""
    key_id: str | None = None
    """The data key that encrypts new events; None: they are not encrypted."""
    erased_version: int | None = None
    """The version of the last event that erased content; None: nothing was erased."""


class StreamCipher(Protocol):
    """The data keys of one stream, as an append uses them."""

    @property
    def key_id(self) -> str:
        """The key that encrypts new events."""
        ...

    @property
    def compresses(self) -> bool:
        """Whether bodies are compressed before they are encrypted."""
        ...

    def encrypt(self, event: PreparedEvent, version: int) -> PreparedEvent:
        """Encrypt context and body of the event that becomes this version."""
        ...

    def knows(self, key_id: str) -> bool:
        """Tell whether this key is among them."""
        ...

    def open_body(self, stored: StoredEvent | FoldInput) -> bytes:
        """Return the body as its codec says. Raises ValueError if it was changed or moved."""
        ...


class SignedHead(NamedTuple):
    """One row of `tree_heads`: a signed commitment to the first `size` positions of the feed."""

    size: int
    root: bytes
    note: str
    """The signed text and its signatures: C2SP tlog-checkpoint."""
    signed_at: int
    """Microseconds since 1970-01-01 UTC, by the signer's clock; nothing protects it."""


class AppendRequest(NamedTuple):
    """One batch for one stream, all or nothing. `expected` None appends at whatever head."""

    stream_id: bytes
    tenant: str
    name: str
    events: tuple[EncodedEvent, ...]
    expected: int | None
    at: int
    """The writer's clock, microseconds UTC."""
    branch: str = ""
    parent: Parent | None = None
    seen: int | None = None
    """The version that the writer has read; None: it does not say."""
    cipher: StreamCipher | None = None
    """None: the events are not encrypted, and the stream must not be."""

    @property
    def key_id(self) -> str | None:
        """The data key that the stream must have."""
        return None if self.cipher is None else self.cipher.key_id

    @property
    def is_filing(self) -> bool:
        """Whether a stream that is closed takes it."""
        kinds = [event.kind for event in self.events]
        return kinds[-1] in (ARCHIVED, UNARCHIVED) and _FILING.issuperset(kinds)

    @property
    def closes(self) -> bool:
        """Whether the stream is closed behind it."""
        return self.events[-1].kind == ARCHIVED

    @property
    def size(self) -> int:
        """About how many bytes of memory the events take while they wait."""
        return sum(len(event.body) + len(event.context) + _PER_EVENT for event in self.events)


class Appended(NamedTuple):
    """The batch is in the log as versions `first` to `last`; `replayed` if it already was."""

    first: int
    last: int
    replayed: bool = False


class Stale(NamedTuple):
    """Nothing was stored: the stream is at version `actual`."""

    actual: int


class IdReused(NamedTuple):
    """Nothing was stored: `event_id` already names other content."""

    event_id: str


class KeyChanged(NamedTuple):
    """Nothing was stored: the stream has the data key `key_id`, the request another one.

    None: the stream is not encrypted yet. Empty: its last key was destroyed.
    """

    key_id: str | None


class Archived(NamedTuple):
    """Nothing was stored: the stream is closed, since `version`."""

    version: int


class Lost(NamedTuple):
    """Nothing was stored: `version`, which was read or written here, is not there any more.

    `head` is the version of the stream.
    """

    version: int
    head: int


class ErasedSince(NamedTuple):
    """Nothing was stored: what the writer has read was erased, by the event `version`."""

    version: int


Refusal = Stale | IdReused | Archived | ErasedSince | Lost
"""Nothing was stored, and nothing will be."""

Outcome = Appended | Refusal | KeyChanged
