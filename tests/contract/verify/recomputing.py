"""Changing events as somebody would who can compute every hash anew: the chain holds no secret."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from eventlog.format import chain
from eventlog.format.events import load_header
from eventlog.format.records import StoredEvent
from tests.backends import Backend

COLUMNS: Final = ", ".join(StoredEvent._fields)

Change = Callable[[StoredEvent], StoredEvent]


def header(**fields: Any) -> bytes:
    """Return a header, whatever is in it."""
    return msgspec.json.encode(fields)


def with_body(event: StoredEvent, body: bytes, codec: int = 0) -> StoredEvent:
    """Return an event that holds this content."""
    return event._replace(body=body, codec=codec)


def relinked(events: Sequence[StoredEvent]) -> list[StoredEvent]:
    """Return the events of a stream with digests and hashes that fit."""
    previous = chain.GENESIS.hash
    found: list[StoredEvent] = []
    for event in events:
        digest = event.content_digest
        if event.salt is not None and event.context is not None and event.body is not None:
            digest = chain.content_digest(event.salt, event.context, event.body)
        digested = event._replace(content_digest=digest)
        previous = chain.event_hash(previous, digested)
        found.append(digested._replace(hash=previous))
    return found


async def events_of(backend: Backend, stream_id: bytes) -> list[StoredEvent]:
    """Return the events of a stream as they are stored."""
    rows = await backend.execute(
        f"SELECT {COLUMNS} FROM {{}}events WHERE stream_id = ? ORDER BY version", stream_id
    )
    return [StoredEvent(*row) for row in rows]


async def recompute(
    backend: Backend, name: str, version: int, change: Change, branch: str = ""
) -> None:
    """Change an event, compute all that follow anew, and have the stream's row fit."""
    stream_id = chain.stream_id("default", name, branch)
    events = await events_of(backend, stream_id)
    events[version - 1] = change(events[version - 1])
    await rewrite(backend, stream_id, relinked(events))


async def rewrite(backend: Backend, stream_id: bytes, events: Sequence[StoredEvent]) -> None:
    """Store events in the place of those of the same versions."""
    columns = (
        "kind",
        "schema",
        "header",
        "codec",
        "salt",
        "context",
        "body",
        "content_digest",
        "hash",
    )
    for event in events:
        await backend.tamper(
            f"UPDATE {{}}events SET {', '.join(f'{column} = ?' for column in columns)}"
            f" WHERE version = {event.version} AND stream_id = ?",
            *(getattr(event, column) for column in columns),
            stream_id,
        )
    first, last = events[0], events[-1]
    parent: tuple[bytes | None, int | None] = (None, None)
    if first.kind == "forked":
        try:
            said = load_header(first.header)
            parent = bytes.fromhex(said.parent or ""), said.at_version or 0
        except (ValueError, msgspec.MsgspecError):
            pass
    erasing = [event.version for event in events if event.kind in ("erased", "redacted")]
    await backend.tamper(
        "UPDATE {}streams SET head_hash = ?, parent_id = ?, parent_version = ?, erased_version = ?"
        " WHERE stream_id = ?",
        last.hash,
        *parent,
        erasing[-1] if erasing else None,
        stream_id,
    )
