"""The tables of views, made from what projections say of them, and what SQL clients see of them.

SQLAlchemy says what they are; they are made when a projection first needs them, not by Alembic,
because anybody may bring projections of his own.
"""

import functools
from typing import Any, Final

from sqlalchemy import (
    REAL,
    BigInteger,
    Column,
    ColumnElement,
    Computed,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Select,
    Table,
    Text,
    UniqueConstraint,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.types import TypeEngine

from eventlog.store.schema import Dialect, Number, metadata
from eventlog.store.view_base import TableSpec

SEARCHABLE: Final = "searchable"

_TYPES: Final[dict[type[Any], TypeEngine[Any]]] = {
    int: Number,
    str: Text(),
    bytes: LargeBinary(),
    float: Double().with_variant(REAL(), "sqlite"),
    bool: Integer(),
}


def table_name(spec: TableSpec, generation: int) -> str:
    """Return what a table is called in the database."""
    return f"view_{spec.name}_{generation}"


@functools.lru_cache(maxsize=256)
def table(spec: TableSpec, generation: int, dialect: Dialect, schema: str | None) -> Table:
    """Return one generation of a table."""
    name = table_name(spec, generation)
    columns: list[Any] = [
        Column(column.name, _TYPES[column.type], nullable=column.is_nullable)
        for column in spec.columns
    ]
    if spec.text is None:
        columns.append(PrimaryKeyConstraint(*spec.key, name=f"{name}_pk"))
    elif dialect == "sqlite":
        # The index of the text refers to rows by a number that VACUUM must not change.
        columns.insert(0, Column("id", Integer, primary_key=True))
        columns.append(UniqueConstraint(*spec.key, name=f"{name}_key"))
    else:
        words = Computed(f"to_tsvector('simple', {spec.text})", persisted=True)
        columns.append(Column(SEARCHABLE, TSVECTOR, words))
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


def column_type(kind: type[Any]) -> TypeEngine[Any]:
    """Return the type of a column."""
    return _TYPES[kind]


def text_index(spec: TableSpec, generation: int) -> list[str]:
    """Return what makes SQLite's index of the text (https://sqlite.org/fts5.html, section 4.4.3).

    Triggers keep it in step with rows that change or go. New rows are put into it by `index_new`,
    all at once: with a trigger each of them would be flushed by itself, which takes four times as
    long.
    """
    name, text = table_name(spec, generation), spec.text
    words = f"{name}_text"
    add = f"INSERT INTO {words} (rowid, {text}) VALUES (new.id, new.{text})"
    take = f"INSERT INTO {words} ({words}, rowid, {text}) VALUES ('delete', old.id, old.{text})"
    source = f"content='{name}', content_rowid='id'"
    return [
        f"CREATE VIRTUAL TABLE {words} USING fts5({text}, {source})",
        f"CREATE TRIGGER {name}_gone AFTER DELETE ON {name} BEGIN {take}; END",
        f"CREATE TRIGGER {name}_changed AFTER UPDATE OF {text} ON {name} BEGIN {take}; {add}; END",
    ]


def index_new(spec: TableSpec, generation: int) -> tuple[str, str]:
    """Return what asks for the last row, and what puts those behind it into SQLite's index."""
    name = table_name(spec, generation)
    asked = f"SELECT coalesce(max(id), 0) FROM {name}"
    new = f"SELECT id, {spec.text} FROM {name} WHERE id > ?"
    return asked, f"INSERT INTO {name}_text (rowid, {spec.text}) {new}"


def readable(
    spec: TableSpec, generation: int, dialect: Dialect, schema: str | None
) -> Select[*tuple[Any, ...]]:
    """Select what people read: names in place of ids, times in place of microseconds.

    What a row is of comes first, whatever the order of the columns in the table.
    """
    rows = table(spec, generation, dialect, schema)
    streams = metadata(dialect, schema).tables["streams" if schema is None else f"{schema}.streams"]
    others = [column.name for column in spec.columns if column.name not in spec.key]
    shown: list[ColumnElement[Any]] = [
        _shown(rows.c[name], dialect)
        for name in (*spec.key, *others)
        if name not in ("stream_id", "conversation_id")
    ]
    if "stream_id" not in rows.c:
        return select(*shown)
    names = [streams.c.tenant, streams.c.name.label("conversation"), streams.c.branch]
    named = [name for name in names if name.name not in rows.c]
    joined = rows.join(streams, streams.c.stream_id == rows.c.stream_id)
    return select(*named, *shown).select_from(joined)


def _shown(column: Column[Any], dialect: Dialect) -> ColumnElement[Any]:
    if column.name.endswith("_at") and isinstance(column.type, Integer | BigInteger):
        if dialect == "sqlite":
            return func.strftime("%Y-%m-%d %H:%M:%f", column / 1_000_000.0, "unixepoch").label(
                column.name
            )
        return func.to_timestamp(column / 1_000_000.0).label(column.name)
    return column
