"""Generations of the tables of views: made, filled, served, compared, dropped.

Each method is part of one transaction. Nothing is kept if it raises or returns False.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from eventlog.store.contract.views import Checkpoint, Compared, TableSpec
from eventlog.store.nouns.work import Ask, Work, ask
from eventlog.store.sql.statement import Statement
from eventlog.store.sql.view_rows import ViewStatements
from eventlog.store.sql.view_text import table_name

Guard: TypeAlias = Callable[[str, Sequence[str] | None], Work[None]]
"""Lets the roles of a log read what was made: `Views.guard`."""


class Generations:
    """Work on the generations of projections, each a set of tables with a checkpoint."""

    def __init__(self, sql: ViewStatements, guard: Guard) -> None:
        self._sql = sql
        self._guard = guard

    def begin(
        self, projection: str, schema: int, tables: Sequence[TableSpec], *, beside: bool
    ) -> Work[int]:
        """Make a generation, `beside` or where there is none of the schema; return its number.

        What another one was filling beside is thrown away: it may have died.
        """
        yield from self._lock()
        there = yield from self._of(projection)
        for point in there:
            if point.schema != schema:
                continue
            if not beside:
                return point.generation
            if not point.is_serving:
                yield from self._drop(projection, point.generation, tables)
        is_first = not any(point.is_serving for point in there)
        generation = max((point.generation for point in there), default=0) + 1
        for table in tables:
            yield from _all(self._sql.create(table, generation))
            columns = [column.name for column in table.columns]
            yield from self._guard(table_name(table, generation), columns)
        point = Checkpoint(projection, generation, schema, 0, 0, 0, is_first)
        values = {**point._asdict(), "is_serving": int(is_first)}
        yield ask(self._sql.add_checkpoint, **values)
        if is_first:
            yield from self._show_all(tables, generation)
        return generation

    def take_over(self, new: Checkpoint, tables: Sequence[TableSpec]) -> Work[bool]:
        """Serve a generation in place of the one before it, unless it is behind that one."""
        yield from self._lock()
        there = yield from self._of(new.projection)
        now = [point for point in there if point.generation == new.generation]
        if not now or now[0].is_serving:
            return True  # Another one was first.
        before = [point for point in there if point.is_serving]
        if any(point.position > now[0].position for point in before):
            return False
        yield _of_generation(self._sql.serve, new.projection, new.generation)
        yield from self._show_all(tables, new.generation)
        for point in before:
            yield from self._drop(new.projection, point.generation, tables)
        return True

    def drop(self, projection: str, generation: int, tables: Sequence[TableSpec]) -> Work[None]:
        """Delete a generation, and what SQL clients see if it is the one that is read."""
        yield from self._lock()
        there = yield from self._of(projection)
        if any(point.is_serving for point in there if point.generation == generation):
            for table in tables:
                if (yield from self._is_free(table)):
                    yield ask(self._sql.hide(table))
        yield from self._drop(projection, generation, tables)

    def compare(
        self, table: TableSpec, first: Checkpoint, second: Checkpoint, limit: int
    ) -> Work[Compared | None]:
        """Compare two generations; None where they are not at one position."""
        points = yield ask(self._sql.checkpoints)
        wanted = (first.generation, second.generation)
        found = [Checkpoint.load(row) for row in points if row[0] == first.projection]
        positions = [point.position for point in found if point.generation in wanted]
        if len(positions) != len(wanted) or positions[0] != positions[1]:
            return None
        only_first = yield ask(self._sql.only_in(table, *wanted), limit=limit)
        only_second = yield ask(self._sql.only_in(table, *wanted[::-1]), limit=limit)
        return Compared(only_first, only_second)

    def show(self, table: TableSpec, generation: int, *, shown: bool) -> Work[None]:
        """Make or delete the readable view of a table; what else has its name is left alone."""
        yield from self._lock()
        if (yield from self._is_free(table)):
            yield ask(self._sql.hide(table))
            if shown:
                yield from self._show(table, generation)

    def _show_all(self, tables: Sequence[TableSpec], generation: int) -> Work[None]:
        for table in tables:
            if not (yield from self._is_free(table)):
                continue
            if table.is_shown or (yield from self._has(table)):
                yield ask(self._sql.hide(table))
                yield from self._show(table, generation)

    def _show(self, table: TableSpec, generation: int) -> Work[None]:
        yield ask(self._sql.show(table, generation))
        yield from self._guard(table.readable or "", None)

    def _has(self, table: TableSpec) -> Work[list[bool]]:
        """Tell of what has the readable name of a table whether it is ours."""
        ours = f"view_{table.name}_"
        found = yield ask(self._sql.is_ours, name=table.readable, ours=ours)
        return [bool(row[0]) for row in found]

    def _is_free(self, table: TableSpec) -> Work[bool]:
        """Tell whether a table has a readable name, and nothing of anybody else's has it."""
        return table.readable is not None and all((yield from self._has(table)))

    def _drop(self, projection: str, generation: int, tables: Sequence[TableSpec]) -> Work[None]:
        drops = (self._sql.drop_checkpoint, self._sql.drop_asides, self._sql.drop_purges)
        for statement in drops:
            yield _of_generation(statement, projection, generation)
        for table in tables:
            yield from _all(self._sql.drop(table, generation))

    def _lock(self) -> Work[None]:
        if self._sql.lock is not None:
            yield ask(self._sql.lock)

    def _of(self, projection: str) -> Work[list[Checkpoint]]:
        rows = yield ask(self._sql.served, of_projection=projection)
        return [Checkpoint.load(row) for row in rows]


def _all(statements: Sequence[Statement]) -> Work[None]:
    for statement in statements:
        yield ask(statement)


def _of_generation(statement: Statement, projection: str, generation: int) -> Ask:
    return ask(statement, of_projection=projection, of_generation=generation)
