"""SQLite's online backup (https://sqlite.org/backup.html) of one moment of a file."""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Generator
from typing import Final

from eventlog.addresses.log import SqliteAddress, printable
from eventlog.errors import InvalidOptionError, NotAnEventLogError, UnavailableError
from eventlog.files import new_file
from eventlog.store.contract.revisions import needs_migration
from eventlog.store.sqlite.errors import translated
from eventlog.store.sqlite.file import connect, connect_to_read, inspect

PATIENCE: Final = 5.0

PAGES: Final = 1024
"""Pages that are copied between two looks at `progress`."""


def backup_sqlite(
    address: SqliteAddress, to: str, progress: Callable[[int, int], None] | None, mode: int
) -> None:
    """Copy the file; the copy gets its name when it is complete, can be opened and is on disk."""
    target = os.path.realpath(to)
    if os.path.lexists(target):
        raise InvalidOptionError(
            f"{printable(target)} is there already. Name a new file for the backup."
        )
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        raise UnavailableError(
            f"{printable(target)} cannot be made: the folder {printable(folder)} does not exist."
        )
    path = address.path or ""
    if not os.path.exists(path):
        raise NotAnEventLogError(f"{address} does not exist. Is the path right?")
    try:
        with (
            new_file(target, mode=mode) as unfinished,
            translated(address),
            _reading(address) as source,
        ):
            needs_migration(str(address), *inspect(source), upgrade=True, create=False)
            with translated(SqliteAddress(target)):
                _copy(source, unfinished, progress)
    except FileExistsError as error:
        raise InvalidOptionError(
            f"{printable(target)} is there already. Name a new file."
        ) from error
    except OSError as error:
        raise UnavailableError(
            f"{printable(target)} cannot be written: {error.strerror}."
        ) from error


@contextlib.contextmanager
def _reading(address: SqliteAddress) -> Generator[sqlite3.Connection]:
    """Open the file for reading, at one moment: what is written meanwhile would start it again.

    A connection that may only read leaves what it had to make beside the file. One that may write
    removes that again; it would fold in a write-ahead log that lies there, so that it is not used
    then.
    """
    mode = "ro" if os.path.exists(f"{address.path}-wal") else "rw"
    with contextlib.closing(connect_to_read(address, PATIENCE, mode)) as db:
        db.execute("BEGIN")
        yield db


def _copy(
    source: sqlite3.Connection, target: str, progress: Callable[[int, int], None] | None
) -> None:
    def tell(_: int, remaining: int, total: int) -> None:
        if progress is not None:
            progress(total - remaining, total)

    with contextlib.closing(connect(SqliteAddress(target), PATIENCE)) as copy:
        copy.execute("PRAGMA locking_mode = EXCLUSIVE")  # It needs no file beside it then.
        source.backup(copy, pages=PAGES, progress=tell)
