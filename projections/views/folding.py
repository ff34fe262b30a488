"""Folding steps into rows, and what of that has to be written."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any, Final, cast

from eventlog import EventLogError, InvalidInputError
from eventlog.views import Aside, Mark, Put, Removed, ViewSource
from projections.views.projection import Projection, RowT, Written
from projections.views.row import Row, Shape
from projections.views.step import Step

MAX_ROWS: Final = 500_000
"""How many rows a process remembers of a view."""

_Key = tuple[Any, ...]


class Kept:
    """The rows of one table that folds have read or written; `Rows` of one table."""

    def __init__(self, kind: type[Row]) -> None:
        self.shape: Final = Shape(kind)
        self.by_partition: dict[Any, dict[_Key, Row]] = {}
        self.written: dict[_Key, tuple[Any, ...]] = {}
        self.ops: list[tuple[_Key, tuple[Any, ...]] | Removed] = []
        self.size = 0


class Folding:
    """The rows of one generation of a projection, as of the last step."""

    def __init__(self, projection: Projection, generation: int) -> None:
        self.projection: Final = projection
        self.generation: Final = generation
        self._step: Step | None = None
        self._undo: list[tuple[Kept, _Key, Row | None, tuple[Any, ...] | None]] = []
        self._begin()

    def get(self, kind: type[RowT], *key: Any) -> RowT | None:
        """Return a row of the step."""
        return cast("RowT | None", self._rows(kind).get(key))

    def all(self, kind: type[RowT]) -> Iterable[RowT]:
        """Return every row of the step."""
        return cast("list[RowT]", list(self._rows(kind).values()))

    def forget(self) -> None:
        """Forget every row: somebody else has written, or nobody knows."""
        self._begin()

    def _begin(self) -> None:
        self._kept = {kind: Kept(kind) for kind in self.projection.tables}
        self._read = [(kind, kept) for kind, kept in self._kept.items() if kind.is_read]
        self._written = [kept for kind, kept in self._kept.items() if not kind.is_read]
        self._now: dict[type[Row], dict[_Key, Row]] = {}

    def _rows(self, kind: type[Row]) -> dict[_Key, Row]:
        """Return the rows of the step, of one table."""
        rows = self._now.get(kind)
        if rows is None:
            kept = self._kept[kind]
            rows = kept.by_partition[getattr(self._step, kept.shape.partition)]
            self._now[kind] = rows
        return rows

    async def load(self, source: ViewSource, steps: Sequence[Step]) -> None:
        """Read the rows that the steps may ask for."""
        if sum(kept.size for kept in self._kept.values()) > MAX_ROWS:
            self.forget()
        for _, kept in self._read:
            wanted = {getattr(step, kept.shape.partition) for step in steps}
            absent = [partition for partition in wanted if partition not in kept.by_partition]
            if not absent:
                continue
            for partition in absent:
                kept.by_partition[partition] = {}
            for stored in await source.held(kept.shape.spec, self.generation, absent, None):
                partition, *rest = kept.shape.key_of(stored)
                kept.by_partition[partition][tuple(rest)] = kept.shape.load(stored)
                kept.size += 1

    def fold(self, step: Step) -> None:
        """Take a step, or none of it if the fold raises anything."""
        self._step = step
        self._now.clear()
        self._undo.clear()
        marks = [(kept, len(kept.ops)) for kept in self._written]
        try:
            if step.failure is not None:
                raise step.failure
            for written in self.projection.fold(step, self):
                self._write(written)
        except BaseException:
            self._take_back(marks)
            raise

    def take(self) -> list[Put | Mark]:
        """Return what was written since, for one transaction."""
        writes: list[Put | Mark] = []
        for kept in self._kept.values():
            spec, dump = kept.shape.spec, kept.shape.dump
            if kept.written:
                writes.append(
                    Put(spec, self.generation, [dump(row) for row in kept.written.values()])
                )
                kept.written = {}
            for is_mark, ops in itertools.groupby(kept.ops, lambda op: isinstance(op, Removed)):
                if is_mark:
                    writes.append(Mark(spec, self.generation, cast("list[Removed]", list(ops))))
                else:
                    rows = dict(cast("Iterable[tuple[_Key, tuple[Any, ...]]]", ops))
                    writes.append(Put(spec, self.generation, [dump(row) for row in rows.values()]))
            kept.ops = []
        return writes

    def aside(self, step: Step, error: Exception) -> Aside:
        """Say that a step could not be taken; never with the content of an item."""
        where = (self.projection.name, self.generation, step.position)
        ours = isinstance(error, EventLogError)
        what = f"{type(error).__name__}: {error}" if ours else type(error).__name__
        return Aside(*where, step.stream_id, step.version, what)

    def _write(self, written: Written) -> None:
        if isinstance(written, tuple):
            kind, removed = written
            self._kept[kind].ops.append(removed)
            return
        kept = self._kept[type(written)]
        values = kept.shape.check(written)
        key = kept.shape.key_of(values)
        if kept.shape.kind.is_read:
            self._put(kept, key, written, values)
        else:
            kept.ops.append((key, values))

    def _put(self, kept: Kept, key: _Key, row: Row, values: tuple[Any, ...]) -> None:
        rows = self._rows(type(row))
        partition, rest = key[0], key[1:]
        if partition != getattr(self._step, kept.shape.partition):
            raise InvalidInputError(f"a row of {kept.shape.kind.__name__} belongs to another step")
        before = rows.get(rest)
        self._undo.append((kept, key, before, kept.written.get(key)))
        kept.size += before is None
        rows[rest] = row
        kept.written[key] = values

    def _take_back(self, marks: Sequence[tuple[Kept, int]]) -> None:
        for kept, size in marks:
            del kept.ops[size:]
        for kept, key, row, stored in reversed(self._undo):
            rows = kept.by_partition[key[0]]
            if row is None:
                rows.pop(key[1:], None)
                kept.size -= 1
            else:
                rows[key[1:]] = row
            if stored is None:
                kept.written.pop(key, None)
            else:
                kept.written[key] = stored
