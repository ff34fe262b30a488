"""Erasing the content of streams for good; that it was there, who erased it and why, stays.

Rule: one transaction for each stream. The conversation that was named is the last: until it is
erased, it shows that there is something left to erase. Whoever is interrupted calls again, and what
is left is erased; a stream that has nothing left is not touched.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, NamedTuple

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
from eventlog.format.questions import check_version
from eventlog.format.records import StreamRow
from eventlog.log import EventLog
from eventlog.operations.holds import refuse_held
from eventlog.retrying import Tries, others_were_first
from eventlog.store.contract.erasures import Erasure

_Erased = ConversationErased | EventErased


class ErasedStream(NamedTuple):
    """A stream whose content up to `version` is gone; `hash` is the chain's there."""

    name: str
    branch: str
    stream_id: bytes
    version: int
    hash: bytes


Due = ErasedStream | Erasure
"""A stream that is erased, or what is about to be stored to erase it."""

Announce = Callable[[Sequence[Due]], Awaitable[None]]
"""Is told what is erased and what will be before that is, and again where it has to change."""

Check = Callable[[Sequence[str]], Awaitable[None]]
"""Is given the conversations that are to be erased, and raises if they must not be."""


class Plan:
    """What is erased and what will be, in the order of the answer; announced before it is."""

    def __init__(self, announce: Announce | None = None) -> None:
        self.is_begun = False
        """Whether something was erased, or may have been."""
        self._announce: Final = announce
        self._streams: dict[bytes, Due] = {}
        self._told: set[bytes] = set()

    def add(self, found: Due) -> None:
        """Have a stream among them; it keeps its place if it is."""
        self._streams[_stream_id(found)] = found

    def link(self, stream: StreamRow, erased: _Erased, at: int, only: int | None) -> Erasure:
        """Return what would be stored for a stream: what was announced, if it still fits."""
        found = self._streams.get(stream.stream_id)
        if isinstance(found, Erasure) and found.head == stream.head:
            return found
        erasure = _link(stream, erased, at, only)
        self.add(erasure)
        return erasure

    async def tell(self) -> None:
        """Announce what is new in the plan."""
        due = {each.moved.hash for each in self._streams.values() if isinstance(each, Erasure)}
        if self._announce is not None and not due <= self._told:
            await self._announce(list(self._streams.values()))
            self._told |= due


async def erase_content(
    log: EventLog,
    session_id: str,
    by: str,
    reason: str,
    *,
    with_forks: bool,
    seen: Mapping[bytes, int] | None = None,
    check: Check | None = None,
    plan: Plan | None = None,
) -> list[ErasedStream]:
    """Erase a conversation, its branches and the forks that share its content.

    Returns every one of these streams as it is now, also those that had been erased before. Raises
    HeldError or SharedContentError before anything is erased; a fork that is made meanwhile is
    erased too, or reads as erased. With `seen`, versions of streams, ConflictError for one that is
    not there or at another version, and that one is not erased. `check` is asked
    before, `plan` told.
    """
    erased = ConversationErased(check_name("by", by), check_name("reason", reason))
    plan = plan or Plan()
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
        if check is not None:
            await check(sorted({row.name for row in fresh}))
        for row in fresh:
            plan.add(await _planned(log, row, erased, seen))
        for row in reversed(fresh):
            done[row.stream_id] = await _erase(log, session_id, row, erased, plan, seen=seen)
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


async def _was_erased(log: EventLog, stream: StreamRow) -> bool:
    """Tell whether a stream was emptied for good: no list has what it began with any more."""
    kind = ConversationErased.kind
    return bool(await log.read(stream.name, kind=kind, branch=stream.branch).all())


async def erase_event_content(
    log: EventLog,
    session_id: str,
    version: int,
    by: str,
    reason: str,
    *,
    branch: str = MAIN,
    check: Check | None = None,
    plan: Plan | None = None,
) -> ErasedStream:
    """Erase the content of one event. `check` is asked before, `plan` told.

    Raises InvalidMomentError if it is not there, HeldError, or SharedContentError if a fork began
    with a list of its version or later: it is not known what that has of it.
    """
    erased = EventErased(version, check_name("by", by), check_name("reason", reason))
    if check_version("version", version) < 1:
        raise InvalidMomentError(f"Versions of conversation {session_id!r} begin at 1.")
    found = await log.read(session_id, after=version - 1, until=version, branch=branch).all()
    # Behind the content: who finds that erased is told of a head that has the event that says so.
    row = await log.stream(session_id, branch=branch)
    if row is None or not found:
        raise InvalidMomentError(f"Conversation {session_id!r} has no version {version}.")
    forks = [
        fork
        for fork in await _forks(log, row.stream_id)
        if fork.parent is not None
        and fork.parent.version >= version
        and await _shares(log, fork)
        and not await _was_erased(log, fork)
    ]
    if forks:
        raise SharedContentError(session_id, sorted({fork.branch or fork.name for fork in forks}))
    await refuse_held(log, session_id, session_id)
    if found[0].is_erased:
        return ErasedStream(row.name, row.branch, row.stream_id, row.head.version, row.head.hash)
    if check is not None:
        await check([session_id])
    return await _erase(log, session_id, row, erased, plan or Plan(), version)


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
    erased: _Erased,
    plan: Plan,
    only: int | None = None,
    seen: Mapping[bytes, int] | None = None,
) -> ErasedStream:
    stream: StreamRow | None = row
    async for _ in Tries():
        if stream is None or (only is None and await is_erased(log, stream)):
            break
        _refuse_moved(stream, seen)
        await refuse_held(log, session_id, stream.name)
        erasure = plan.link(stream, erased, log.spi.now, only)
        await plan.tell()
        was_begun, plan.is_begun = plan.is_begun, True
        if await log.spi.store.erase(erasure):
            stream = stream._replace(head=erasure.moved)
            break
        plan.is_begun = was_begun
        stream = await log.stream(row.stream_id)  # Somebody appended first.
    else:
        raise others_were_first(row.name, "It is not erased. Try again.")
    head = row.head if stream is None else stream.head
    log.spi.keys.evict(row.stream_id)
    log.spi.cache.evict(row.stream_id)
    done = ErasedStream(row.name, row.branch, row.stream_id, head.version, head.hash)
    plan.add(done)
    return done


async def _planned(
    log: EventLog, row: StreamRow, erased: _Erased, seen: Mapping[bytes, int] | None
) -> Due:
    """Return what is erased already as it is, or what will be stored. Raises ConflictError."""
    if await is_erased(log, row):
        return ErasedStream(row.name, row.branch, row.stream_id, row.head.version, row.head.hash)
    _refuse_moved(row, seen)
    return _link(row, erased, log.spi.now, None)


def _refuse_moved(stream: StreamRow, seen: Mapping[bytes, int] | None) -> None:
    expected = stream.head.version if seen is None else seen.get(stream.stream_id, 0)
    if expected != stream.head.version:
        raise ConflictError(stream.name, expected, stream.head.version)


def _stream_id(found: Due) -> bytes:
    return found.event.stream_id if isinstance(found, Erasure) else found.stream_id


def _link(stream: StreamRow, erased: _Erased, at: int, only: int | None) -> Erasure:
    prepared = [prepare(encode(NewEvent(erased)))]
    (event,), moved = chain.link(stream.stream_id, stream.head, prepared, at)
    return Erasure(stream.head, event, moved, only, stream.name)
