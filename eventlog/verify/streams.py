"""Verifying streams: small ones many at a time, large ones page by page."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from eventlog.errors import EncryptedError, KeyRingError, WrongKeyError
from eventlog.format import chain
from eventlog.format.opening import Opener
from eventlog.format.records import EventRow, StoredEvent, StreamRow
from eventlog.keys.data_keys import DataKeys
from eventlog.store.contract.keys import NO_KEY, KeyRow
from eventlog.store.contract.log import Store
from eventlog.verify import diagnosis
from eventlog.verify.diagnosis import Finding
from eventlog.verify.faults import Fault, OnProgress, VerifyWarning
from eventlog.verify.forks import ForkCheck
from eventlog.verify.keys import Difference, KeyTrace
from eventlog.verify.reading import EventReader
from eventlog.verify.structure import Structure
from eventlog.verify.suspects import Suspect, find_moved
from eventlog.verify.walk import Walk

MISNAMED: Final = "the stream carries another name, branch or tenant than it was created with"

Walked = tuple[StreamRow, Walk]
"""A stream without a fault so far, and what was seen along it."""


class StreamCheck:
    """Checks streams, and collects their faults."""

    def __init__(
        self,
        store: Store,
        keys: DataKeys,
        progress: OnProgress | None = None,
        *,
        opens: bool = False,
    ) -> None:
        self.events = 0
        self.erased = 0
        """How many of these have no content."""
        self.faults: list[Fault] = []
        self.warnings: list[VerifyWarning] = []
        self.names_tenants = False
        """Whether streams are of several tenants."""
        self._store = store
        self._keys = keys
        self._progress = progress
        self.reader = EventReader(store, keys, opens=opens)
        self._suspects: list[Suspect] = []
        self._structure = Structure(keys.plain.limit)
        self._forks = ForkCheck(store)

    async def check_together(
        self, streams: Sequence[StreamRow], of: Mapping[bytes, Sequence[EventRow]]
    ) -> None:
        """Check streams whose events were read together; those with faults again, one by one."""
        sound: list[Walked] = []
        openers = await self.reader.openers(streams, of)
        for stream in streams:
            mine, walk = of.get(stream.stream_id, []), Walk(self._structure)
            opener = openers.get(stream.stream_id)
            if mine and is_well_named(stream) and _is_sound(stream, walk, mine, opener):
                self.count(len(mine), walk.contents.gone)
                sound.append((stream, walk))
            else:
                await self.check(stream)
        await self.check_keys(sound)
        for stream, walk in sound:
            await self.check_fork(stream, walk)

    async def check(self, stream: StreamRow) -> None:
        """Check a stream up to the head of its row; what is appended meanwhile is not checked."""
        if not is_well_named(stream):
            self._add(stream, 0, Finding("moved", MISNAMED))
            return
        walk = Walk(self._structure)
        bad = await self._follow(stream, walk)
        if bad is None:
            await self._check_end(stream, walk)
        else:
            await self._tell(stream, walk, *bad)
        await self.check_fork(stream, walk)

    async def _follow(self, stream: StreamRow, walk: Walk) -> tuple[StoredEvent, Finding] | None:
        """Follow all pages of a stream, up to the first event that does not follow; return that."""
        async with self.reader.pages(stream) as pages:
            async for page in pages:
                before, gone = walk.sound.version, walk.contents.gone
                bad = walk.follow(page)
                openers = await self.reader.openers([stream], {stream.stream_id: page})
                walk.open(stream, page, openers.get(stream.stream_id))
                self.count(walk.sound.version - before, walk.contents.gone - gone)
                if bad is not None:
                    return bad
        return None

    async def check_forks(self) -> None:
        """Check what the forks that were found, and not checked yet, began with."""
        for stream, finding in await self._forks.check():
            told = self._fault(stream, 1, finding)
            where = _where(told)
            for at, fault in enumerate(self.faults):
                if _where(fault) == where and fault.version > 1:
                    self._suspects = [each for each in self._suspects if each.fault != at]
                    self.faults[at] = told
            if where not in map(_where, self.faults):
                self.faults.append(told)

    def find_moved(self) -> None:
        """Report as moved every event that fits where another stream lacks one."""
        find_moved(self._suspects, self.faults)

    async def _check_end(self, stream: StreamRow, walk: Walk) -> None:
        """Compare a stream, whose events follow each other, with all that refers to them."""
        if (difference := walk.compare_head(stream)) is not None:
            self._suspects.append(Suspect(len(self.faults), stream, walk.sound, None))
        else:
            difference = await self._compare(stream, walk)
        if difference is not None:
            self._add(stream, *difference)
        else:
            await self.check_keys([(stream, walk)])

    async def _compare(self, stream: StreamRow, walk: Walk) -> Difference | None:
        """Find what does not fit though the chain does: contents, row, events behind the head."""
        difference = walk.compare_events()
        if difference not in (None, walk.wrong) and await self._was_erased_meanwhile(stream):
            difference = walk.wrong
        difference = difference or walk.compare_row(stream) or await self._beyond(stream)
        return difference or walk.unchecked

    async def _tell(
        self, stream: StreamRow, walk: Walk, bad: StoredEvent, finding: Finding
    ) -> None:
        """Tell of an event that does not follow, unless one before it says what it cannot."""
        if walk.wrong is not None:
            self._add(stream, *walk.wrong)
            return
        sound = walk.sound
        if diagnosis.is_chain_broken(finding):
            self._suspects.append(Suspect(len(self.faults), stream, sound, bad))
            finding = diagnosis.diagnose(sound, await self.reader.window(bad))
        elif finding.problem == "missing":
            self._suspects.append(Suspect(len(self.faults), stream, sound, None))
        self._add(stream, min(bad.version, sound.version + 1), finding)

    async def _beyond(self, stream: StreamRow) -> Difference | None:
        """Find an event behind the head."""
        beyond = await self.reader.behind(stream)
        if not beyond or await self._has_moved_on(stream):
            return None
        return beyond[0].version, Finding("inserted", "the stream's head does not know it")

    async def check_fork(self, stream: StreamRow, walk: Walk) -> None:
        """Have it checked with others what a fork says that it began with."""
        if self._forks.add(stream._replace(parent=walk.parent), walk.kept):
            await self.check_forks()

    async def check_keys(self, walked: Sequence[Walked]) -> None:
        """Check the data keys of streams that have any."""
        sealed = [(stream, walk.keys) for stream, walk in walked if stream.key_id is not None]
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

    async def _was_erased_meanwhile(self, stream: StreamRow) -> bool:
        """Tell whether the stream was erased, or an event of it, since its row was read."""
        row = await self._store.streams.row(stream.stream_id)
        return row is not None and row.erased_version != stream.erased_version

    async def _has_moved_on(self, stream: StreamRow) -> bool:
        """Tell whether somebody wrote to the stream since its row was read."""
        return await self._store.streams.row(stream.stream_id) not in (stream, None)

    def _add(self, stream: StreamRow, version: int, finding: Finding) -> None:
        self.faults.append(self._fault(stream, version, finding))

    def _fault(self, stream: StreamRow, version: int, finding: Finding) -> Fault:
        tenant = stream.tenant if self.names_tenants else None
        return Fault(stream.name, version, *finding, stream.branch, tenant=tenant)

    def _warn(self, stream: StreamRow, detail: str) -> None:
        tenant = stream.tenant if self.names_tenants else None
        self.warnings.append(VerifyWarning("keys", detail, stream.name, stream.branch, tenant))

    def count(self, events: int, erased: int) -> None:
        """Count events that were checked."""
        self.events += events
        self.erased += erased
        if self._progress is not None and events:
            self._progress(self.events)


def _where(fault: Fault) -> tuple[str | None, str, str]:
    return fault.tenant, fault.stream, fault.branch


def _is_sound(
    stream: StreamRow, walk: Walk, events: Sequence[EventRow], opener: Opener | None
) -> bool:
    if walk.follow(events) is not None:
        return False
    walk.open(stream, events, opener)
    differences = walk.compare_head(stream), walk.compare_events(), walk.compare_row(stream)
    return differences == (None, None, None) and walk.unchecked is None


def is_well_named(stream: StreamRow) -> bool:
    """Tell whether its id is that of its tenant, name and branch."""
    return chain.stream_id(stream.tenant, stream.name, stream.branch) == stream.stream_id
