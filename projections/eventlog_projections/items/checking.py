"""Holding stored snapshots against the events that they are of.

Rule: a list is folded from its events alone, and compared item by item, as bytes, with what the
snapshot refers to. What readers would not use anyway is told as well: somebody wrote it.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from eventlog import EventLog, Fault
from eventlog.errors import CorruptEventError, EncryptedError, SchemaTooNewError
from eventlog.format.codec import encode_json
from eventlog.format.names import MAIN
from eventlog.snapshots import EVERYTHING, FoldInput, Sources
from eventlog_projections.items.blocks import Block
from eventlog_projections.items.fold import fold_all
from eventlog_projections.items.holders import INHERITED, EventItems, SegmentItems
from eventlog_projections.items.segments import SCHEMA, UnreadableError
from eventlog_projections.items.state import holder_of

_REFUSED: Final = "a snapshot is stored that is not of these events; no reader uses it"
_OTHER: Final = "the stored snapshot has another list than the events: make snapshots anew"

_Raw = bytes | tuple[int, int]
"""An item as JSON; where there is none to see, where it is: a version and an index."""


class SnapshotsChecked(NamedTuple):
    """How many snapshots there were, and what is wrong with them, at most one of each branch."""

    snapshots: int
    faults: tuple[Fault, ...]


async def check_snapshots(log: EventLog, name: str | None = None) -> SnapshotsChecked:
    """Compare the snapshots of a conversation with its branches, or of all, with their events.

    Safe while others read and write. The events themselves are for `EventLog.verify`. A branch
    whose events cannot be read is told as "unknown". Raises StoreError.
    """
    if name is None:
        streams = [(row.name, row.branch) async for row in log.streams(branches=True)]
    else:
        streams = [(name, MAIN), *[(name, row.branch) async for row in log.branches(name)]]
    snapshots, faults = 0, list[Fault]()
    for each, branch in streams:
        check = _Check(log, each, branch)
        faults += await check.run()
        snapshots += check.snapshots
    return SnapshotsChecked(snapshots, tuple(faults))


class _Check:
    """Compares the snapshots of one stream."""

    def __init__(self, log: EventLog, name: str, branch: str) -> None:
        self.snapshots = 0
        self._name = name
        self._branch = branch
        self._stored = log.spi.snapshots(name, SCHEMA, branch=branch)
        self._limit = log.spi.max_inflated_bytes
        self._entries: list[FoldInput] = []
        self._raws: dict[int, list[_Raw]] = {}

    async def run(self) -> list[Fault]:
        for version in await self._stored.versions():
            self.snapshots += 1
            try:
                wrong = await self._compare(version)
                if wrong is not None:
                    # It may have been replaced, or its events erased, meanwhile.
                    self._entries, self._raws = [], {}
                    wrong = await self._compare(version)
            except (CorruptEventError, EncryptedError, SchemaTooNewError) as error:
                detail = f"the stored snapshot could not be compared: {error}"
                return [Fault(self._name, version, "unknown", detail, self._branch)]
            if wrong is not None and version in await self._stored.versions():
                return [Fault(self._name, version, "edited", wrong, self._branch)]
        return []

    async def _compare(self, version: int) -> str | None:
        """Return what is wrong with the snapshot of a version; None if nothing is."""
        loaded = await self._stored.load(version, EVERYTHING)
        snapshot = loaded.snapshot
        if snapshot is None or snapshot.version != version:
            return _REFUSED
        found = Sources(loaded.segments, loaded.entries)
        await self._read_up_to(version)
        expected = fold_all(self._name, self._entries[:version])
        try:
            blocks = [
                Block(holder_of(self._name, source, found), start, stop)
                for source, start, stop in snapshot.pieces
            ]
            is_same = self._flat(blocks) == self._flat(expected)
        except UnreadableError:
            return _REFUSED
        return None if is_same else _OTHER

    async def _read_up_to(self, version: int) -> None:
        while len(self._entries) < version:
            page = await self._stored.tail(len(self._entries), version)
            new = [entry for entry in page if entry.version > len(self._entries)]
            for entry in new:
                if entry.version != len(self._entries) + 1:
                    raise CorruptEventError(self._name, entry.version, "it follows no other")
                self._entries.append(entry)
            if not new:
                missing = len(self._entries) + 1
                raise CorruptEventError(self._name, missing, "it is missing from the log")

    def _flat(self, blocks: Sequence[Block]) -> list[_Raw]:
        """Return every item of a list; of what a fork began with, how many there are."""
        items: list[_Raw] = []
        for block in blocks:
            if block.holder.source == INHERITED:
                items.append((INHERITED, block.stop - block.start))
                continue
            raws = self._raws_of(block)
            if not 0 <= block.start < block.stop <= len(raws):
                raise UnreadableError
            items += raws[block.start : block.stop]
        return items

    def _raws_of(self, block: Block) -> list[_Raw]:
        holder = block.holder
        known = self._raws.get(holder.source)
        if known is not None:
            return known
        raws: list[_Raw]
        if isinstance(holder, SegmentItems):
            raws = [*holder.raw_items()]
        elif not isinstance(holder, EventItems):
            raise UnreadableError
        elif holder.entry.body is None:
            raws = [(holder.entry.version, index) for index in range(holder.items)]
        else:
            found = holder.raw_items(self._limit)
            raws = [*(found or map(encode_json, holder.decode(self._limit)))]
        self._raws[holder.source] = raws
        return raws
