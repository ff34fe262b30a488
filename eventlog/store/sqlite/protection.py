"""What guards a file, as its schema says it, and putting back what was taken away.

Triggers are taken away so that rows can be copied past them; an index, by whoever did not know it.
"""

import re
import sqlite3
from collections.abc import Mapping
from typing import Final, NamedTuple

OBJECTS: Final = (
    "SELECT type, name, tbl_name, sql FROM sqlite_master"
    " WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
)
"""Kind, name, table and SQL of everything that somebody made, in the order in which it was."""

RENEWED: Final = ("index", "trigger")
"""What can be made anew beside its table."""

_UNSAID: Final = re.compile(r'[\s"`\[\]]+')
"""Spaces and quotes: who copies a schema may write them otherwise."""


class Object(NamedTuple):
    """A table, index or trigger: the table that it is on, and the SQL that makes it."""

    table: str
    sql: str

    def is_like(self, other: "Object") -> bool:
        """Tell whether both say the same."""
        return self.table == other.table and _said(self.sql) == _said(other.sql)


def guards(db: sqlite3.Connection) -> dict[tuple[str, str], Object]:
    """Return every table, index and trigger by kind and name."""
    return {(kind, name): Object(table, sql) for kind, name, table, sql in db.execute(OBJECTS)}


def protect(db: sqlite3.Connection, wanted: Mapping[tuple[str, str], Object]) -> None:
    """Make every index and trigger of `wanted` that is not there, or not as it was."""
    there = guards(db)
    lost = {
        key: own
        for key, own in wanted.items()
        if key[0] in RENEWED and not (key in there and there[key].is_like(own))
    }
    if not lost:
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        for (kind, name), own in lost.items():
            db.execute(f"DROP {kind.upper()} IF EXISTS {name}")
            db.execute(own.sql)
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


def _said(sql: str) -> str:
    return _UNSAID.sub("", sql).lower()
