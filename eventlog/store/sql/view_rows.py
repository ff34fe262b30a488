"""The statements of SQLite over the tables of views, as text.

Columns stand behind the name of their table, so that SQLite never takes one for a text
(https://sqlite.org/quirks.html#dblquote).
"""

import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from eventlog.store.contract.views import Search, Selection, TableSpec, ViewRow
from eventlog.store.sql.statement import Statement
from eventlog.store.sql.view_text import table_name

FEW: Final = 16
MANY: Final = 512
"""How many rows an INSERT takes: for any other number the driver would compile one more."""

VARIABLES: Final = 32_766
"""How many parameters a statement has at most: https://sqlite.org/limits.html."""


class ViewTexts:
    """What is asked of a generation of a table, or written to it."""

    dialect: Final = "sqlite"
    schema: Final = None
    lock: Final = None
    """BEGIN IMMEDIATE makes writers wait for each other."""

    def put(
        self, spec: TableSpec, generation: int, rows: Sequence[ViewRow]
    ) -> Iterator[tuple[str, list[Any]]]:
        """Put rows, each in the place of the one with its key.

        By few statements, of few sizes: what is left of the last one is filled, and cut by LIMIT.
        """
        width = len(spec.columns)
        size = min(FEW if len(rows) <= FEW else MANY, (VARIABLES - 1) // width)
        text = _put(spec, generation, size)
        for start in range(0, len(rows), size):
            page = rows[start : start + size]
            values = list(itertools.chain.from_iterable(page))
            yield text, [*values, *[None] * ((size - len(page)) * width), len(page)]

    def mark(self, spec: TableSpec, generation: int) -> Statement:
        """Mark rows by their place."""
        text = (
            f"UPDATE {table_name(spec, generation)} AS rows SET removed = ?"
            " WHERE rows.stream_id = ? AND rows.place >= ? AND rows.place < ?"
            " AND rows.version >= ? AND rows.version <= ? AND rows.removed != ?"
        )
        place = ("of_stream", "start", "stop", "first", "last")
        return _statement(text, ["is_removed", *place, "is_removed"])

    def forget(self, spec: TableSpec, generation: int, width: int) -> Statement:
        """Delete rows by the first columns of their key."""
        key = spec.key[:width]
        text = f"DELETE FROM {table_name(spec, generation)} AS rows WHERE {_equal(key)}"
        return _statement(text, key)

    def held(self, spec: TableSpec, generation: int, *, of_tenant: bool) -> Statement:
        """Read the rows of one partition, all of them or those of a tenant."""
        where, names = _of_tenant(spec) if of_tenant else ([], [])
        text = _rows(spec, generation) + _where([_equal(spec.key[:1]), *where])
        return _statement(text, ["partition", *names])

    def select(self, asked: Selection) -> Statement:
        """Read a page of rows."""
        where, names = _of_tenant(asked.table)
        where += [_equal([name]) for name in asked.equal]
        names += _values(asked.equal)
        if asked.after is not None:
            behind, more = _behind(asked.order)
            where.append(behind)
            names += more
        order = ", ".join(_column(name) + " DESC" * _falls(name) for name in asked.order)
        text = f"{_rows(asked.table, asked.generation)}{_where(where)} ORDER BY {order} LIMIT ?"
        return _statement(text, [*names, "limit"])

    def search(self, asked: Search) -> Statement:
        """Find rows by their text (https://sqlite.org/fts5.html), the best first."""
        words = f"{table_name(asked.table, asked.generation)}_text"
        where, names = _of_tenant(asked.table)
        where += [*(_equal([name]) for name in asked.equal), f"{words} MATCH ?"]
        text = (
            f"{_rows(asked.table, asked.generation)} JOIN {words} ON {words}.rowid = rows.id"
            f"{_where(where)} ORDER BY {words}.rank LIMIT ?"
        )
        return _statement(text, [*names, *_values(asked.equal), "match", "limit"])


@functools.lru_cache(maxsize=128)
def _put(spec: TableSpec, generation: int, size: int) -> str:
    """Return what puts the first so many of `size` rows."""
    names = [column.name for column in spec.columns]
    changed = [f'"{name}" = excluded."{name}"' for name in names if name not in spec.key]
    row = f"({', '.join('?' * len(names))})"
    return (
        f"INSERT INTO {table_name(spec, generation)} ({_list(names)})"
        f" SELECT * FROM (VALUES {', '.join([row] * size)}) WHERE true LIMIT ?"
        f" ON CONFLICT ({_list(spec.key)})"
        f" DO {'UPDATE SET ' + ', '.join(changed) if changed else 'NOTHING'}"
    )


def _statement(text: str, names: Iterable[str]) -> Statement:
    return Statement(text, tuple((name, None) for name in names))


def _rows(spec: TableSpec, generation: int) -> str:
    columns = ", ".join(_column(column.name) for column in spec.columns)
    return f"SELECT {columns} FROM {table_name(spec, generation)} AS rows"


def _of_tenant(spec: TableSpec) -> tuple[list[str], list[str]]:
    """Return what says which rows are those of the tenant, and its parameters."""
    columns = {column.name for column in spec.columns}
    if "tenant" in columns:
        return [f"{_column('tenant')} = ?"], ["of_tenant"]
    if "stream_id" not in columns:
        return [], []
    of_stream = f"streams.stream_id = {_column('stream_id')} AND streams.tenant = ?"
    return [f"EXISTS (SELECT 1 FROM streams WHERE {of_stream})"], ["of_tenant"]


def _where(conditions: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _column(name: str) -> str:
    return f'rows."{name.removeprefix("-")}"'


def _list(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _falls(name: str) -> bool:
    return name.startswith("-")


def _equal(names: Iterable[str]) -> str:
    return " AND ".join(f"{_column(name)} = ?" for name in names)


def _values(equal: Iterable[str]) -> list[str]:
    return [f"is_{name}" for name in equal]


def _behind(order: Sequence[str]) -> tuple[str, list[str]]:
    """Rows behind the values of `after_0`, `after_1` ...: in the first that differs, beyond."""
    steps: list[str] = []
    values: list[str] = []
    for number, name in enumerate(order):
        beyond = f"{_column(name)} {'<' if _falls(name) else '>'} ?"
        steps.append(" AND ".join([*(_equal([same]) for same in order[:number]), beyond]))
        values += [f"after_{place}" for place in range(number + 1)]
    return f"({' OR '.join(steps)})", values
