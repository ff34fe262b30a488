"""Names of conversations in a SQLite file that begin so, read without a loop or a log.

For a shell that completes a word while somebody waits: nothing is loaded but sqlite3.
"""

import contextlib
import sqlite3
from typing import Final
from urllib.parse import quote

NAMES: Final = (
    "SELECT name FROM streams WHERE tenant = ? AND branch = '' AND name >= ? ORDER BY name LIMIT ?"
)
PATIENCE: Final = 0.5
"""Seconds that somebody waits for a word at most."""


def names_in_file(path: str, tenant: str, beginning: str, limit: int) -> list[str]:
    """Return up to `limit` names that begin so, in order; none where that cannot be read."""
    uri = f"file:{quote(path)}?mode=ro"
    try:
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=PATIENCE)) as db:
            rows = db.execute(NAMES, (tenant, beginning, limit)).fetchall()
    except sqlite3.Error:
        return []
    return [name for (name,) in rows if name.startswith(beginning)]
