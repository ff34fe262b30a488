"""What the transactions of views do, without a database: generators that ask and are answered.

Each runs in one transaction, on either database: it yields statements and is sent their rows.
Nothing is kept if it raises or returns None.
"""

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from eventlog.store.contract.log import MAX_VERSION
from eventlog.store.contract.views import (
    Batch,
    Checkpoint,
    Compared,
    Forgotten,
    Mark,
    Moved,
    Put,
    TableSpec,
)
from eventlog.store.sql import roles as role_sql
from eventlog.store.sql.statement import Statement
from eventlog.store.sql.view_text import index_new, table_name

if TYPE_CHECKING:
    from eventlog.store.sql.view_rows import ViewStatements

NOTHING: Final[Sequence[Any]] = ()


class Ask(NamedTuple):
    """A statement, with one list of arguments or with `many`."""

    text: str
    args: Sequence[Any] = NOTHING
    many: Sequence[Sequence[Any]] | None = None


Work = Generator[Ask, list[Any], Any]


def apply(sql: "ViewStatements", batch: Batch) -> Work:
    """Move the checkpoints and write the rows; None if a checkpoint is elsewhere."""
    for moved in batch.moves:
        if not (yield _move(sql, moved)):
            return None
    for write in batch.writes:
        if isinstance(write, Put):
            yield from _put(sql, write)
        elif isinstance(write, Forgotten):
            width = len(write.keys[0])
            yield Ask(sql.forget(write.table, write.generation, width).text, many=write.keys)
        else:
            yield _mark(sql, write)
    if batch.asides:
        args = [sql.add_aside.args(aside._asdict()) for aside in batch.asides]
        yield Ask(sql.add_aside.text, many=args)
    return True


def begin(
    sql: "ViewStatements",
    projection: str,
    schema: int,
    tables: Sequence[TableSpec],
    *,
    beside: bool,
) -> Work:
    """Make a generation, `beside` or where there is none of the schema; return its number.

    What another one was filling beside is thrown away: it may have died.
    """
    yield from _lock(sql)
    there = yield from _of(sql, projection)
    for point in there:
        if point.schema != schema:
            continue
        if not beside:
            return point.generation
        if not point.is_serving:
            yield from _drop(sql, projection, point.generation, tables)
    is_first = not any(point.is_serving for point in there)
    generation = max((point.generation for point in there), default=0) + 1
    for table in tables:
        yield from _all(sql.create(table, generation))
        columns = [column.name for column in table.columns]
        yield from _guard(sql, table_name(table, generation), columns)
    point = Checkpoint(projection, generation, schema, 0, 0, 0, is_first)
    values = {**point._asdict(), "is_serving": int(is_first)}
    yield Ask(sql.add_checkpoint.text, sql.add_checkpoint.args(values))
    if is_first:
        yield from _show(sql, tables, generation)
    return generation


def take_over(sql: "ViewStatements", new: Checkpoint, tables: Sequence[TableSpec]) -> Work:
    """Serve a generation in place of the one before it, unless it is behind that one."""
    yield from _lock(sql)
    there = yield from _of(sql, new.projection)
    now = [point for point in there if point.generation == new.generation]
    if not now or now[0].is_serving:
        return True  # Another one was first.
    before = [point for point in there if point.is_serving]
    if any(point.position > now[0].position for point in before):
        return None
    yield _of_generation(sql, sql.serve, new.projection, new.generation)
    yield from _show(sql, tables, new.generation)
    for point in before:
        yield from _drop(sql, new.projection, point.generation, tables)
    return True


def drop(
    sql: "ViewStatements", projection: str, generation: int, tables: Sequence[TableSpec]
) -> Work:
    """Delete a generation, and what SQL clients see if it is the one that is read."""
    yield from _lock(sql)
    there = yield from _of(sql, projection)
    if any(point.is_serving for point in there if point.generation == generation):
        for table in tables:
            if (yield from _is_free(sql, table)):
                yield Ask(sql.hide(table).text)
    yield from _drop(sql, projection, generation, tables)
    return True


def compare(
    sql: "ViewStatements", table: TableSpec, first: Checkpoint, second: Checkpoint, limit: int
) -> Work:
    """Compare two generations; None where they are not at one position."""
    points = yield Ask(sql.checkpoints.text)
    wanted = (first.generation, second.generation)
    found = [Checkpoint.load(row) for row in points if row[0] == first.projection]
    positions = [point.position for point in found if point.generation in wanted]
    if len(positions) != len(wanted) or positions[0] != positions[1]:
        return None
    one = sql.only_in(table, *wanted)
    other = sql.only_in(table, *wanted[::-1])
    only_first = yield Ask(one.text, one.args({"limit": limit}))
    only_second = yield Ask(other.text, other.args({"limit": limit}))
    return Compared(only_first, only_second)


