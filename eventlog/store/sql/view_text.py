"""The names of the tables of views, and SQLite's index of the words of a text, as text."""

from typing import Final

from eventlog.store.contract.views import TableSpec

WORDS: Final = "words"
"""The column of the words of a text, with a space before and behind each."""

SEARCHABLE: Final = "searchable"
"""PostgreSQL's column of what its index finds: each of these words once."""


def table_name(spec: TableSpec, generation: int) -> str:
    """Return the name of a table in the database."""
    return table_name_of(spec.name, generation)


def table_name_of(name: str, generation: int) -> str:
    """Return what the table of that name is called in the database."""
    return f"view_{name}_{generation}"


def is_of_generation(table: str, generation: int) -> bool:
    """Tell whether a table has the name of one of a view, with this number."""
    return table.startswith("view_") and table.endswith(f"_{generation}")


def text_index(spec: TableSpec, generation: int) -> list[str]:
    """Return what makes SQLite's index of the words (https://sqlite.org/fts5.html, section 4.4.3).

    Its tokenizer is the one that leaves words as they are: it splits at spaces. It keeps neither
    where words stand nor how many there are: phrases are compared with the words themselves, and
    the order is ours.

    Triggers keep it in step with rows that change or go. New rows are put into it by `index_new`,
    all at once: with a trigger each of them would be flushed by itself, which takes four times as
    long.
    """
    name = table_name(spec, generation)
    index = f"{name}_text"
    add = f"INSERT INTO {index} (rowid, {WORDS}) VALUES (new.id, new.{WORDS})"
    take = f"INSERT INTO {index} ({index}, rowid, {WORDS}) VALUES ('delete', old.id, old.{WORDS})"
    source = f"content='{name}', content_rowid='id', tokenize='ascii', detail=none, columnsize=0"
    changed = f"CREATE TRIGGER {name}_changed AFTER UPDATE OF {WORDS} ON {name}"
    return [
        f"CREATE VIRTUAL TABLE {index} USING fts5({WORDS}, {source})",
        f"CREATE TRIGGER {name}_gone AFTER DELETE ON {name} BEGIN {take}; END",
        f"{changed} BEGIN {take}; {add}; END",
    ]


def index_new(spec: TableSpec, generation: int) -> tuple[str, str]:
    """Return what asks for the last row, and what puts those behind it into SQLite's index."""
    name = table_name(spec, generation)
    asked = f"SELECT coalesce(max(id), 0) FROM {name}"
    new = f"SELECT id, {WORDS} FROM {name} WHERE id > ?"
    return asked, f"INSERT INTO {name}_text (rowid, {WORDS}) {new}"
