"""Connections to a SQLite file, and what is in it."""

import contextlib
import os
import sqlite3
from collections.abc import Callable

from eventlog.addresses.log import MEMORY, SqliteAddress, printable
from eventlog.errors import UnavailableError
from eventlog.files import reserve, sqlite_uri
from eventlog.store.contract.revisions import VERSION_TABLE

_State = tuple[int, ...]


class LogConnection(sqlite3.Connection):
    """A connection that knows whether it was opened on a file that nobody could write."""

    frozen: _State | None = None
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


def frozen(address: SqliteAddress) -> _State | None:
    """Return what tells whether a file has changed, where this process may write nothing.

    None where it may write the file or its folder, and where a write-ahead log lies beside it:
    SQLite has to read that too.
    """
    path = address.path
    if path is None or not os.path.isfile(path) or _is_writable(path):
        return None
    if _is_writable(os.path.dirname(path)) or os.path.exists(f"{path}-wal"):
        return None
    now = os.stat(path)
    return now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns


def _is_writable(path: str) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def connect(
    address: SqliteAddress, patience: float, mode: str = "rwc", *, immutable: bool = False
) -> LogConnection:
    """Open a connection for any thread, in autocommit, that waits `patience` seconds for locks.

    `mode` is "ro", "rw" or, to make a file where there is none, "rwc". `immutable` promises that
    nobody writes the file: SQLite takes no lock, and keeps nothing beside it.
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
        path = sqlite_uri(address.path, mode, immutable=immutable)
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
    if VERSION_TABLE not in tables:
        return tables, None
    row = db.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()
    return tables, row[0] if row else None
