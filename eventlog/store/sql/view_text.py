"""The names of the tables of views, and SQLite's full text index of them, as text."""

from typing import Final

from eventlog.store.contract.views import TableSpec

SEARCHABLE: Final = "searchable"
"""PostgreSQL's column of the words of a text."""


MAX_WORDS: Final = 100_000
"""Characters of a text whose words PostgreSQL indexes."""


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
