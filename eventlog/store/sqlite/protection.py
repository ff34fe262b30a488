"""Putting back triggers that were taken away, so that rows could be copied past them."""

import sqlite3
from collections.abc import Mapping
from typing import Final

_TRIGGERS: Final = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"


def protect(db: sqlite3.Connection, wanted: Mapping[str, str]) -> None:
    """Make every trigger of `wanted` (its SQL by its name) that is not there, or not as it was."""
    there = triggers(db)
    lost = {name: sql for name, sql in wanted.items() if there.get(name) != sql}
    if not lost:
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        for name, sql in lost.items():
            db.execute(f"DROP TRIGGER IF EXISTS {name}")
            db.execute(sql)
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


def triggers(db: sqlite3.Connection) -> dict[str, str]:
    """Return the SQL of every trigger by its name."""
    return dict(db.execute(_TRIGGERS).fetchall())
