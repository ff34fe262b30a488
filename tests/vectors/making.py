"""What vectors are made of: events with fixed salts, nonces, keys and times, and their columns."""

import contextlib
import hashlib
from collections.abc import Generator, Sequence
from types import SimpleNamespace
from typing import Any, Final
from unittest import mock

from eventlog import Event
from eventlog.events import ConversationErased, EventErased
from eventlog.format import chain, encryption
from eventlog.format.chain import content_digest
from eventlog.format.encryption import DataKey
from eventlog.format.events import NO_CONTENT, encode_text
from eventlog.format.records import Head, PreparedEvent, StoredEvent

Vector = dict[str, Any]

START: Final = 1_767_225_600_000_000
"""2026-01-01T00:00:00Z, in microseconds."""


def fixed(what: str, size: int) -> bytes:
    """Return bytes that look random and are always the same."""
    return hashlib.sha256(what.encode()).digest()[:size]


@contextlib.contextmanager
def nonces(what: str) -> Generator[None]:
    """Have encryption draw fixed nonces."""
    drawn = SimpleNamespace(urandom=lambda size: fixed(f"nonces of {what}", size))
    with mock.patch.object(encryption, "os", drawn):
        yield


def event(
    said: Event | None = None,
    *,
    kind: str = "",
    header: bytes = b"",
    body: bytes = b"",
    context: bytes = NO_CONTENT,
    event_id: str | None = None,
    codec: int = 0,
) -> PreparedEvent:
    """Return an event, as the library encodes it or as it is given; its salt follows from it."""
    kind = kind or (said.kind if said else "added")
    header = header or (encode_text(said.header()) if said else NO_CONTENT)
    body = body or (said.body() if said else NO_CONTENT)
    salt = fixed(f"salt {kind} {header!r} {body!r}", chain.SALT_BYTES)
    digest = content_digest(salt, context, body)
    return PreparedEvent(event_id, kind, 1, header, codec, None, salt, context, body, digest)


def under(key: DataKey, prepared: PreparedEvent, version: int) -> PreparedEvent:
    """Return an event that is encrypted for its version."""
    with nonces(f"version {version}"):
        return key.encrypt(prepared, version)


class Stream:
    """A stream of vectors: its names, and its events a second apart."""

    def __init__(
        self, name: str, *events: PreparedEvent, tenant: str = "default", branch: str = ""
    ) -> None:
        self.names: Final = (tenant, name, branch)
        self.stream_id: Final = chain.stream_id(*self.names)
        self.events: list[StoredEvent] = []
        self.add(*events)

    @property
    def head(self) -> Head:
        """The last event."""
        if not self.events:
            return chain.GENESIS
        last = self.events[-1]
        return Head(last.version, last.hash, last.recorded_at)

    def add(self, *events: PreparedEvent) -> None:
        """Append events; one that erases takes the content."""
        for each in events:
            at = START + 1_000_000 * self.head.version
            (row,), _ = chain.link(self.stream_id, self.head, [each], at)
            self.events.append(row)

    def erase(self, only: int | None = None) -> None:
        """Append what erases all, or one version, and take the content."""
        said = (
            ConversationErased("office", "art-17")
            if only is None
            else EventErased(only, "office", "art-17")
        )
        for index, each in enumerate(self.events):
            if only in (None, each.version) and each.kind != said.kind:
                self.events[index] = each._replace(salt=None, context=None, body=None)
        self.add(event(said))

    def vector(self, about: str = "", **more: Any) -> Vector:
        """Return it as vectors have it."""
        described = {"about": about} if about else {}
        names = dict(zip(("tenant", "name", "branch"), self.names, strict=True))
        rows = columns(self.events)
        return {**described, **names, "stream_id": self.stream_id.hex(), **more, "events": rows}


def columns(events: Sequence[StoredEvent]) -> list[Vector]:
    """Return events under the names of their columns, bytes in hexadecimal."""
    rows = [each._asdict() for each in events]
    for row in rows:
        del row["stream_id"]
    return [{name: plain(value) for name, value in row.items()} for row in rows]


def plain(value: Any) -> Any:
    """Return bytes in hexadecimal, anything else as it is."""
    return value.hex() if isinstance(value, bytes) else value


def stored(stream_id: bytes, row: Vector) -> StoredEvent:
    """Return an event of a vector as the store has it."""
    fields = dict(row)
    for name in ("header", "salt", "context", "body", "content_digest", "hash"):
        fields[name] = None if fields[name] is None else bytes.fromhex(fields[name])
    return StoredEvent(stream_id=stream_id, **fields)


def stream_of(vector: Vector) -> Stream:
    """Return a stream of vectors as one that can be worked with."""
    stream = Stream(vector["name"], tenant=vector["tenant"], branch=vector["branch"])
    stream.events[:] = [stored(stream.stream_id, row) for row in vector["events"]]
    return stream
