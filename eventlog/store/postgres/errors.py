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
    StoreError,
    UnavailableError,
)
from eventlog.store.nouns.outcomes import UnansweredError
from eventlog.store.postgres.pool import LOST

LOOK_AGAIN: Final = (
    asyncpg.UniqueViolationError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
)
"""Nothing was stored, and only a fresh snapshot tells why."""


@contextlib.contextmanager
def translated(address: PostgresAddress, *untouched: type[Exception]) -> Generator[None]:
    """Turn the driver's errors into ours, by their class, which is their SQLSTATE."""
    try:
        yield
    except untouched:
        raise
    except UnansweredError:
        raise
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        raise translate(address, error) from error


def translate(address: PostgresAddress, error: BaseException) -> StoreError:
    """Return our error for one of the driver's, which says that nothing was stored."""
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
    if isinstance(error, TimeoutError):
        return UnavailableError(f"{address} did not answer in time. Is the server reachable?")
    if isinstance(error, asyncpg.InternalClientError):
        return UnavailableError(f"{address} ended the connection.")
    is_refused = isinstance(error, asyncpg.PostgresError) and not isinstance(error, LOST)
    said = " Nothing was stored." if is_refused else ""
    return UnavailableError(f"{address} cannot be used: {error}.{said}")
