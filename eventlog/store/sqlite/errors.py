"""Translating the errors of sqlite3."""

import contextlib
import sqlite3
from typing import Final

from eventlog.addresses.log import SqliteAddress
from eventlog.errors import (
    BusyError,
    FileReplacedError,
    InDoubtError,
    NotAnEventLogError,
    ReadOnlyError,
    RefusedValueError,
    StoreError,
    UnavailableError,
)
from eventlog.errors.translating import Translator
from eventlog.store.nouns.outcomes import UnansweredError
from eventlog.store.sqlite.held import HeldFile

UNFIT: Final = (InDoubtError, NotAnEventLogError, ReadOnlyError, UnavailableError, UnansweredError)

REFUSED: Final = (sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH)
"""What is about a value (https://sqlite.org/rescode.html)."""

UNBOUND: Final = (OverflowError, UnicodeEncodeError)
"""What the driver raises for a number over 64 bits and for text that is no UTF-8."""


class translated(Translator):  # noqa: N801 - a context manager, read as a word
    """Turn sqlite3's errors into ours, by their code (https://sqlite.org/rescode.html)."""

    def __init__(self, address: SqliteAddress) -> None:
        self._address: Final = address

    def translate(self, error: BaseException) -> None:
        if isinstance(error, UNBOUND):
            # Not "from error": Python's words quote the value.
            raise RefusedValueError(str(self._address), type(error).__name__) from None
        if isinstance(error, sqlite3.Error):
            if _code(error) in REFUSED:
                raise RefusedValueError(str(self._address), error.sqlite_errorname) from None
            raise _translate(self._address, error) from error


def commit(address: SqliteAddress, db: sqlite3.Connection, file: HeldFile) -> None:
    """Commit. Raises UnansweredError where the disk may have taken it, or not.

    A commit that could not be flushed is not seen by anybody, unless the machine stops before the
    next one is written over it: whoever opens the file then finds it.
    """
    file.fill_ahead()
    try:
        db.execute("COMMIT")
    except sqlite3.Error as error:
        failed = _translate(address, error)
        failed.__cause__ = error
        if _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL):
            raise failed from error  # SQLite had not begun with it, or had no room for its end.
        raise UnansweredError(failed, _nobody_knows) from error
    try:
        file.check_written()
    except FileReplacedError as error:
        raise UnansweredError(error, _nobody_knows) from error


def roll_back(db: sqlite3.Connection) -> None:
    """Undo what is not committed; if that fails, the connection is closed for what failed first."""
    if db.in_transaction:
        with contextlib.suppress(sqlite3.Error):
            db.execute("ROLLBACK")


def is_unfit(answer: object) -> bool:
    """Tell whether an answer says that its connection should not be used any more.

    It may have been opened when the file could not be written, or the disk not be read.
    """
    return isinstance(answer, UNFIT) and not isinstance(answer, BusyError)


async def _nobody_knows() -> bool:
    return False


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _translate(address: SqliteAddress, error: sqlite3.Error) -> StoreError:
    code = _code(error)
    if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_READONLY_DBMOVED:
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
            " Nothing was stored. Try again, or look for a program that keeps a transaction open."
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        return ReadOnlyError(
            f"{address} cannot be written: the file or its folder is read-only. Nothing was stored."
            " Copy it to a folder that you may write; SQLite keeps a file beside it even for"
            " reading."
        )
    if code == sqlite3.SQLITE_FULL:
        return UnavailableError(f"The disk of {address} is full. Nothing was stored.")
    return UnavailableError(f"SQLite cannot use {address}: {error}.")
