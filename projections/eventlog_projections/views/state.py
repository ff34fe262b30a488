"""The rows of a projection as folds leave them, and what of that has to be written."""

import itertools
import operator
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final, cast

from msgspec.structs import astuple

from eventlog.errors import UnfitRowError
from eventlog.views import Checkpoint, DeadLetter, Forgotten, Mark, Put, Removed, ViewSource
from eventlog_projections.views.letters import letter_of
from eventlog_projections.views.projection import OF_CONVERSATION, Gone, Projection, RowT, Written
from eventlog_projections.views.row import Row, Shape
from eventlog_projections.views.step import Step

MAX_ROWS: Final = 500_000
"""Maximum number of rows of a projection that a process holds."""

_Key = tuple[Any, ...]
_Op = tuple[_Key, tuple[Any, ...]] | Removed


class TableBuffer:
    """The rows of one table that folds have read or written, and what is not stored of them."""

    def __init__(self, kind: type[Row]) -> None:
        self.shape: Final = Shape(kind)
        self.is_read: Final = kind.is_read
        self.partition: Final = self.shape.partition
        self.by_partition: dict[Any, dict[_Key, Any]] = {}
        self.changed: dict[_Key, None] = {}
        """Keys of rows that are not stored as they are here; in order, each once."""
        self.deleted: set[Any] = set()
        self.ops: list[_Op] = []
        self.size = 0

    def delete(self, partitions: Collection[Any]) -> list[Row]:
        """Delete the rows of partitions; return those that were read."""
        self.deleted |= set(partitions)
        gone = [row for key in partitions for row in self.by_partition.get(key, {}).values()]
        if self.is_read:
            self.size -= len(gone)
            self.by_partition |= {key: {} for key in partitions}
        self.changed = {key: None for key in self.changed if key[0] not in partitions}
        self.ops = [op for op in self.ops if _partition(op) not in partitions]
        return gone

    def take(self, generation: int) -> list[Put | Mark | Forgotten]:
        """Return what was written since, in the order in which it has to be stored."""
        spec, dump = self.shape.spec, self.shape.dump
        writes: list[Put | Mark | Forgotten] = []
        if self.deleted:
            writes.append(Forgotten(spec, generation, [(key,) for key in self.deleted]))
        rows = [self.by_partition[key[0]].get(key[1:]) for key in self.changed]
        if gone := [key for key, row in zip(self.changed, rows, strict=True) if row is None]:
            writes.append(Forgotten(spec, generation, gone))
        if there := [dump(astuple(row)) for row in rows if row is not None]:
            writes.append(Put(spec, generation, there))
        for kind, ops in itertools.groupby(self.ops, type):
            if kind is Removed:
                writes.append(Mark(spec, generation, cast("list[Removed]", list(ops))))
            else:
                last = dict(cast("Iterable[tuple[_Key, tuple[Any, ...]]]", ops))
                writes.append(Put(spec, generation, [dump(row) for row in last.values()]))
        self.changed, self.ops, self.deleted = {}, [], set()
        return writes

    def put(self, row: Row, partition: Any) -> "_Undo":
        """Put a row of a partition in its place. Raises UnfitRowError, and has done nothing."""
        shape = self.shape
        values = shape.columns(row)
        key = shape.key_of(values)
        if not self.is_read:
            shape.check_indexed(values)
            return self.add((key, values))
        if key[0] != partition:
            raise self._belongs_elsewhere
        rows, own = self.by_partition[partition], key[1:]
        before: Row | None = rows.get(own)
        if before is None or shape.kind.indexes:  # Else it has a key that was looked at before.
            shape.check_indexed(values)
            self.size += before is None
        rows[own] = row
        self.changed[key] = None
        return self, key, before

    def remove(self, key: _Key, partition: Any) -> "_Undo":
        """Remove a row of a partition. Raises UnfitRowError, and has done nothing."""
        if key[0] != partition:
            raise self._belongs_elsewhere
        before: Row | None = self.by_partition[partition].pop(key[1:], None)
        self.size -= before is not None
        self.changed[key] = None
        return self, key, before

    def add(self, op: _Op) -> "_Undo":
        """Note what is stored without being read."""
        self.ops.append(op)
        return self, None, None

    def undo(self, key: _Key | None, before: Row | None) -> None:
        """Take back the last of these."""
        if key is None:
            self.ops.pop()
            return
        rows, own = self.by_partition[key[0]], key[1:]
        self.size += (before is not None) - (own in rows)
        if before is None:
            rows.pop(own, None)
        else:
            rows[own] = before

    @property
    def _belongs_elsewhere(self) -> UnfitRowError:
        return UnfitRowError(f"A row of {self.shape.kind.__name__} belongs to another step.")


