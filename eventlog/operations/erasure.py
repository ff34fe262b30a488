"""Erasing the content of streams for good; that it was there, who erased it and why, stays.

Rule: one transaction for each stream. The conversation that was named is the last: until it is
erased, it shows that there is something left to erase. Whoever is interrupted calls again, and what
is left is erased; a stream that has nothing left is not touched.
"""

from collections.abc import Mapping
from typing import NamedTuple

from eventlog.errors import (
    ConflictError,
    CorruptEventError,
    InvalidMomentError,
    SharedContentError,
)
from eventlog.format import chain
from eventlog.format.envelope import encode
from eventlog.format.events import ConversationForked, NewEvent
from eventlog.format.facts import ConversationErased, EventErased
from eventlog.format.names import MAIN, check_name
from eventlog.format.preparing import prepare
from eventlog.format.records import StreamRow
from eventlog.log import EventLog
from eventlog.operations.holds import refuse_held
from eventlog.retrying import Tries, others_were_first
from eventlog.store.contract.erasures import Erasure


class ErasedStream(NamedTuple):
    """A stream whose content up to `version` is gone; `hash` is the chain's there."""

    name: str
    branch: str
    stream_id: bytes
    version: int
    hash: bytes


async def erase_content(
    log: EventLog,
    session_id: str,
    by: str,
    reason: str,
    *,
    with_forks: bool,
    seen: Mapping[bytes, int] | None = None,
) -> list[ErasedStream]:
    """Erase a conversation, its branches and the forks that share its content.

    Returns every one of these streams as it is now, also those that had been erased before. Raises
    HeldError or SharedContentError before anything is erased; a fork that is made meanwhile is
    erased too, or reads as erased. With `seen`, versions of streams, ConflictError for one that is
    not there or at another version, and that one is not erased.
    """
    erased = ConversationErased(check_name("by", by), check_name("reason", reason))
    done: dict[bytes, ErasedStream] = {}
    while True:
        streams = await sharing(log, session_id)
        names = sorted({row.name for row in streams} - {session_id})
        if names and not with_forks:
            raise SharedContentError(session_id, names)
        for name in (session_id, *names):
            await refuse_held(log, session_id, name)
        fresh = [row for row in streams if row.stream_id not in done]
        if not fresh:
            return [done[row.stream_id] for row in streams]
        for row in reversed(fresh):
            done[row.stream_id] = await _erase(log, session_id, row, erased, seen=seen)
        seen = None  # What is found now began with content that is gone.


async def sharing(log: EventLog, session_id: str) -> list[StreamRow]:
    """Return the streams of a conversation, and all that began with content of one of them.

    The conversation's main branch is the first.
    """
    rows = [await log.stream(session_id), *await log.branches(session_id).all()]
    found = {row.stream_id: row for row in rows if row is not None}
    look = list(found)
    while look:
        for row in await _forks(log, look.pop()):
            if row.stream_id not in found and await _shares(log, row):
                found[row.stream_id] = row
                look.append(row.stream_id)
    return list(found.values())


async def _forks(log: EventLog, stream_id: bytes) -> list[StreamRow]:
    """Return the tenant's forks of a stream: what a row of another one says is not believed."""
    return [
        row for row in await log.spi.store.streams.children(stream_id) if row.tenant == log.tenant
    ]


async def _shares(log: EventLog, fork: StreamRow) -> bool:
    """Tell whether a fork began with items of its parent."""
    first = await log.read(fork.name, until=1, branch=fork.branch).all()
    if len(first) != 1 or first[0].kind != ConversationForked.kind:
        raise CorruptEventError(fork.name, 1, "it does not say what it is a fork of")
    return bool(first[0].header.kept)


async def erase_event_content(
    log: EventLog, session_id: str, version: int, by: str, reason: str, *, branch: str = MAIN
) -> ErasedStream:
    """Erase the content of one event.

    Raises InvalidMomentError if it is not there, HeldError, or SharedContentError if a fork began
    with a list of its version or later: it is not known what that has of it.
    """
    erased = EventErased(version, check_name("by", by), check_name("reason", reason))
    found = await log.read(session_id, after=version - 1, until=version, branch=branch).all()
    # Behind the content: who finds that erased is told of a head that has the event that says so.
    row = await log.stream(session_id, branch=branch)
    if row is None or version < 1 or not found:
        raise InvalidMomentError(f"Conversation {session_id!r} has no version {version}.")
    forks = [
        fork
        for fork in await _forks(log, row.stream_id)
        if fork.parent is not None and fork.parent.version >= version
    ]
    if forks:
        raise SharedContentError(session_id, sorted({fork.branch or fork.name for fork in forks}))
    await refuse_held(log, session_id, session_id)
    if found[0].is_erased:
        return ErasedStream(row.name, row.branch, row.stream_id, row.head.version, row.head.hash)
    return await _erase(log, session_id, row, erased, version)


async def is_erased(log: EventLog, stream: StreamRow) -> bool:
    """Tell whether nothing was appended since all of it was erased."""
    head = stream.head.version
    if stream.erased_version != head:
        return False
    last = await log.read(stream.name, after=head - 1, until=head, branch=stream.branch).all()
    return [event.kind for event in last] == [ConversationErased.kind]


async def _erase(
    log: EventLog,
    session_id: str,
    row: StreamRow,
    erased: ConversationErased | EventErased,
    only: int | None = None,
    seen: Mapping[bytes, int] | None = None,
) -> ErasedStream:
    stream: StreamRow | None = row
    async for _ in Tries():
        if stream is None or (only is None and await is_erased(log, stream)):
            break
        expected = stream.head.version if seen is None else seen.get(stream.stream_id, 0)
        if expected != stream.head.version:
            raise ConflictError(stream.name, expected, stream.head.version)
        await refuse_held(log, session_id, stream.name)
        erasure = _link(stream, erased, log.spi.now, only)
        if await log.spi.store.erase(erasure):
            stream = stream._replace(head=erasure.moved)
            break
        stream = await log.stream(row.stream_id)  # Somebody appended first.
    else:
        raise others_were_first(row.name, "It is not erased. Try again.")
    head = row.head if stream is None else stream.head
    log.spi.keys.evict(row.stream_id)
    log.spi.cache.evict(row.stream_id)
    return ErasedStream(row.name, row.branch, row.stream_id, head.version, head.hash)


def _link(
    stream: StreamRow, erased: ConversationErased | EventErased, at: int, only: int | None
) -> Erasure:
    prepared = [prepare(encode(NewEvent(erased)))]
    (event,), moved = chain.link(stream.stream_id, stream.head, prepared, at)
    return Erasure(stream.head, event, moved, only, stream.name)
