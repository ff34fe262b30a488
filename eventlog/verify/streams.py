"""Verifying streams: small ones many at a time, large ones page by page."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from eventlog.errors import EncryptedError, KeyRingError, WrongKeyError
from eventlog.format import chain
from eventlog.format.records import Head, StoredEvent, StreamRow
from eventlog.keys.data_keys import DataKeys
from eventlog.paging import PAGE
from eventlog.store.contract.keys import NO_KEY, KeyRow
from eventlog.store.contract.log import MAX_VERSION, Store
from eventlog.verify import diagnosis
from eventlog.verify.diagnosis import Finding
from eventlog.verify.faults import Fault, OnProgress, VerifyWarning
from eventlog.verify.keys import Difference, KeyTrace
from eventlog.verify.walk import Walk

MISNAMED: Final = "the stream carries another name, branch or tenant than it was created with"

TOGETHER: Final = 2 * PAGE
"""Maximum number of events of several streams in one read: memory stays bounded."""

MOST_SUSPECTS: Final = 100
"""Maximum number of streams among which moved events are looked for."""


class Suspect(NamedTuple):
    """A faulty stream, the last sound head in it, and the event that follows, if there is one."""

    fault: int
    stream: StreamRow
    sound: Head
    event: StoredEvent | None


Walked = tuple[StreamRow, KeyTrace]
"""A stream without a fault so far, and the trace of its keys."""


class StreamCheck:
    """Checks streams, and collects their faults."""

    def __init__(self, store: Store, keys: DataKeys, progress: OnProgress | None = None) -> None:
        self.events = 0
        self.faults: list[Fault] = []
        self.warnings: list[VerifyWarning] = []
        self.names_tenants = False
        """Whether streams are of several tenants."""
        self._store = store
        self._keys = keys
        self._progress = progress
        self._suspects: list[Suspect] = []

    async def check_together(self, streams: Sequence[StreamRow]) -> None:
        """Check streams of about PAGE events in one read; those with faults again, one by one."""
        of: dict[bytes, list[StoredEvent]] = {}
        for event in await self._read(streams):
            of.setdefault(event.stream_id, []).append(event)
        sound: list[Walked] = []
        for stream in streams:
            mine, walk = of.get(stream.stream_id, []), Walk()
            if mine and _is_well_named(stream) and _is_sound(stream, walk, mine):
                self._count(len(mine))
                sound.append((stream, walk.keys))
            else:
                await self.check(stream)
        await self._check_keys(sound)

    async def check(self, stream: StreamRow) -> None:
        """Check a stream up to the head of its row; what is appended meanwhile is not checked."""
        if not _is_well_named(stream):
            self._add(stream, 0, Finding("moved", MISNAMED))
            return
        walk, after = Walk(), -MAX_VERSION
        while page := await self._store.events.page(
            stream.stream_id, after, stream.head.version, PAGE
        ):
            before = walk.sound.version
            bad = walk.follow(page)
            self._count(walk.sound.version - before)
            if bad is not None:
                await self._suspect(stream, walk.sound, bad)
                return
            after = walk.sound.version
        if (difference := walk.compare_head(stream)) is not None:
            self._suspects.append(Suspect(len(self.faults), stream, walk.sound, None))
            self._add(stream, *difference)
        elif (difference := walk.compare_row(stream)) is not None:
            self._add(stream, *difference)
        elif (beyond := await self._beyond(stream)) is not None:
            self._add(stream, *beyond)
        else:
            await self._check_keys([(stream, walk.keys)])

    def find_moved(self) -> None:
        """Report as moved every event that fits where another stream lacks one."""
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

    async def _read(self, streams: Sequence[StreamRow]) -> list[StoredEvent]:
        """Return the events of streams in one read; none if there are more than their heads say."""
        total = sum(stream.head.version for stream in streams)
        if not 0 < total <= TOGETHER:
            return []
        events = await self._store.events.many([stream.stream_id for stream in streams], total + 1)
        return events if len(events) <= total else []

    async def _suspect(self, stream: StreamRow, sound: Head, bad: StoredEvent) -> None:
        finding = diagnosis.check(sound, bad)
        if finding is None:
            return
        if diagnosis.is_chain_broken(finding):
            self._suspects.append(Suspect(len(self.faults), stream, sound, bad))
            window = await self._store.events.page(
                stream.stream_id, bad.version - 1, MAX_VERSION, diagnosis.WINDOW
            )
            finding = diagnosis.diagnose(sound, window)
        elif finding.problem == "missing":
            self._suspects.append(Suspect(len(self.faults), stream, sound, None))
        self._add(stream, min(bad.version, sound.version + 1), finding)

    async def _beyond(self, stream: StreamRow) -> Difference | None:
        """Find an event behind the head."""
        beyond = await self._store.events.page(
            stream.stream_id, stream.head.version, MAX_VERSION, PAGE
        )
        if not beyond or await self._has_moved_on(stream):
            return None
        return beyond[0].version, Finding("inserted", "the stream's head does not know it")

    async def _check_keys(self, walked: Sequence[Walked]) -> None:
        """Check the data keys of streams that have any."""
        sealed = [(stream, trace) for stream, trace in walked if stream.key_id is not None]
        if not sealed:
            return
        ids = [stream.stream_id for stream, _ in sealed]
        of: dict[bytes, dict[str, KeyRow]] = {stream_id: {} for stream_id in ids}
        for row in await self._store.keys.of_streams(ids):
            of[row.stream_id][row.key_id] = row
        for stream, trace in sealed:
            rows = of[stream.stream_id]
            found = trace.compare_keys(stream.key_id or NO_KEY, rows)
            found = found or await self._open(stream, trace, rows.values())
            if found is not None and not await self._has_moved_on(stream):
                self._add(stream, *found)

    async def _open(
        self, stream: StreamRow, trace: KeyTrace, rows: Iterable[KeyRow]
    ) -> Difference | None:
        """Open every data key of a stream, if there is a keyring.

        That a spare one, which no event needs, does not open keeps nobody from reading: a warning.
        """
        for row in rows:
            if not self._keys.are_used or row.wrapped_key is None:
                continue
            version, which = trace.holding.get(row.key_id, 0), f"its data key {row.key_id!r}"
            try:
                await self._keys.wrapper.unwrap(stream.name, row)
            except EncryptedError as error:
                if row.key_id not in (*trace.holding, stream.key_id):
                    self._warn(stream, f"{which}, which no event needs, does not open: {error}")
                elif isinstance(error, WrongKeyError):
                    detail = f"{which} does not open under {row.kek_id!r}"
                    return version, Finding("edited", detail)
                elif isinstance(error, KeyRingError):
                    detail = f"{which} could not be opened: the keyring failed ({error.said})"
                    return version, Finding("unknown", detail)
                else:
                    detail = f"{which} is closed by {row.kek_id!r}, which the keyring does not have"
                    return version, Finding("unknown", detail)
        return None

    async def _has_moved_on(self, stream: StreamRow) -> bool:
        """Tell whether somebody wrote to the stream since its row was read."""
        return await self._store.streams.row(stream.stream_id) not in (stream, None)

    def _add(self, stream: StreamRow, version: int, finding: Finding) -> None:
        tenant = stream.tenant if self.names_tenants else None
        self.faults.append(Fault(stream.name, version, *finding, stream.branch, tenant=tenant))

    def _warn(self, stream: StreamRow, detail: str) -> None:
        tenant = stream.tenant if self.names_tenants else None
        self.warnings.append(VerifyWarning("keys", detail, stream.name, stream.branch, tenant))

    def _count(self, events: int) -> None:
        self.events += events
        if self._progress is not None and events:
            self._progress(self.events)


def _is_sound(stream: StreamRow, walk: Walk, events: Sequence[StoredEvent]) -> bool:
    if walk.follow(events) is not None:
        return False
    return walk.compare_head(stream) is None and walk.compare_row(stream) is None


def _is_well_named(stream: StreamRow) -> bool:
    return chain.stream_id(stream.tenant, stream.name, stream.branch) == stream.stream_id
