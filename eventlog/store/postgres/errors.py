"""Translating the errors of asyncpg."""

from typing import Final

import asyncpg

from eventlog.addresses.log import PostgresAddress
from eventlog.errors import (
    BusyError,
    NotAnEventLogError,
    ReadOnlyError,
    RefusedValueError,
    StoreError,
    UnavailableError,
)
from eventlog.errors.translating import Translator
from eventlog.store.postgres.pool import LOST, is_elsewhere

LOOK_AGAIN: Final = (
    asyncpg.UniqueViolationError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
)
"""Nothing was stored, and only a fresh snapshot tells why."""

_DRIVERS: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)
"""What the driver raises, of the server and of its own."""

REFUSED: Final = ("21", "22", "23", "54")
"""Classes of SQLSTATE that are about a value: cardinality, data, constraints, program limits."""


class translated(Translator):  # noqa: N801 - a context manager, read as a word
    """Turn the driver's errors into ours, by their class, which is their SQLSTATE."""

    __slots__ = ("_address", "_untouched")

    def __init__(self, address: PostgresAddress, *untouched: type[Exception]) -> None:
        self._address = address
        self._untouched = untouched

    def translate(self, error: BaseException) -> None:
        if not isinstance(error, _DRIVERS) or isinstance(error, self._untouched):
            return
        ours = translate(self._address, error)
        # The driver's words quote the value that was refused.
        raise ours from (None if isinstance(ours, RefusedValueError) else error)


def is_refused(error: BaseException) -> bool:
    """Tell whether a value was refused; all else is true of the whole database, or of a moment."""
    return sqlstate(error)[:2] in REFUSED and not isinstance(error, LOOK_AGAIN)


def sqlstate(error: BaseException) -> str:
    """Return what PostgreSQL, or asyncpg for it, calls an error; "" where there is no such code."""
    return str(getattr(error, "sqlstate", None) or "")


def translate(address: PostgresAddress, error: BaseException) -> StoreError:
    """Return our error for one of the driver's, which says that nothing was stored."""
    if is_refused(error):
        return RefusedValueError(str(address), sqlstate(error))
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return ReadOnlyError(
            f"The role of {address} may not do this ({error}). Nothing was stored. Grant it the"
            " log's schema, or run migrate() as the owner."
        )
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
        return ReadOnlyError(
            f"{address} is read-only, perhaps a standby: {error}. Nothing was stored. Try again, or"
            " name the server that writes."
        )
    if isinstance(error, (asyncpg.LockNotAvailableError, asyncpg.QueryCanceledError)):
        return BusyError(
            f"{address} was not done in time: {error}. Nothing was stored. Try again, or look for a"
            " transaction that is kept open."
        )
    if isinstance(error, asyncpg.UndefinedTableError):
        return NotAnEventLogError(f"{address} lost a table of the log while it was open ({error}).")
    return _unavailable(address, error)


def _unavailable(address: PostgresAddress, error: BaseException) -> UnavailableError:
    if isinstance(error, TimeoutError):
        return UnavailableError(f"{address} did not answer in time. Is the server reachable?")
    if is_elsewhere(error):
        said = str(error).splitlines()[0]
        return UnavailableError(f"{address} cannot reach a node of the log: {said}.")
    if isinstance(error, asyncpg.InternalClientError):
        return UnavailableError(f"{address} ended the connection.")
    was_answered = isinstance(error, asyncpg.PostgresError) and not isinstance(error, LOST)
    said = " Nothing was stored." if was_answered else ""
    return UnavailableError(f"{address} cannot be used: {error}.{said}")
