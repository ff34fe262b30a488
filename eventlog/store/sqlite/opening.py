"""Opening a SQLite file as a log; creating a new one, upgrading an old one where allowed."""

import contextlib
import os
import sqlite3
from typing import Final

from eventlog.addresses.log import SqliteAddress
from eventlog.errors import NotAnEventLogError, StoreError
from eventlog.retrying import Deadline, tries_within
from eventlog.store.contract.options import Options
from eventlog.store.contract.revisions import HEAD, VERSION_TABLE, needs_migration
from eventlog.store.sqlite.errors import translated
from eventlog.store.sqlite.file import LogConnection, connect_to_read, frozen, inspect, revision
from eventlog.store.sqlite.held import HeldFile
from eventlog.store.sqlite.making import made_in_memory, make_sqlite

OLDEST_SQLITE: Final = (3, 37, 0)
"""STRICT tables came with this release."""


def open_log(
    address: SqliteAddress, options: Options, file: HeldFile, current: LogConnection | None = None
) -> LogConnection:
    """Return a connection to a log that is there and current; a new one is created once.

    It is the `current` one, as long as that is what would be opened now. All of it waits for others
    no longer than `busy_timeout`.
    """
    if current is not None:
        if current.frozen is None or current.frozen == frozen(address):
            return current
        current.close()
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise StoreError(
            f"SQLite {sqlite3.sqlite_version} is too old; the log needs 3.37 or later."
        )
    patience = Deadline(options.sqlite.busy_timeout)
    with translated(address):
        if file.is_known:
            file.check()
        else:
            _look_first(address, options, patience.left)
        db = _connect(address, options, file, patience.left)
        try:
            file.check()
            _prepare(db, address, options, patience)
            db.execute(f"PRAGMA busy_timeout={int(options.sqlite.busy_timeout * 1000)}")
            file.beside.opened(db)
        except BaseException:
            db.close()
            raise
        return db


def _connect(
    address: SqliteAddress, options: Options, file: HeldFile, patience: float
) -> LogConnection:
    """Connect; what was opened once is never created again."""
    mode = "rwc" if options.create and not file.is_known else "rw"
    return connect_to_read(address, patience, "ro" if options.read_only else mode)


def _look_first(address: SqliteAddress, options: Options, patience: float) -> None:
    """Refuse a foreign file that has a write-ahead log before a connection could fold that in.

    A program that was killed leaves one; closing an ordinary connection would checkpoint it. A file
    that must be there already is not made either.
    """
    if (options.read_only or not options.create) and not os.path.exists(address.path or ""):
        raise NotAnEventLogError(f"{address} does not exist. Is the path right?")
    if address.path is None or not os.path.exists(f"{address.path}-wal"):
        return
    with contextlib.closing(connect_to_read(address, patience)) as db:
        needs_migration(str(address), *inspect(db), upgrade=True)


def _prepare(
    db: LogConnection, address: SqliteAddress, options: Options, patience: Deadline
) -> None:
    if revision(db) != HEAD:
        _make(db, address, options, patience)
    if address.path is not None and db.frozen is None and not options.read_only:
        _use_wal(db, patience.left)
        db.execute(f"PRAGMA journal_size_limit = {options.sqlite.journal_size_limit}")
    db.execute(f"PRAGMA synchronous={options.durability.upper()}")


def _make(db: LogConnection, address: SqliteAddress, options: Options, patience: Deadline) -> None:
    """Create or upgrade the log, where that is allowed."""
    upgrade, create = options.migrate, options.create and not options.read_only
    found = inspect(db)
    if not needs_migration(str(address), *found, upgrade=upgrade, create=create):
        return
    if address.path is None:
        db.deserialize(made_in_memory())
    elif VERSION_TABLE not in found[0]:
        make_sqlite(address, patience.left)
    else:
        # A start must be quick: Alembic is imported only where there is something to upgrade.
        from eventlog.store.sqlite.migration import migrate_sqlite

        migrate_sqlite(address, patience.left)


def _use_wal(db: sqlite3.Connection, patience: float) -> None:
    """Turn on write-ahead logging; the busy timeout does not cover this switch."""
    for is_last in tries_within(patience, wait=0.005):
        try:
            db.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or is_last:
                raise
