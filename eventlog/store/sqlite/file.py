"""Connections to a SQLite file, and what is in it."""

import contextlib
import os
import sqlite3

from eventlog.addresses.log import MEMORY, SqliteAddress
from eventlog.errors import UnavailableError
from eventlog.files import reserve
from eventlog.store.contract.revisions import VERSION_TABLE


def connect(address: SqliteAddress, patience: float) -> sqlite3.Connection:
    """Open a connection for any thread, in autocommit, that waits `patience` seconds for locks."""
    path = address.path or MEMORY
    folder = os.path.dirname(path)
    if folder and not os.path.isdir(folder):
        raise UnavailableError(f"{path} cannot be opened: the folder {folder} does not exist.")
    if os.path.isdir(path):
        raise UnavailableError(f"{path} is a folder. Name a file in it, such as {path}/log.db.")
    make_private(address)
    return sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)


def make_private(address: SqliteAddress) -> None:
    """Make the file of a new log its owner's alone; SQLite gives -wal and -shm the same mode."""
    if address.path is not None and not os.path.exists(address.path):
        with contextlib.suppress(OSError):  # SQLite says what is wrong there.
            reserve(address.path)


def inspect(db: sqlite3.Connection) -> tuple[dict[str, list[str]], str | None]:
    """Return the columns of every table but SQLite's own, and the revision of the log in it."""
    rows = db.execute(
        "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c"
        " WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        " ORDER BY m.name, c.cid"
    )
    tables: dict[str, list[str]] = {}
    for table, name in rows:
        tables.setdefault(table, []).append(name)
    if VERSION_TABLE not in tables:
        return tables, None
    row = db.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()
    return tables, row[0] if row else None