def show(sql: "ViewStatements", table: TableSpec, generation: int, *, shown: bool) -> Work:
    """Make or delete the readable view of a table; what else has its name is left alone."""
    yield from _lock(sql)
    if (yield from _is_free(sql, table)):
        yield Ask(sql.hide(table).text)
        if shown:
            yield from _show_one(sql, table, generation)
    return True


def _show(sql: "ViewStatements", tables: Sequence[TableSpec], generation: int) -> Work:
    for table in tables:
        if (yield from _is_free(sql, table)) and (table.is_shown or (yield from _has(sql, table))):
            yield Ask(sql.hide(table).text)
            yield from _show_one(sql, table, generation)


def _show_one(sql: "ViewStatements", table: TableSpec, generation: int) -> Work:
    yield Ask(sql.show(table, generation).text)
    yield from _guard(sql, table.readable or "", None)


def _guard(sql: "ViewStatements", relation: str, columns: Sequence[str] | None) -> Work:
    """Let the roles of the log read what was made, if it has any; those of a tenant its rows."""
    if sql.schema is None:
        return
    rows = yield Ask(role_sql.known(sql.schema))
    there = {row[0] for row in rows}
    for text in role_sql.guard(sql.schema, relation, columns, there):
        yield Ask(text)


def _has(sql: "ViewStatements", table: TableSpec) -> Generator[Ask, list[Any], list[bool]]:
    """Tell of what has the readable name of a table whether it is ours."""
    values = {"name": table.readable, "ours": f"view_{table.name}_"}
    found = yield Ask(sql.is_ours.text, sql.is_ours.args(values))
    return [bool(row[0]) for row in found]


def _is_free(sql: "ViewStatements", table: TableSpec) -> Generator[Ask, list[Any], bool]:
    """Tell whether a table has a readable name, and nothing of anybody else's has it."""
    return table.readable is not None and all((yield from _has(sql, table)))


def _drop(
    sql: "ViewStatements", projection: str, generation: int, tables: Sequence[TableSpec]
) -> Work:
    for statement in (sql.drop_checkpoint, sql.drop_asides):
        yield _of_generation(sql, statement, projection, generation)
    for table in tables:
        yield from _all(sql.drop(table, generation))


def _lock(sql: "ViewStatements") -> Work:
    if sql.lock is not None:
        yield Ask(sql.lock.text)


def _of(sql: "ViewStatements", projection: str) -> Generator[Ask, list[Any], list[Checkpoint]]:
    rows = yield Ask(sql.served.text, sql.served.args({"of_projection": projection}))
    return [Checkpoint.load(row) for row in rows]


def _all(statements: Sequence[Statement]) -> Work:
    for statement in statements:
        yield Ask(statement.text)


def _of_generation(
    _sql: "ViewStatements", statement: Statement, projection: str, generation: int
) -> Ask:
    values = {"of_projection": projection, "of_generation": generation}
    return Ask(statement.text, statement.args(values))


def _move(sql: "ViewStatements", moved: Moved) -> Ask:
    values = {
        "of_projection": moved.projection,
        "of_generation": moved.generation,
        "before": moved.before,
        "after": moved.after,
        "new_rate": moved.rate,
        "at": moved.at,
    }
    return Ask(sql.move.text, sql.move.args(values))


def _put(sql: "ViewStatements", put: Put) -> Work:
    if put.table.text is None or sql.dialect == "postgresql":
        yield from _rows(sql, put)
    else:
        asked, index = index_new(put.table, put.generation)
        ((last,),) = yield Ask(asked)
        yield from _rows(sql, put)
        yield Ask(index, [last])


def _rows(sql: "ViewStatements", put: Put) -> Work:
    for text, args in sql.put(put.table, put.generation, put.rows):
        yield Ask(text, args)


def _mark(sql: "ViewStatements", mark: Mark) -> Ask:
    statement = sql.mark(mark.table, mark.generation)
    rows = [
        statement.args(
            {
                "is_removed": int(removed.removed),
                "of_stream": removed.stream_id,
                "start": removed.start,
                "stop": removed.stop,
                "first": removed.version or 0,
                "last": removed.version or MAX_VERSION,
            }
        )
        for removed in mark.removals
    ]
    return Ask(statement.text, many=rows)
