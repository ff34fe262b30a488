"""What the tests of snapshots share: handles as another process has them, and what is stored."""

import contextlib
from collections.abc import AsyncGenerator, Sequence
from typing import Any, NamedTuple

import msgspec
import zstandard

from eventlog import EventLog, ItemsAdded, resources
from eventlog.format import chain
from eventlog.snapshots import Piece
from eventlog_projections import Conversation
from eventlog_projections.items import cutting, segments
from tests.backends import Backend

NAME = "chat"


def open_elsewhere(backend: Backend, **options: Any) -> EventLog:
    """Open a log that shares no connection and no memory with others, as another process does."""
    known = dict(resources._registry.leased)
    resources._registry.leased.clear()
    try:
        return backend.open(**options)
    finally:
        resources._registry.leased.clear()
        resources._registry.leased.update(known)


@contextlib.asynccontextmanager
async def elsewhere(backend: Backend, **options: Any) -> AsyncGenerator[Conversation]:
    """Give the conversation to somebody who remembers nothing of it."""
    async with open_elsewhere(backend, **options) as log:
        yield Conversation(log, NAME)


async def cold(backend: Backend, **view: Any) -> list[Any]:
    """Read as a process does that has just begun, and let it store what it wants to store."""
    async with elsewhere(backend) as chat:
        return await chat.items(**view)


async def anywhere(backend: Backend, chat: Conversation, **view: Any) -> list[Any]:
    """Read a conversation or branch as another process does."""
    async with open_elsewhere(backend) as log:
        return await Conversation(log, chat.name, chat.branch).items(**view)


async def five_items(log: EventLog) -> Conversation:
    """Make a conversation of five items, one an event."""
    await add_many(log, list(range(5)))
    return Conversation(log, NAME)


def stream_id(log: EventLog, name: str = NAME) -> bytes:
    return chain.stream_id(log.tenant, name)


async def add_many(log: EventLog, items: Sequence[Any], batch: int = 1, name: str = NAME) -> None:
    """Add items in events of `batch` each, in few appends."""
    events = [
        ItemsAdded(list(items[begin : begin + batch])) for begin in range(0, len(items), batch)
    ]
    for begin in range(0, len(events), 500):
        await log.append(name, events[begin : begin + 500])


async def filled(
    log: EventLog, items: Sequence[Any], batch: int = 1, name: str = NAME
) -> Conversation:
    """Return a conversation of these items, read once, with its snapshot stored."""
    await add_many(log, items, batch, name)
    chat = Conversation(log, name)
    await chat.items()
    await log.spi.background.finish()
    return chat


class StoredSnapshot(NamedTuple):
    version: int
    pieces: list[Piece]


async def snapshots(backend: Backend) -> list[StoredSnapshot]:
    rows = await backend.execute("SELECT version, pieces FROM {}snapshots ORDER BY version")
    return [StoredSnapshot(version, listed(pieces)) for version, pieces in rows]


def listed(stored: str) -> list[Piece]:
    found: Any = msgspec.json.decode(stored)
    return msgspec.convert(found["pieces"] if isinstance(found, dict) else found, list[Piece])


async def versions(backend: Backend) -> list[int]:
    return [snapshot.version for snapshot in await snapshots(backend)]


async def read_and_wait(log: EventLog) -> list[Any]:
    """Read, and wait for the snapshot that reading stores."""
    items = await Conversation(log, NAME).items()
    await log.spi.background.finish()
    return items


async def bodies(backend: Backend) -> dict[int, bytes]:
    rows = await backend.execute("SELECT segment_id, body FROM {}segments")
    return {segment_id: bytes(body) for segment_id, body in rows}


def opened(body: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompress(body)


def make_small(monkeypatch: Any) -> None:
    """Make snapshots and segments as often as small conversations allow."""
    monkeypatch.setattr(cutting, "MAX_ITEMS", 8)
    monkeypatch.setattr(cutting, "MAX_BYTES", 400)
    monkeypatch.setattr(cutting, "FEW", 2)
    monkeypatch.setattr(cutting, "DUE_EVENTS", 6)
    monkeypatch.setattr(cutting, "DUE_ITEMS", 8)
    monkeypatch.setattr(cutting, "DUE_BYTES", 600)
    monkeypatch.setattr(cutting, "LARGE", 90)
    assert segments.MAX_ITEMS == 512  # only what cuts is small
