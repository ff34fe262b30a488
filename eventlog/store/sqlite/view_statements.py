"""What SQLite asks of the tables of views in its own way: rows one by one, words by FTS5."""

import functools
from collections.abc import Iterable, Sequence

from eventlog.store.contract.views import Phrase, TableSpec
from eventlog.store.sql.statement import Statement, plain
from eventlog.store.sql.view_rows import (
    ViewStatements,
    equal,
    listed,
    stored,
    upserts,
    where,
    words_in,
)
from eventlog.store.sql.view_text import table_name


class SqliteViewStatements(ViewStatements):
    """BEGIN IMMEDIATE makes writers wait for each other: there is no lock."""

    place_in = "instr"

    def __init__(self, known: dict[str, Statement]) -> None:
        super().__init__(known, "sqlite", None)

    def owners(self) -> Statement:
        """Look into the schema."""
        return plain(
            "SELECT made.name, of.name FROM sqlite_master made"
            " JOIN pragma_table_info(made.name) of"
            " WHERE made.type = 'table' AND made.name GLOB 'view_*'"
            " AND of.name IN ('stream_id', 'conversation_id')"
        )

    def put(self, spec: TableSpec, generation: int) -> str:
        """Put a row."""
        return _put(spec, generation)

    def held(self, spec: TableSpec, generation: int, *, of_tenant: bool) -> Statement:
        """Read the rows of one partition."""
        wanted, given = [equal(spec.key[:1])], ["partition"]
        own, names = self.of_tenant(spec, generation, wanted, given) if of_tenant else ([], [])
        text = self.rows(spec, generation) + where([*wanted, *own])
        return plain(text, [*given, *names])

    def size_of(self, text: str) -> str:
        """Take it for bytes: octet_length() is of SQLite 3.43."""
        return f"length(CAST({text} AS blob))"

    def by_words(self, spec: TableSpec, generation: int) -> tuple[str, str]:
        """Ask FTS5, which knows rows by their number."""
        index = f"{table_name(spec, generation)}_text"
        return f" JOIN {index} ON {index}.rowid = rows.id", f"{index} MATCH ?"

    def match(self, phrases: Sequence[Phrase]) -> str:
        """Quote words: none has a quote in it (https://sqlite.org/fts5.html, section 3)."""
        exact, begun = words_in(phrases)
        return " ".join([*(f'"{word}"' for word in exact), *(f'"{word}"*' for word in begun)])

    def drop(self, spec: TableSpec, generation: int) -> list[Statement]:
        """Delete the table of a generation, and the index of its text."""
        words = f"DROP TABLE IF EXISTS {table_name(spec, generation)}_text"
        return super().drop(spec, generation) + [plain(words)] * (spec.text is not None)

    def statement(self, text: str, names: Iterable[str]) -> Statement:
        """Take the text as it is."""
        return plain(text, names)


@functools.lru_cache(maxsize=128)
def _put(spec: TableSpec, generation: int) -> str:
    columns = stored(spec)
    return (
        f"INSERT INTO {table_name(spec, generation)} ({listed(each.name for each in columns)})"
        f" VALUES ({', '.join('?' * len(columns))}) {upserts(spec)}"
    )
