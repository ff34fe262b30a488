"""Connections to a SQLite file, and what is in it."""

import contextlib
import os
import sqlite3
from collections.abc import Callable

from eventlog import files
from eventlog.addresses.log import MEMORY, SqliteAddress, printable
from eventlog.errors import UnavailableError
from eventlog.files import Frozen, is_writable, reserve, sqlite_uri
from eventlog.store.contract.revisions import VERSION_TABLE


class LogConnection(sqlite3.Connection):
    """A connection that knows whether it was opened on a file that nobody could write."""

    frozen: Frozen | None = None
    """What that file was like then."""

    closing: Callable[[Callable[[], None]], None] | None = None
    """Closes it, for whoever counts the connections of a log."""

    def close(self) -> None:
        """Close it. Idempotent."""
        closing, self.closing = self.closing, None
        if closing is None:
            super().close()
        else:
            closing(super().close)


def frozen(address: SqliteAddress) -> Frozen | None:
    """Return what a file is like, if this process can write nothing there and nobody uses it."""
    return None if address.path is None else files.frozen(address.path)


def is_read_only(address: SqliteAddress) -> bool:
    """Tell whether this process cannot write the file, which is there."""
    path = address.path
    if path is None or not os.path.exists(path):
        return False
    return not is_writable(path) or frozen(address) is not None


def connect_to_read(address: SqliteAddress, patience: float, mode: str = "ro") -> LogConnection:
    """Open a connection that reads: one that may write would fold in what `-wal` holds.

    `mode` is that of a file that is not frozen.
    """
    seen = frozen(address)
    if seen is None:
        return connect(address, patience, mode)
    db = connect(address, patience, "ro", seen.option)
    db.frozen = seen
    if seen.has_wal:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")  # The index of the log is in memory then.
    return db


def connect(
    address: SqliteAddress, patience: float, mode: str = "rwc", *options: str
) -> LogConnection:
    """Open a connection for any thread, in autocommit, that waits `patience` seconds for locks.

    `mode` is "ro", "rw" or, to make a file where there is none, "rwc". `options` are of SQLite's
    URIs.
    """
    path = MEMORY
    if address.path is not None:
        folder = os.path.dirname(address.path)
        if not os.path.isdir(folder):
            raise UnavailableError(
                f"{address} cannot be opened: the folder {printable(folder)} does not exist."
            )
        if os.path.isdir(address.path):
            raise UnavailableError(
                f"{address} is a folder. Name a file in it, such as {address}/log.db."
            )
        if mode == "rwc":
            make_private(address)
        path = sqlite_uri(address.path, mode, *options)
    return sqlite3.connect(
        path,
        factory=LogConnection,
        uri=address.path is not None,
        timeout=patience,
        isolation_level=None,
        check_same_thread=False,
    )


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
    return tables, revision(db)


def revision(db: sqlite3.Connection) -> str | None:
    """Return the revision of the log in a file, if there is one."""
    made = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
    if db.execute(made, [VERSION_TABLE]).fetchone() is None:
        return None
    row = db.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()
    return row[0] if row else None
