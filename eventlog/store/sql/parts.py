"""Parts that the statements of several nouns have in common."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    FromClause,
    Insert,
    Select,
    Table,
    any_,
    bindparam,
    cast,
    column,
    extract,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.types import TypeEngine

from eventlog.format.records import StoredEvent
from eventlog.store.sql.schema import Tables

Query = Select[*tuple[Any, ...]]
Upsert = sqlite.Insert | postgresql.Insert


def event_row(t: Tables) -> list[Column[Any]]:
    """Return the columns of a StoredEvent."""
    return [t.events.c[name] for name in StoredEvent._fields]


def of_stream(t: Tables, *columns: ColumnElement[Any]) -> Query:
    """Select from the events of the one stream that is asked for."""
    return select(*columns).where(t.events.c.stream_id == bindparam("stream_id"))


def given(table: Table, *names: str) -> dict[str, Any]:
    """Return a parameter for each column, or for those that are named, typed as the column is."""
    return {name: bindparam(name, type_=table.c[name].type) for name in names or _names(table)}


def is_each(t: Tables, column: Column[Any]) -> ColumnElement[bool]:
    """Match each of several values: on PostgreSQL those of an array, all at once."""
    if t.is_postgres:
        return column == any_(bindparam(f"every_{column.key}", type_=ARRAY(column.type)))
    return column == bindparam(column.key)


def upsert(t: Tables, table: Table) -> Upsert:
    """Return an INSERT that can be told what to do ON CONFLICT."""
    return postgresql.insert(table) if t.is_postgres else sqlite.insert(table)


def inserted(table: Table) -> Insert:
    """Insert one row: a parameter for each column, which the driver types."""
    return table.insert().values({name: bindparam(name) for name in _names(table)})


def unnest(prefix: str, types: Mapping[str, TypeEngine[Any]], name: str) -> FromClause:
    """Make rows of array parameters, whose names are the columns' behind `prefix`."""
    arrays = [bindparam(prefix + key, type_=ARRAY(kind)) for key, kind in types.items()]
    columns = [column(key, kind) for key, kind in types.items()]
    return func.unnest(*arrays).table_valued(*columns).render_derived(name)


def bounded(t: Tables, page: Query, *order: str) -> Query:
    """Cut a page of events, in the order of columns, where what they hold comes to `bytes`.

    The one that goes beyond is in it, so there is one at least. SQLite has it cut by whoever reads
    the rows: they come one by one. PostgreSQL would send them all; it knows how long values are
    without reading them, so those that are cut off cost nothing.
    """
    if not t.is_postgres:
        return page
    rows = page.subquery("page_of")
    held = content_size(rows.c)
    size = held.label("held")
    before = func.sum(held).over(order_by=[rows.c[name] for name in order], rows=(None, 0))
    summed = select(*rows.c, size, before.label("held_so_far")).subquery("summed")
    columns = [summed.c[column.name] for column in rows.c]
    return (
        select(*columns)
        .where(summed.c.held_so_far - summed.c.held < bindparam("bytes", type_=BigInteger))
        .order_by(*[summed.c[name] for name in order])
    )


def content_size(event: ReadOnlyColumnCollection[str, Any]) -> ColumnElement[int]:
    """Return how many bytes the content of an event of PostgreSQL has, without reading it."""
    context, body = (func.octet_length(event[name]) for name in ("context", "body"))
    return func.coalesce(context, 0) + func.coalesce(body, 0)


def clock() -> ColumnElement[int]:
    """Read the clock of PostgreSQL in microseconds."""
    return cast(extract("epoch", func.clock_timestamp()) * literal_column("1000000"), BigInteger)


def between(position: ColumnElement[int]) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Bound a position or a version: after < position <= until."""
    return position > bindparam("after"), position <= bindparam("until")


def _names(table: Table) -> list[str]:
    return [column.name for column in table.columns]
