"""The rows of a projection as folds leave them, and what of that has to be written."""

import itertools
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final, cast

from eventlog.errors import UnfitRowError
from eventlog.views import Checkpoint, DeadLetter, Forgotten, Mark, Put, Removed, ViewSource
from eventlog_projections.views.letters import letter_of
from eventlog_projections.views.projection import OF_CONVERSATION, Gone, Projection, RowT, Written
from eventlog_projections.views.row import Row, Shape
from eventlog_projections.views.step import Step

MAX_ROWS: Final = 500_000
"""Maximum number of rows of a projection that a process holds."""

_Key = tuple[Any, ...]
_Values = tuple[Any, ...]

_UNWRITTEN: Final[_Values] = ("unwritten",)


class TableBuffer:
    """The rows of one table that folds have read or written, and what is not stored of them."""

    def __init__(self, kind: type[Row]) -> None:
        self.shape: Final = Shape(kind)
        self.by_partition: dict[Any, dict[_Key, Row]] = {}
        self.written: dict[_Key, tuple[Any, ...] | None] = {}
        self.deleted: set[Any] = set()
        self.ops: list[tuple[_Key, tuple[Any, ...]] | Removed] = []
        self.size = 0

    def delete(self, partitions: Collection[Any]) -> list[Row]:
        """Delete the rows of partitions; return those that were read."""
        self.deleted |= set(partitions)
        gone = [row for key in partitions for row in self.by_partition.get(key, {}).values()]
        if self.shape.kind.is_read:
            self.size -= len(gone)
            self.by_partition |= {key: {} for key in partitions}
        self.written = {k: row for k, row in self.written.items() if k[0] not in partitions}
        self.ops = [op for op in self.ops if _partition(op) not in partitions]
        return gone

    def take(self, generation: int) -> list[Put | Mark | Forgotten]:
        """Return what was written since, in the order in which it has to be stored."""
        spec, dump = self.shape.spec, self.shape.dump
        writes: list[Put | Mark | Forgotten] = []
        if self.deleted:
            writes.append(Forgotten(spec, generation, [(key,) for key in self.deleted]))
        if gone := [key for key, row in self.written.items() if row is None]:
            writes.append(Forgotten(spec, generation, gone))
        if rows := [dump(row) for row in self.written.values() if row is not None]:
            writes.append(Put(spec, generation, rows))
        for is_mark, ops in itertools.groupby(self.ops, lambda op: isinstance(op, Removed)):
            if is_mark:
                writes.append(Mark(spec, generation, cast("list[Removed]", list(ops))))
            else:
                last = dict(cast("Iterable[tuple[_Key, tuple[Any, ...]]]", ops))
                writes.append(Put(spec, generation, [dump(row) for row in last.values()]))
        self.written, self.ops, self.deleted = {}, [], set()
        return writes


