"""Making the tables of views from their specs, and the readable views that SQL clients see.

They are made when a projection first needs them, not by Alembic: a program has projections of its
own.
"""

import functools
from typing import Any, Final

from sqlalchemy import (
    REAL,
    BigInteger,
    ClauseElement,
    Column,
    ColumnElement,
    Computed,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.types import TypeEngine

from eventlog.store.contract.views import TableSpec
from eventlog.store.sql.compiling import compiled, inlined
from eventlog.store.sql.schema import Dialect, Name, Number, Tables
from eventlog.store.sql.statement import Statement, plain
from eventlog.store.sql.statistics import silence
from eventlog.store.sql.view_text import SEARCHABLE, WORDS, table_name, text_index

_TYPES: Final[dict[type[Any], TypeEngine[Any]]] = {
    int: Number,
    str: Name,
    bytes: LargeBinary(),
    float: Double().with_variant(REAL(), "sqlite"),
    bool: Integer(),
}


@functools.lru_cache(maxsize=256)
def table(spec: TableSpec, generation: int, dialect: Dialect, schema: str | None) -> Table:
    """Return one generation of a table."""
    name = table_name(spec, generation)
    columns: list[Any] = [
        Column(column.name, _TYPES[column.type], nullable=column.is_nullable)
        for column in spec.columns
    ]
    if spec.text is not None:
        columns.append(Column(WORDS, _TYPES[str], nullable=False))
    if spec.text is None:
        columns.append(PrimaryKeyConstraint(*spec.key, name=f"{name}_pk"))
    elif dialect == "sqlite":
        # The index of the text refers to rows by a number that VACUUM must not change.
        columns.insert(0, Column("id", Integer, primary_key=True))
        columns.append(UniqueConstraint(*spec.key, name=f"{name}_key"))
    else:
        # No parser and no dictionary: they would go by the locale. And no positions: a tsvector
        # keeps 256 of a word, and none beyond 16,383 (textsearch-limitations.html).
        each = f"array_to_tsvector(string_to_array(btrim({WORDS}), ' '))"
        columns.append(Column(SEARCHABLE, TSVECTOR, Computed(each, persisted=True)))
        columns.append(PrimaryKeyConstraint(*spec.key, name=f"{name}_pk"))
        columns.append(Index(f"{name}_words", SEARCHABLE, postgresql_using="gin"))
    indexes = [
        Index(f"{name}_{number}", *indexed) for number, indexed in enumerate(spec.indexes, 1)
    ]
    return Table(
        name,
        MetaData(schema=schema),
        *columns,
        *indexes,
        sqlite_strict=True,
        sqlite_with_rowid=spec.text is not None,
    )


def create(
    spec: TableSpec, generation: int, dialect: Dialect, schema: str | None
) -> list[Statement]:
    """Return what makes the table of a generation, and what belongs to it."""
    made = table(spec, generation, dialect, schema)
    # In the order of their names: a set of indexes has none.
    indexes = sorted(made.indexes, key=lambda index: str(index.name))
    steps: list[ClauseElement] = [CreateTable(made), *(CreateIndex(each) for each in indexes)]
    if dialect == "sqlite":
        texts = text_index(spec, generation) if spec.text else []
    else:
        words = [column.name for column in made.columns if isinstance(column.type, Text | TSVECTOR)]
        texts = silence(schema or "", made.name, words)
    return [*(compiled(step, dialect) for step in steps), *(plain(text) for text in texts)]


def readable(spec: TableSpec, generation: int, dialect: Dialect, schema: str | None) -> str:
    """Return what selects what people read: names for ids, times for microseconds.

    What a row is of comes first, whatever the order of the columns in the table. A digest, bytes
    called <text>_key, is not shown: the text is in its place.
    """
    rows = table(spec, generation, dialect, schema)
    streams = Tables(dialect, schema).streams
    first = [_text_of(rows.c[name]) for name in spec.key]
    ordered = dict.fromkeys((*first, *(column.name for column in spec.columns)))
    shown: list[ColumnElement[Any]] = [
        _shown(rows.c[name], dialect)
        for name in ordered
        if name not in ("stream_id", "conversation_id") and _text_of(rows.c[name]) == name
    ]
    if "stream_id" not in rows.c:
        return inlined(select(*shown), dialect)
    names = [streams.c.tenant, streams.c.name.label("conversation"), streams.c.branch]
    named = [name for name in names if name.name not in rows.c]
    joined = rows.join(streams, streams.c.stream_id == rows.c.stream_id)
    return inlined(select(*named, *shown).select_from(joined), dialect)


def _text_of(column: Column[Any]) -> str:
    """Return the column that a digest stands for in keys and indexes; else its own name."""
    text = column.name.removesuffix("_key")
    is_digest = isinstance(column.type, LargeBinary) and text in column.table.c
    return text if is_digest else column.name


def _shown(column: Column[Any], dialect: Dialect) -> ColumnElement[Any]:
    if column.name.endswith("_at") and isinstance(column.type, Integer | BigInteger):
        if dialect == "sqlite":
            return func.strftime("%Y-%m-%d %H:%M:%f", column / 1_000_000.0, "unixepoch").label(
                column.name
            )
        return func.to_timestamp(column / 1_000_000.0).label(column.name)
    return column
