"""Opening a SQLite file as a log, and telling what else it may be."""

import contextlib
import os
import sqlite3
import time
from collections.abc import Generator
from typing import Final
from urllib.parse import quote

from eventlog.errors import (
    BusyError,
    NotAnEventLogError,
    ReadOnlyError,
    StoreError,
    UnavailableError,
)
from eventlog.store.addresses.log import MEMORY, SqliteAddress
from eventlog.store.contract.log import needs_migration
from eventlog.store.contract.options import Options
from eventlog.store.contract.revisions import VERSION_TABLE

OLDEST_SQLITE: Final = (3, 37, 0)
"""STRICT tables came with this release."""


def open_log(address: SqliteAddress, options: Options) -> sqlite3.Connection:
    """Return a connection to a log that is there and current; a new one is created."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise StoreError(
            f"SQLite {sqlite3.sqlite_version} is too old; the log needs 3.37 or later."
        )
    with translated(address):
        _look_first(address, options)
        db = connect(address, options.sqlite.busy_timeout)
        try:
            _prepare(db, address, options)
        except BaseException:
            db.close()
            raise
        return db


def _look_first(address: SqliteAddress, options: Options) -> None:
    """Refuse a foreign file that has a write-ahead log before a connection could fold that in.

    A program that was killed leaves one; closing an ordinary connection would checkpoint it. A file
    that must be there already is not made either.
    """
    if not options.create and not os.path.exists(address.path or ""):
        raise NotAnEventLogError(f"{address} does not exist. Is the path right?")
    if address.path is None or not os.path.exists(f"{address.path}-wal"):
        return
    url = f"file:{quote(address.path)}?mode=ro"
    with contextlib.closing(sqlite3.connect(url, uri=True)) as db:
        needs_migration(str(address), *inspect(db), upgrade=True)


def _prepare(db: sqlite3.Connection, address: SqliteAddress, options: Options) -> None:
    upgrade, create = options.migrate, options.create
    if needs_migration(str(address), *inspect(db), upgrade=upgrade, create=create):
        # Alembic is imported only where there is something to create or to upgrade.
        from eventlog.store.sqlite.migration import migrate_sqlite, new_memory_log

        if address.path is None:
            db.deserialize(new_memory_log())
        else:
            migrate_sqlite(address, options.sqlite.busy_timeout)
    if address.path is not None:
        _use_wal(db, options.sqlite.busy_timeout)
    db.execute(f"PRAGMA synchronous={options.durability.upper()}")


def connect(address: SqliteAddress, patience: float) -> sqlite3.Connection:
    """Open a connection for any thread, in autocommit, that waits `patience` seconds for locks."""
    path = address.path or MEMORY
    folder = os.path.dirname(path)
    if folder and not os.path.isdir(folder):
        raise UnavailableError(f"{path} cannot be opened: the folder {folder} does not exist.")
    if os.path.isdir(path):
        raise UnavailableError(f"{path} is a folder. Name a file in it, such as {path}/log.db.")
    return sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)


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


@contextlib.contextmanager
def translated(address: SqliteAddress) -> Generator[None]:
    """Turn sqlite3's errors into ours, by their code (https://sqlite.org/rescode.html)."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translate(address, error) from error


def _translate(address: SqliteAddress, error: sqlite3.Error) -> StoreError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_NOTADB:
        return NotAnEventLogError(
            f"{address} is not a SQLite database. It was left untouched. Give the log a file of"
            " its own."
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return BusyError(
            f"{address} stayed locked by another connection for longer than busy_timeout."
            " Try again, or look for a program that keeps a transaction open."
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        return ReadOnlyError(
            f"{address} cannot be written: the file or its folder is read-only. Copy it to a folder"
            " that you may write; SQLite keeps a file beside it even for reading."
        )
    if code == sqlite3.SQLITE_FULL:
        return UnavailableError(f"The disk of {address} is full. Nothing was stored.")
    return UnavailableError(f"SQLite cannot use {address}: {error}.")


def _use_wal(db: sqlite3.Connection, patience: float) -> None:
    """Turn on write-ahead logging; the busy timeout does not cover this switch."""
    deadline = time.monotonic() + patience
    while True:
        try:
            db.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.005)
