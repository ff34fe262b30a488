"""Translating the errors of asyncpg."""

import contextlib
from collections.abc import Generator
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
from eventlog.store.postgres.pool import LOST

LOOK_AGAIN: Final = (
    asyncpg.UniqueViolationError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
)
"""Nothing was stored, and only a fresh snapshot tells why."""

REFUSED: Final = ("21", "22", "23", "54")
"""Classes of SQLSTATE that are about a value: cardinality, data, constraints, program limits."""

OPEN: Final = (*LOST, *LOOK_AGAIN, TimeoutError)
"""The errors that leave open what an append has done."""


@contextlib.contextmanager
def translated(address: PostgresAddress, *untouched: type[Exception]) -> Generator[None]:
    """Turn the driver's errors into ours, by their class, which is their SQLSTATE."""
    try:
        yield
    except untouched:
        raise
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        if is_refused(error):
            # Not "from error": the driver's words quote the value.
            raise RefusedValueError(str(address), sqlstate(error)) from None
        raise _translate(address, error) from error


def is_refused(error: BaseException) -> bool:
    """Tell whether a value was refused; all else is true of the whole database, or of a moment."""
    return sqlstate(error)[:2] in REFUSED and not isinstance(error, LOOK_AGAIN)


def sqlstate(error: BaseException) -> str:
    """Return what PostgreSQL, or asyncpg for it, calls an error; "" where there is no such code."""
    return str(getattr(error, "sqlstate", None) or "")


def _translate(address: PostgresAddress, error: BaseException) -> StoreError:
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return ReadOnlyError(
            f"The role of {address} may not do this ({error}). Grant it the log's schema, or run"
            " migrate() as the owner."
        )
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
        return ReadOnlyError(f"{address} is read-only, perhaps a standby: {error}.")
    if isinstance(error, (asyncpg.LockNotAvailableError, asyncpg.QueryCanceledError)):
        return BusyError(f"{address} did not answer within statement_timeout: {error}.")
    if isinstance(error, asyncpg.UndefinedTableError):
        return NotAnEventLogError(f"{address} lost a table of the log while it was open ({error}).")
    if isinstance(error, TimeoutError):
        return UnavailableError(f"{address} did not answer in time. Is the server reachable?")
    return UnavailableError(f"{address} cannot be used: {error}.")
