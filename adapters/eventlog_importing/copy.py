"""The copy of one conversation into the log: it resumes where the last import ended.

Each chunk is one append that ends in a `ConversationImported`. That says how many rows of the
source the log has, and their digest; so an import that was interrupted goes on where it was, and
one that finds other rows, or what others have appended, stops before anything is mixed.
"""

import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

from eventlog import (
    ConflictError,
    Context,
    ErasedError,
    EventLog,
    ItemsAdded,
    NewEvent,
    RecordedEvent,
)
from eventlog.errors import InvalidItemError, ItemTooLargeError
from eventlog.events import ConversationImported, RowPreserved, UsageRecorded
from eventlog_importing.forking import RefusedError, forked
from eventlog_importing.items import Run, checked, runs
from eventlog_importing.report import Preserved
from eventlog_importing.rows import Chunk, Origin, Row, TurnRow
from eventlog_importing.turns import Imported, unrecorded

_BOTH_WENT_ON: Final = (
    "both have gone on since it was imported: the source has new rows, and the log has events of"
    " its own behind what was imported"
)

_OTHER_ROWS: Final = (
    "the rows that were imported before are not its first rows any more: it was changed in the"
    " source since, or it is another conversation of the same name"
)


class _Done(NamedTuple):
    """How many rows of the source the log holds, their digest, and the version of the last."""

    rows: int = 0
    digest: str = hashlib.sha256().hexdigest()
    version: int = 0
    open: bool = True
    """Whether nothing was appended behind it."""


class Copy:
    """Copies the chunks of one conversation, in order, and counts what it did."""

    def __init__(self, log: EventLog, origin: Origin, layout: str, actor: str) -> None:
        self.name: Final = origin.title
        self._log: Final = log
        self._origin: Final = origin
        self._layout: Final = layout
        self._actor: Final = actor
        self._done = _Done()
        self._rows = 0
        self._digest = hashlib.sha256()
        self._turns: Sequence[TurnRow] = ()
        self.appended = False
        self.items = 0
        self.preserved: Final[list[Preserved]] = []

    async def add(self, chunk: Chunk) -> None:
        """Copy what the log does not have yet. Raises RefusedError or what an append raises."""
        if chunk.refused is not None:
            raise RefusedError(chunk.refused)
        rows, self._turns = chunk.rows, chunk.turns
        while True:
            digest, start = self._digest.copy(), self._rows
            rest = self._behind_what_is_there(rows)
            if not rest and self._done.version > 0:
                return
            try:
                await self._append(rest)
            except ConflictError:
                self._digest, self._rows = digest, start
                self._done = await self._look()
            else:
                return

    async def finish(self) -> None:
        """Say that no rows follow, and copy what turns used. Raises as `add` does."""
        if self._rows < self._done.rows:
            raise RefusedError(_OTHER_ROWS)
        while self._turns:
            try:
                await self._append_turns()
                break
            except ConflictError:
                self._done = await self._look()

    def _behind_what_is_there(self, rows: Sequence[Row]) -> Sequence[Row]:
        known = max(0, self._done.rows - self._rows)
        self._take(rows[:known])
        if self._rows == self._done.rows and self._digest.hexdigest() != self._done.digest:
            raise RefusedError(_OTHER_ROWS)
        if rows[known:] and not self._done.open:
            raise RefusedError(_BOTH_WENT_ON)
        return rows[known:]

    def _take(self, rows: Sequence[Row]) -> None:
        self._digest.update(b"".join([b"%d:%b" % (len(row.raw), row.raw) for row in rows]))
        self._rows += len(rows)

    async def _append(self, rows: Sequence[Row]) -> None:
        first = self._rows
        self._take(rows)
        found = runs(rows)
        try:
            version = await self._send(self._events(found))
        except (InvalidItemError, ItemTooLargeError):
            found = checked(rows, self._log.spi.max_item_bytes)
            version = await self._send(self._events(found))
        self._done = _Done(self._rows, self._digest.hexdigest(), version)
        self.appended = True
        for run in found:
            self.items += len(run.items)
            if run.problem is not None:
                self.preserved.append(Preserved(self.name, first, run.problem))
            first += len(run.rows)

    async def _append_turns(self) -> None:
        turns = list(unrecorded(self._turns, await self._imported(), self._actor))
        if not turns:
            return
        if not self._done.open:
            raise RefusedError(_BOTH_WENT_ON)
        version = await self._send([event for _, events in turns for event in events])
        self._done = self._done._replace(version=version)
        self.appended = True
        self.preserved.extend(
            Preserved(self.name, self._rows + index, f"what a turn used: {turn.problem}")
            for index, (turn, _) in enumerate(turns)
            if turn.problem is not None
        )

    async def _imported(self) -> Imported:
        name, branch = self._origin.name, self._origin.branch
        return Imported.of(
            [
                event
                for kind in (UsageRecorded.kind, RowPreserved.kind)
                async for event in self._log.read(name, kind=kind, branch=branch)
            ]
        )

    async def _send(self, events: Sequence[NewEvent]) -> int:
        """Append events and the marker of how far the copy is then; return the new version."""
        origin = self._origin
        marker = ConversationImported(
            self._layout,
            self._rows,
            self._digest.hexdigest(),
            origin.created_at,
            origin.updated_at,
        )
        by = Context(actor=self._actor)
        begin: list[NewEvent] = []
        version = self._done.version
        if version == 0 and origin.fork is not None:
            begin.append(NewEvent(await forked(self._log, origin, origin.fork), by))
        appended = await self._log.append(
            origin.name,
            [*begin, *events, NewEvent(marker, by)],
            expected_version=version,
            branch=origin.branch,
        )
        return appended.last

    def _events(self, found: Sequence[Run]) -> list[NewEvent]:
        return [
            NewEvent(
                ItemsAdded(run.items)
                if run.problem is None
                else RowPreserved.of(run.rows[0].raw, run.problem),
                self._context(run.rows),
            )
            for run in found
        ]

    def _context(self, rows: Sequence[Row]) -> Context:
        times = [row.at for row in rows]
        known = times.count(None) < len(times)
        return Context(actor=self._actor, source_time=times if known else None)

    async def _look(self) -> _Done:
        name, branch = self._origin.name, self._origin.branch
        head = await self._log.version(name, branch=branch)
        for after in (head - 1, 0):
            marker: RecordedEvent | None = None
            async for event in self._log.read(name, after=after, until=head, branch=branch):
                if event.kind == ConversationImported.kind:
                    marker = event
            if marker is not None:
                return _done(marker, head)
        raise RefusedError(
            "the log has a conversation of this name already, with events of its own"
        )


def _done(marker: RecordedEvent, head: int) -> _Done:
    try:
        imported = marker.event
    except ErasedError as error:
        raise RefusedError("it was imported before, and erased") from error
    if not isinstance(imported, ConversationImported):
        raise RefusedError("a later release of this library has imported it")
    return _Done(imported.rows, imported.digest, marker.version, marker.version == head)
