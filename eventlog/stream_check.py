"""Re-hashing streams: what is small many at a time, what is large page by page."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from eventlog import chain, diagnosis
from eventlog.diagnosis import Finding
from eventlog.events import ConversationForked, load_header
from eventlog.faults import Fault, Progress
from eventlog.paging import PAGE
from eventlog.records import Head, Parent, StoredEvent, StreamRow
from eventlog.store.base import MAX_VERSION, Store

MISNAMED: Final = "the stream carries another name, branch or tenant than it was created with"

_OTHER_PARENT: Final = "the stream names another parent than the event that forked it"

MOST_SUSPECTS: Final = 100
"""How many bad events are compared with each other's places."""


class Suspect(NamedTuple):
    """A stream, the end of what is sound in it, and the event that follows, if there is one."""

    fault: int
    stream: StreamRow
    sound: Head
    event: StoredEvent | None


class StreamCheck:
    """What was found in the streams that were checked so far."""

    def __init__(self, store: Store, progress: Progress | None = None) -> None:
        self.events = 0
        self.faults: list[Fault] = []
        self._store = store
        self._progress = progress
        self._suspects: list[Suspect] = []

    async def read(self, streams: Sequence[StreamRow]) -> list[StoredEvent] | None:
        """Return the events of streams of about PAGE events; None if they are to be read alone."""
        total = sum(stream.head.version for stream in streams)
        if not 0 < total <= 2 * PAGE:
            return None
        events = await self._store.many([stream.stream_id for stream in streams], total + 1)
        return events if len(events) <= total else None

    async def check_together(
        self, streams: Sequence[StreamRow], events: Sequence[StoredEvent] | None
    ) -> None:
        """Check streams by their events that were read; look closer at what is not sound."""
        of: dict[bytes, list[StoredEvent]] = {}
        for event in events or ():
            of.setdefault(event.stream_id, []).append(event)
        for stream in streams:
            mine = of.get(stream.stream_id, [])
            if mine and _is_sound(stream, mine):
                self._count(len(mine))
            else:
                await self.check(stream)

    async def check(self, stream: StreamRow) -> None:
        """Check a stream up to the head that was read first; what comes meanwhile is left alone."""
        if not _is_well_named(stream):
            self._add(stream, 0, Finding("moved", MISNAMED))
            return
        sound, after, parent = chain.GENESIS, -MAX_VERSION, None
        while page := await self._store.page(stream.stream_id, after, stream.head.version, PAGE):
            parent = _forked_from(page[0]) if sound.version == 0 else parent
            before = sound.version
            sound, bad = _follow(sound, page)
            self._count(sound.version - before)
            if bad is not None:
                await self._suspect(stream, sound, bad)
                return
            after = sound.version
        if (difference := _compare_heads(sound, stream)) is not None:
            self._suspects.append(Suspect(len(self.faults), stream, sound, None))
            self._add(stream, *difference)
        elif parent != stream.parent:
            self._add(stream, 1, Finding("edited", _OTHER_PARENT))
        else:
            await self._look_beyond(stream)

    def recognise(self) -> None:
        """Tell of events that belong where another stream lacks one that they were moved."""
        for suspect in self._suspects[:MOST_SUSPECTS]:
            for other in self._suspects[:MOST_SUSPECTS]:
                there, version = other.stream, other.sound.version + 1
                if (
                    suspect.event is not None
                    and there.stream_id != suspect.stream.stream_id
                    and diagnosis.belongs(suspect.event, there.stream_id, version, other.sound.hash)
                ):
                    of = f"branch {there.branch!r} of " if there.branch else ""
                    detail = f"it was version {version} of {of}{there.name!r}"
                    fault = self.faults[suspect.fault]
                    self.faults[suspect.fault] = msgspec.structs.replace(
                        fault, problem="moved", detail=detail
                    )

    async def _suspect(self, stream: StreamRow, sound: Head, bad: StoredEvent) -> None:
        finding = diagnosis.check(sound, bad)
        if finding is None:
            return
        if diagnosis.is_chain_broken(finding):
            self._suspects.append(Suspect(len(self.faults), stream, sound, bad))
            window = await self._store.page(
                stream.stream_id, bad.version - 1, MAX_VERSION, diagnosis.WINDOW
            )
            finding = diagnosis.diagnose(sound, window)
        elif finding.problem == "missing":
            self._suspects.append(Suspect(len(self.faults), stream, sound, None))
        self._add(stream, min(bad.version, sound.version + 1), finding)

    async def _look_beyond(self, stream: StreamRow) -> None:
        """Find an event that the head does not know; it is read last: it may have moved on."""
        beyond = await self._store.page(stream.stream_id, stream.head.version, MAX_VERSION, 1)
        head = await self._store.head(stream.stream_id)
        if beyond and (head or chain.GENESIS) == stream.head:
            finding = Finding("inserted", "the stream's head does not know it")
            self._add(stream, beyond[0].version, finding)

    def _add(self, stream: StreamRow, version: int, finding: Finding) -> None:
        self.faults.append(Fault(stream.name, version, *finding, stream.branch))

    def _count(self, events: int) -> None:
        self.events += events
        if self._progress is not None and events:
            self._progress(self.events)


def _follow(sound: Head, events: Sequence[StoredEvent]) -> tuple[Head, StoredEvent | None]:
    """Return how far the chain goes, and the first event that is not its next."""
    for event in events:
        if diagnosis.check(sound, event) is not None:
            return sound, event
        sound = Head(event.version, event.hash, event.recorded_at)
    return sound, None


def _is_sound(stream: StreamRow, events: Sequence[StoredEvent]) -> bool:
    if not _is_well_named(stream) or _forked_from(events[0]) != stream.parent:
        return False
    sound, bad = _follow(chain.GENESIS, events)
    return bad is None and _compare_heads(sound, stream) is None


def _is_well_named(stream: StreamRow) -> bool:
    return chain.stream_id(stream.tenant, stream.name, stream.branch) == stream.stream_id


def _forked_from(first: StoredEvent) -> Parent | None:
    """Return the parent that the first event of a stream names."""
    if first.kind != ConversationForked.kind:
        return None
    try:
        header = load_header(first.header)
        return Parent(bytes.fromhex(header.parent or ""), header.at_version or 0)
    except (ValueError, msgspec.MsgspecError):
        return None


def _compare_heads(found: Head, stream: StreamRow) -> tuple[int, Finding] | None:
    stated = stream.head
    if found.version < stated.version:
        detail = f"the stream's head says version {stated.version}"
        return found.version + 1, Finding("missing", detail)
    if found != stated:
        detail = "the stream's head names another hash or time for it"
        return found.version, Finding("edited", detail)
    return None
