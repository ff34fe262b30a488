"""Translating the errors of sqlite3."""

import contextlib
import sqlite3
from collections.abc import Generator

from eventlog.addresses.log import SqliteAddress
from eventlog.errors import (
    BusyError,
    FileReplacedError,
    NotAnEventLogError,
    ReadOnlyError,
    StoreError,
    UnavailableError,
)


@contextlib.contextmanager
def translated(address: SqliteAddress) -> Generator[None]:
    """Turn sqlite3's errors into ours, by their code (https://sqlite.org/rescode.html)."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translate(address, error) from error


def _translate(address: SqliteAddress, error: sqlite3.Error) -> StoreError:
    extended = getattr(error, "sqlite_errorcode", 0)
    code = extended & 0xFF
    if extended == sqlite3.SQLITE_READONLY_DBMOVED:
        return FileReplacedError(
            f"{address} was moved or removed, though it is open. Nothing was stored. Close every"
            " handle on it, and open it anew.",
            address.path or "",
        )
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