_Undo = tuple[TableBuffer, _Key | None, Row | None]
"""Something that a step has done, with the row that was there; without a key, one of `ops`."""


class Wanted:
    """First columns of keys that steps have, found once for the tables of all projections."""

    def __init__(self, steps: Iterable[Step]) -> None:
        self._steps: Final = steps
        self._found: dict[str, set[Any]] = {}

    def of(self, partition: str) -> Collection[Any]:
        """Return every value that the steps have in this attribute."""
        if partition not in self._found:
            self._found[partition] = set(map(operator.attrgetter(partition), self._steps))
        return self._found[partition]


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
        self._begin()

    def get(self, kind: type[RowT], *key: Any) -> RowT | None:
        """Return a row of the step."""
        table = self._tables[kind]
        row: RowT | None = table.by_partition[getattr(self._step, table.partition)].get(key)
        return row

    def all(self, kind: type[RowT]) -> Iterable[RowT]:
        """Return every row of the step."""
        table = self._tables[kind]
        return list(table.by_partition[getattr(self._step, table.partition)].values())

    def reset(self) -> None:
        """Evict every row: the database may have others."""
        self._begin()

    def _begin(self) -> None:
        self._tables = {kind: TableBuffer(kind) for kind in self.projection.tables}
        self._read = [table for table in self._tables.values() if table.is_read]

    @property
    def is_full(self) -> bool:
        """Whether it holds more than MAX_ROWS rows, and has to be reset."""
        return sum(table.size for table in self._tables.values()) > MAX_ROWS

    async def load(self, source: ViewSource, wanted: "Wanted") -> None:
        """Read the rows that steps may ask for."""
        for table in self._read:
            every = wanted.of(table.partition)
            absent = [partition for partition in every if partition not in table.by_partition]
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
        if step.failure is not None:
            raise step.failure
        self._step = step
        self._all_or_none(self.projection.fold(step, self))

    def _all_or_none(self, writes: Iterable[Written]) -> None:
        undo: list[_Undo] = []
        try:
            for written in writes:
                if isinstance(written, Row):
                    table = self._tables[type(written)]
                    undo.append(table.put(written, getattr(self._step, table.partition)))
                else:
                    undo.append(self._change(written))
        except BaseException:
            for table, key, before in reversed(undo):
                table.undo(key, before)
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
        own = [table for table in self._tables.values() if table.partition in partitions]
        old = [row for table in own for row in table.delete(partitions[table.partition])]
        self._step = replay[-1]
        withdraw = self.projection.withdraw
        self._all_or_none(() if withdraw is None else withdraw(old, self))

    def take(self) -> list[Put | Mark | Forgotten]:
        """Return what was written since, for one transaction."""
        return [write for table in self._tables.values() for write in table.take(self.generation)]

    def dead_letter(self, step: Step, error: Exception) -> DeadLetter:
        """Say that a step could not be taken, and why."""
        return letter_of(self.projection.name, self.generation, step, error)

    def _change(self, written: Gone | tuple[type[Row], Removed]) -> _Undo:
        if isinstance(written, Gone):
            table = self._tables[written.kind]
            return table.remove(written.key, getattr(self._step, table.partition))
        kind, removed = written
        return self._tables[kind].add(removed)


def _partition(op: _Op) -> Any:
    return op.stream_id if isinstance(op, Removed) else op[0][0]
