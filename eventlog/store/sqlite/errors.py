"""Translating the errors of sqlite3."""

import contextlib
import sqlite3
from collections.abc import Generator
from typing import Final

from eventlog.addresses.log import SqliteAddress
from eventlog.errors import (
    BusyError,
    NotAnEventLogError,
    ReadOnlyError,
    RefusedValueError,
    StoreError,
    UnavailableError,
)

REFUSED: Final = (sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH)
"""What is about a value (https://sqlite.org/rescode.html)."""

UNBOUND: Final = (OverflowError, UnicodeEncodeError)
"""What the driver raises for a number over 64 bits and for text that is no UTF-8."""


@contextlib.contextmanager
def translated(address: SqliteAddress) -> Generator[None]:
    """Turn sqlite3's errors into ours, by their code (https://sqlite.org/rescode.html)."""
    try:
        yield
    except UNBOUND as error:
        # Not "from error": Python's words quote the value.
        raise RefusedValueError(str(address), type(error).__name__) from None
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in REFUSED:
            raise RefusedValueError(str(address), error.sqlite_errorname) from None
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
