"""A log in the database of the SDK's own sessions: their history is there before the first answer.

Their tables stay as they are; ours are created beside them.
"""

import logging
import os
from typing import Final

from eventlog import EventLog
from eventlog.addresses.log import Address, PostgresAddress
from eventlog.errors import NotAnEventLogError
from eventlog.operations import migrate
from eventlog_importing.copying import import_sessions
from eventlog_importing.from_sqlalchemy import SQLAlchemySource
from eventlog_importing.from_sqlite import SQLiteSource
from eventlog_importing.report import ImportReport

_log: Final = logging.getLogger("eventlog.importing")

_SHOWN: Final = 5

_imported: Final[set[tuple[object, ...]]] = set()
"""Databases and tenants whose store this process has imported."""


async def import_existing(log: EventLog, url: str | os.PathLike[str]) -> None:
    """Import the SDK's store at `url` into `log` at the same place, once in a process.

    Where there is none, nothing happens. What cannot be copied is logged as a warning. Raises what
    `import_sessions` and `migrate` raise.
    """
    address = log.spi.address
    place = (_identity(address), log.tenant)
    if place[0] is not None and place in _imported:
        return
    source = _source(address)
    if source is not None and await source.is_there():
        await _create_beside(log, url)
        _warn(await import_sessions(log, source))
    # A file that is new has its identity only now.
    _imported.add((_identity(address), log.tenant))


def _source(address: Address) -> SQLAlchemySource | SQLiteSource | None:
    if isinstance(address, PostgresAddress):
        return SQLAlchemySource(address.dsn)
    return None if address.path is None else SQLiteSource(address.path)


def _identity(address: Address) -> object:
    """Tell a file from another that takes its place later."""
    if isinstance(address, PostgresAddress):
        return address.dsn
    if address.path is None or not os.path.exists(address.path):
        return None
    status = os.stat(address.path)
    return status.st_dev, status.st_ino


async def _create_beside(log: EventLog, url: str | os.PathLike[str]) -> None:
    try:
        await log.position()
    except NotAnEventLogError:
        await migrate(url, beside=True)


def _warn(report: ImportReport) -> None:
    for refused in report.refused[:_SHOWN]:
        _log.warning("Conversation %r was not imported: %s.", refused.conversation, refused.why)
    if len(report.refused) > _SHOWN:
        _log.warning("%d more conversations were not imported.", len(report.refused) - _SHOWN)
    if report.preserved:
        _log.warning("%d rows are no items; they were kept as they are.", len(report.preserved))
