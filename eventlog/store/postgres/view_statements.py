"""What PostgreSQL asks of the tables of views in its own way: arrays of rows, words by tsvector."""

import functools
import itertools
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from eventlog.store.contract.views import Phrase, TableSpec, ViewRow
from eventlog.store.sql.statement import Statement, plain
from eventlog.store.sql.view_rows import (
    ViewStatements,
    column,
    listed,
    stored,
    upserts,
    where,
    words_in,
)
from eventlog.store.sql.view_text import SEARCHABLE, table_name

_LOCK: Final = 7_306_867_134_501_212_248
"""Key of the advisory lock of those who make or delete tables of views."""

_TYPES: Final[dict[type[Any], str]] = {
    int: "bigint",
    str: "text",
    bytes: "bytea",
    float: "double precision",
    bool: "integer",
}

_NUMBERS: Final = (int, bool)
"""Columns that hold whole numbers."""


class PostgresViewStatements(ViewStatements):
    """Statements over the tables of one schema."""

    place_in = "strpos"
    lock = plain(f"SELECT pg_advisory_xact_lock({_LOCK})")

    def __init__(self, known: dict[str, Statement], schema: str) -> None:
        super().__init__(known, "postgresql", schema)

    def owners(self) -> Statement:
        """Look into the catalog."""
        return self.statement(
            "SELECT made.relname, of.attname FROM pg_class made"
            " JOIN pg_namespace within ON within.oid = made.relnamespace"
            " JOIN pg_attribute of ON of.attrelid = made.oid AND NOT of.attisdropped"
            " WHERE within.nspname = ? AND made.relkind IN ('r', 'p')"
            " AND starts_with(made.relname::text, 'view_')"
            " AND of.attname IN ('stream_id', 'conversation_id')",
            ["schema"],
        )

    def put(self, spec: TableSpec, generation: int) -> str:
        """Put rows by one statement, which takes the `arrays` of their columns."""
        return f"INSERT INTO {self.name(table_name(spec, generation))} {_arrays(spec)}"

    def arrays(self, spec: TableSpec, rows: Sequence[ViewRow]) -> list[Any]:
        """Return an array for each column; numbers as a literal.

        asyncpg asks of each element of an array whether it is one itself, which takes a number
        longer than to be written here and read there.
        """
        columns = zip(stored(spec), zip(*rows, strict=True), strict=True)
        return [
            _literal(values) if column.type in _NUMBERS else list(values)
            for column, values in columns
        ]

    def held(self, spec: TableSpec, generation: int, *, of_tenant: bool) -> Statement:
        """Read the rows of several partitions."""
        wanted, given = [f"{column(spec.key[0])} = ANY(?)"], ["every_partition"]
        own, names = self.of_tenant(spec, generation, wanted, given) if of_tenant else ([], [])
        text = self.rows(spec, generation) + where([*wanted, *own])
        return self.statement(text, [*given, *names])

    def of_tenant(
        self, spec: TableSpec, generation: int, wanted: Sequence[str], given: Sequence[str]
    ) -> tuple[list[str], list[str]]:
        """Ask the nodes which of the wanted streams are the tenant's, where streams are on many.

        They are told which streams, and not asked for all that the tenant has.
        """
        columns = {each.name for each in spec.columns}
        if not self.is_distributed or "tenant" in columns or "stream_id" not in columns:
            return super().of_tenant(spec, generation, wanted, given)
        streams, own = self.name("streams"), column("stream_id")
        rows = f"FROM {self.name(table_name(spec, generation))} AS rows{where(wanted)}"
        asked, names = f"streams.stream_id IN (SELECT {own} {rows})", list(given)
        for condition, name in zip(wanted, given, strict=False):
            if condition.startswith(f"{own} ="):
                asked, names = condition.replace(own, "streams.stream_id"), [name]
        is_own = f"streams.tenant = ? AND {asked}"
        found = f"SELECT streams.stream_id FROM {streams} WHERE {is_own}"
        return [f"{own} IN ({found})"], ["of_tenant", *names]

    def size_of(self, text: str) -> str:
        """Ask for octets."""
        return f"octet_length({text})"

    def by_words(self, _spec: TableSpec, _generation: int) -> tuple[str, str]:
        """Ask the tsvector."""
        return "", f"{column(SEARCHABLE)} @@ CAST(CAST(? AS text) AS tsquery)"

    def match(self, phrases: Sequence[Phrase]) -> str:
        """Quote words (https://www.postgresql.org/docs/current/datatype-textsearch.html)."""
        exact, begun = words_in(phrases)
        return " & ".join([*(f"'{word}'" for word in exact), *(f"'{word}':*" for word in begun)])

    def statement(self, text: str, names: Iterable[str]) -> Statement:
        """Write `$1`, `$2` ... for the placeholders, as asyncpg wants them."""
        return plain(_numbered(text), names)


def _literal(numbers: Iterable[int | None]) -> str:
    """Write an array (https://www.postgresql.org/docs/current/arrays.html, 8.15.6)."""
    return f"{{{','.join(map(str, numbers)).replace('None', 'NULL')}}}"


@functools.lru_cache(maxsize=512)
def _numbered(text: str) -> str:
    numbers = itertools.count(1)
    return re.sub(r"\?", lambda _: f"${next(numbers)}", text)


@functools.lru_cache(maxsize=128)
def _arrays(spec: TableSpec) -> str:
    """Return what an INSERT says behind the name of the table."""
    names = listed(each.name for each in stored(spec))
    arrays = ", ".join(
        f"${number}::{'text::' * (each.type in _NUMBERS)}{_TYPES[each.type]}[]"
        for number, each in enumerate(stored(spec), 1)
    )
    return f"({names}) SELECT * FROM unnest({arrays}) {upserts(spec)}"