class ProjectionState:
    """The rows of one generation of a projection, as of the last step.

    `position` is where the last batch that was folded ends.
    """

    def __init__(self, projection: Projection, point: Checkpoint) -> None:
        self.projection: Final = projection
        self.generation: Final = point.generation
        self.position = point.position
        self.epoch: Final = point.epoch
        self._step: Step | None = None
        self._undo: list[tuple[TableBuffer, _Key, Row | None, _Values | None]] = []
        self._begin()

    def get(self, kind: type[RowT], *key: Any) -> RowT | None:
        """Return a row of the step."""
        return cast("RowT | None", self._rows(kind).get(key))

    def all(self, kind: type[RowT]) -> Iterable[RowT]:
        """Return every row of the step."""
        return cast("list[RowT]", list(self._rows(kind).values()))

    def reset(self) -> None:
        """Evict every row: the database may have others."""
        self._begin()

    def _begin(self) -> None:
        self._tables = {kind: TableBuffer(kind) for kind in self.projection.tables}
        self._read = [(kind, table) for kind, table in self._tables.items() if kind.is_read]
        self._written = [table for kind, table in self._tables.items() if not kind.is_read]
        self._now: dict[type[Row], dict[_Key, Row]] = {}

    def _rows(self, kind: type[Row]) -> dict[_Key, Row]:
        """Return the rows of the step, of one table."""
        rows = self._now.get(kind)
        if rows is None:
            table = self._tables[kind]
            rows = table.by_partition[getattr(self._step, table.shape.partition)]
            self._now[kind] = rows
        return rows

    @property
    def is_full(self) -> bool:
        """Whether it holds more than MAX_ROWS rows, and has to be reset."""
        return sum(table.size for table in self._tables.values()) > MAX_ROWS

    async def load(self, source: ViewSource, steps: Sequence[Step]) -> None:
        """Read the rows that the steps may ask for."""
        for _, table in self._read:
            wanted = {getattr(step, table.shape.partition) for step in steps}
            absent = [partition for partition in wanted if partition not in table.by_partition]
            if not absent:
                continue
            for partition in absent:
                table.by_partition[partition] = {}
            for stored in await source.held(table.shape.spec, self.generation, absent, None):
                partition, *rest = table.shape.key_of(stored)
                table.by_partition[partition][tuple(rest)] = table.shape.load(stored)
                table.size += 1

    def fold(self, step: Step) -> None:
        """Take a step, or none of it if the fold raises anything."""
        self._begin_step(step)
        if step.failure is not None:
            raise step.failure
        self._all_or_none(self.projection.fold(step, self))

    def _all_or_none(self, writes: Iterable[Written]) -> None:
        marks = [(table, len(table.ops)) for table in self._written]
        try:
            for written in writes:
                self._write(written)
        except BaseException:
            self._take_back(marks)
            raise

    @property
    def key(self) -> tuple[str, int]:
        """The projection's name, and which generation of it this is."""
        return self.projection.name, self.generation

    def restart(self, replay: Sequence[Step]) -> None:
        """Delete the rows of a conversation, so that its steps can be folded anew.

        Raises whatever `withdraw` raises: then the rows are gone, and what it wrote is not kept.
        """
        partitions: dict[str, set[Any]] = {
            name: {getattr(step, name) for step in replay} for name in OF_CONVERSATION
        }
        own = [table for table in self._tables.values() if table.shape.partition in partitions]
        old = [row for table in own for row in table.delete(partitions[table.shape.partition])]
        self._begin_step(replay[-1])
        withdraw = self.projection.withdraw
        self._all_or_none(() if withdraw is None else withdraw(old, self))

    def take(self) -> list[Put | Mark | Forgotten]:
        """Return what was written since, for one transaction."""
        return [write for table in self._tables.values() for write in table.take(self.generation)]

    def dead_letter(self, step: Step, error: Exception) -> DeadLetter:
        """Say that a step could not be taken, and why."""
        return letter_of(self.projection.name, self.generation, step, error)

    def _begin_step(self, step: Step) -> None:
        self._step = step
        self._now.clear()
        self._undo.clear()

    def _write(self, written: Written) -> None:
        if isinstance(written, Gone):
            self._put(self._tables[written.kind], written.key, None, None)
        elif isinstance(written, Row):
            table = self._tables[type(written)]
            values = table.shape.check(written)
            key = table.shape.key_of(values)
            if table.shape.kind.is_read:
                self._put(table, key, written, values)
            else:
                table.ops.append((key, values))
        else:
            kind, removed = written
            self._tables[kind].ops.append(removed)

    def _put(
        self, table: TableBuffer, key: _Key, row: Row | None, values: tuple[Any, ...] | None
    ) -> None:
        if key[0] != getattr(self._step, table.shape.partition):
            raise UnfitRowError(f"A row of {table.shape.kind.__name__} belongs to another step.")
        before = _set(table, key, row)
        self._undo.append((table, key, before, table.written.get(key, _UNWRITTEN)))
        table.written[key] = values

    def _take_back(self, marks: Sequence[tuple[TableBuffer, int]]) -> None:
        for table, size in marks:
            del table.ops[size:]
        for table, key, row, values in reversed(self._undo):
            _set(table, key, row)
            if values is _UNWRITTEN:
                table.written.pop(key, None)
            else:
                table.written[key] = values


def _set(table: TableBuffer, key: _Key, row: Row | None) -> Row | None:
    """Put a row in its place, or nothing; return what was there."""
    rows, own = table.by_partition[key[0]], key[1:]
    before = rows.get(own)
    if row is None:
        rows.pop(own, None)
    else:
        rows[own] = row
    table.size += (row is not None) - (before is not None)
    return before


def _partition(op: tuple[_Key, tuple[Any, ...]] | Removed) -> Any:
    return op.stream_id if isinstance(op, Removed) else op[0][0]
