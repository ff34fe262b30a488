"""Re-hashing a stream, to tell whether the database holds what was appended.

It proves that nobody edited, removed, inserted or reordered events without recomputing the chain.
It does not prove that nobody recomputed it: that takes a head kept where the owner cannot write.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Final, Literal

import msgspec

from eventlog import chain
from eventlog.events import ConversationForked, load_header
from eventlog.names import MAIN
from eventlog.paging import PAGE
from eventlog.records import Head, Parent, StoredEvent, StreamRow
from eventlog.store.base import MAX_VERSION, Store, rows

_MISNAMED: Final = "the stream carries another name, branch or tenant than it was created with"

_OTHER_PARENT: Final = "the stream names another parent than the event that forked it"

Problem = Literal["edited", "missing", "inserted", "moved", "unknown"]


class Fault(msgspec.Struct, frozen=True):
    """The first event of a conversation that is not what was appended."""

    stream: str
    version: int
    problem: Problem
    detail: str
    branch: str = MAIN

    def __str__(self) -> str:
        of = f" branch {self.branch!r}," if self.branch else ""
        place = f"conversation {self.stream!r},{of} version {self.version}"
        return f"{place}: {self.problem}, {self.detail}"


class Verification(msgspec.Struct, frozen=True):
    """What was checked and what was found: at most one fault, the first, for each branch."""

    conversations: int
    """A branch counts as one of its own."""
    events: int
    faults: tuple[Fault, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether everything that was checked is as it was appended."""
        return not self.faults


async def verify_conversation(
    store: Store, main: StreamRow, branches: AsyncIterator[StreamRow]
) -> Verification:
    """Re-hash a conversation, whose main branch need not be there, in bounded memory."""
    sound, fault = await _verify(store, main)
    own = Verification(1 if sound or fault else 0, sound, (fault,) if fault else ())
    return _both(own, await _verify_each(store, branches))


async def verify_all(store: Store, streams: AsyncIterator[StreamRow]) -> Verification:
    """Re-hash every stream of `streams`, and look for events that belong to none."""
    found = await _verify_each(store, streams)
    strays = tuple([fault async for fault in _find_strays(store, found.faults)])
    return _both(found, Verification(0, 0, strays))


async def _verify_each(store: Store, streams: AsyncIterator[StreamRow]) -> Verification:
    conversations = events = 0
    faults: list[Fault] = []
    async for stream in streams:
        sound, fault = await _verify(store, stream)
        conversations += 1
        events += sound
        faults += [fault] if fault else []
    return Verification(conversations, events, tuple(faults))


def _both(one: Verification, other: Verification) -> Verification:
    return Verification(
        one.conversations + other.conversations,
        one.events + other.events,
        one.faults + other.faults,
    )


async def _find_strays(store: Store, known: Sequence[Fault]) -> AsyncIterator[Fault]:
    """Find what no tenant's list shows: events without a stream, streams under a false name.

    Whose they were cannot be told any more, so they are named by their stream_id.
    """
    for stray in await store.strays():
        yield Fault(
            stray.hex(), 0, "missing", "there are events under this stream_id but no stream"
        )
    told = {(fault.stream, fault.branch) for fault in known if fault.problem == "moved"}
    after = b""
    while page := await store.identities(after, PAGE):
        for stream_id, tenant, name, branch in page:
            identity = chain.stream_id(tenant, name, branch)
            if identity != stream_id and (name, branch) not in told:
                yield Fault(stream_id.hex(), 0, "moved", _MISNAMED)
        after = page[-1][0]


async def _verify(store: Store, stream: StreamRow) -> tuple[int, Fault | None]:
    """Return how many events are sound, and the first that is not.

    Goes up to the head that was read first; what is appended meanwhile is left to the next check.
    """
    if chain.stream_id(stream.tenant, stream.name, stream.branch) != stream.stream_id:
        return 0, _fault(stream, 0, "moved", _MISNAMED)
    found, parent = chain.GENESIS, None
    async for event in rows(store, stream.stream_id, -MAX_VERSION, stream.head.version):
        if (bad := check(found, event)) is not None:
            return found.version, _fault(stream, min(event.version, found.version + 1), *bad)
        found = Head(event.version, event.hash, event.recorded_at)
        parent = _forked_from(event) if event.version == 1 else parent
    if found != stream.head:
        return found.version, _fault(stream, *_compare_heads(found, stream.head))
    if stream.parent != parent:
        return found.version, _fault(stream, 1, "moved", _OTHER_PARENT)
    return found.version, await _look_beyond(store, stream)


async def _look_beyond(store: Store, stream: StreamRow) -> Fault | None:
    """Find an event that the head does not know; the head is read last, so it may have moved on."""
    beyond = await store.page(stream.stream_id, stream.head.version, MAX_VERSION, 1)
    if not beyond or (await store.head(stream.stream_id) or chain.GENESIS) != stream.head:
        return None
    detail = "the stream's head does not know it"
    return _fault(stream, beyond[0].version, "inserted", detail)


def _fault(stream: StreamRow, version: int, problem: Problem, detail: str) -> Fault:
    return Fault(stream.name, version, problem, detail, stream.branch)


def _forked_from(first: StoredEvent) -> Parent | None:
    """Return the parent that the first event of a stream names."""
    if first.kind != ConversationForked.kind:
        return None
    try:
        header = load_header(first.header)
        return Parent(bytes.fromhex(header.parent or ""), header.at_version or 0)
    except (ValueError, msgspec.MsgspecError):
        return None


def check(head: Head, event: StoredEvent) -> tuple[Problem, str] | None:
    """Tell what is wrong with the event that should follow `head`, or None."""
    if event.version < 1:
        return "inserted", "versions begin at 1"
    if event.version != head.version + 1:
        return "missing", f"the next event that is there is version {event.version}"
    if event.format != chain.FORMAT:
        return "unknown", f"it has format {event.format}, which this release cannot check"
    if event.recorded_at < head.at:
        return "edited", "its time is before that of the event before it"
    if chain.event_hash(head.hash, event) != event.hash:
        return "edited", "its hash does not follow from its fields and the event before it"
    return _check_content(event)


def _check_content(event: StoredEvent) -> tuple[Problem, str] | None:
    salt, context, body = event.salt, event.context, event.body
    if salt is None and context is None and body is None:
        return None
    if salt is None or context is None or body is None:
        return "edited", "a part of its content is gone; an erasure takes all of it"
    if len(salt) != chain.SALT_BYTES:
        return "edited", "its salt has another length, so its content could be split differently"
    if chain.content_digest(salt, context, body) != event.content_digest:
        return "edited", "its content is not what was recorded"
    return None


def _compare_heads(found: Head, stated: Head) -> tuple[int, Problem, str]:
    if found.version < stated.version:
        detail = f"the stream's head says version {stated.version}"
        return found.version + 1, "missing", detail
    return found.version, "edited", "the stream's head names another hash or time for it"
