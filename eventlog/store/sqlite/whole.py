"""Whether a file that changed in another way than by appends has lost something.

Asked by connections of their own, which remember nothing of the file.
"""

import contextlib
import sqlite3
from collections.abc import Sequence
from typing import Final

from eventlog.addresses.log import SqliteAddress
from eventlog.store.contract.revisions import VERSION_TABLE
from eventlog.store.sqlite.file import connect

PATIENCE: Final = 5.0
_HEADER: Final = 32
_FRAME: Final = 24
_SALTS: Final = slice(16, 24)
"""Of the header; a frame has them 8 bytes from its start: https://sqlite.org/walformat.html."""


def is_whole(address: SqliteAddress) -> bool:
    """Tell whether every page of the database can be read. Reads all of it."""
    try:
        with contextlib.closing(connect(address, PATIENCE, "ro")) as db:
            db.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchall()
            (said,) = db.execute("PRAGMA quick_check(1)").fetchone()
            # Pages come first. What it says of values was wrong in some releases of SQLite.
            return not said.startswith("***")
    except sqlite3.Error:
        return False


def has_events(address: SqliteAddress, events: Sequence[tuple[bytes, int, bytes]]) -> bool:
    """Tell whether the events of these streams and versions are there, with these hashes."""
    try:
        with contextlib.closing(connect(address, PATIENCE, "ro")) as db:
            return all(
                db.execute(
                    "SELECT 1 FROM events WHERE stream_id = ? AND version = ? AND hash = ?", event
                ).fetchone()
                for event in events
            )
    except sqlite3.Error:
        return False


def was_begun_anew(wal: str) -> bool:
    """Tell whether a write-ahead log ends in frames of an earlier one: then its end is there.

    SQLite takes no lock on this file, so that it can be opened and closed.
    """
    with open(wal, "rb") as file:
        header = file.read(_HEADER)
        page = int.from_bytes(header[8:12])
        at = _HEADER
        while page and len(frame := file.read(_FRAME)) == _FRAME:
            if frame[8:16] != header[_SALTS]:
                return True
            at += _FRAME + page
            file.seek(at)
    return False
