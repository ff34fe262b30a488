"""Which log a session is on: one that it opens by an address or an engine, or one it is given."""

import os
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, NamedTuple

from eventlog import EventLog
from eventlog.addresses.engine import address_of
from eventlog.addresses.log import MEMORY
from eventlog.errors import InvalidOptionError
from eventlog.keys import KeyRing
from eventlog.log import DEFAULT_TENANT
from eventlog_projections.stream import BeforeUse

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

Location = str | os.PathLike[str]


class Opened(NamedTuple):
    """A log for a session; `owned` is the same log, if the session has to close it."""

    log: EventLog
    owned: EventLog | None = None
    before_use: BeforeUse | None = None
    """Imports what the SDK's own sessions stored in the database."""


def open_log(
    location: Location,
    engine: "AsyncEngine | None",
    *,
    tenant: str | None,
    keyring: KeyRing | None,
    import_existing: bool,
) -> Opened:
    """Open a log at a path, a URL or where `engine` goes. Raises what EventLog raises."""
    if engine is not None:
        location = address_of(engine)
    log = EventLog(location, tenant=DEFAULT_TENANT if tenant is None else tenant, keyring=keyring)
    return Opened(log, log, _importing(log, location) if import_existing else None)


def given_log(
    log: EventLog, *, tenant: str | None, keyring: KeyRing | None, import_existing: bool
) -> Opened:
    """Return a log that its owner closes. Raises InvalidOptionError for options it cannot have."""
    if keyring is not None:
        raise InvalidOptionError("Give either keyring or log, not both: the log has its own.")
    if import_existing:
        raise InvalidOptionError(
            "import_existing needs db_path or engine: for a log that is open, call import_sessions."
        )
    if tenant is not None and tenant != log.tenant:
        raise InvalidOptionError(
            f"The session's tenant {tenant!r} is not the log's, {log.tenant!r}. Open a log for"
            " each tenant; logs of one database share its connections."
        )
    return Opened(log)


def check_one_place(location: Location, engine: "AsyncEngine | None", log: EventLog | None) -> None:
    """Raise InvalidOptionError where more than one of them says where the log is."""
    if (location != MEMORY) + (engine is not None) + (log is not None) > 1:
        raise InvalidOptionError(
            "Give one of db_path, engine and log: each of them says where the log is."
        )


class Closing:
    """Closes a log when it is awaited; without a log, nothing."""

    def __init__(self, log: EventLog | None) -> None:
        self._log = log

    def __await__(self) -> Generator[Any, Any, None]:
        if self._log is not None:
            yield from self._log.close().__await__()


def _importing(log: EventLog, location: Location) -> BeforeUse:
    async def before_use() -> None:
        # It loads SQLAlchemy, which other sessions do not need.
        from eventlog_importing.existing import import_existing

        await import_existing(log, location)

    return before_use
