"""A log in the database of the SDK's own sessions: their history is there before the first answer.

Their tables stay as they are; ours are created beside them.
"""

import copy
import logging
import os
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from eventlog import (
    Appended,
    Context,
    Event,
    EventLog,
    NewEvent,
)
from eventlog.errors import NotAnEventLogError
from eventlog.operations import migrate
from eventlog.store.addresses.log import Address, PostgresAddress, parse
from eventlog.store.contract.options import DEFAULT_SCHEMA
from eventlog_openai_agents.importing.copying import import_sessions
from eventlog_openai_agents.importing.from_sqlalchemy import SQLAlchemySource
from eventlog_openai_agents.importing.from_sqlite import SQLiteSource
from eventlog_openai_agents.importing.report import ImportReport
from eventlog_projections import Conversation, ItemsRead
from eventlog_projections.conversation import NOBODY

_log: Final = logging.getLogger("eventlog.importing")

_SHOWN: Final = 5

_imported: Final[set[tuple[object, ...]]] = set()
"""Databases and tenants whose store this process has imported."""


class ImportingConversation(Conversation):
    """A conversation of a log at `url`; its first call imports all of the store that is there."""

    def __init__(self, log: EventLog, name: str, branch: str, url: str | os.PathLike[str]) -> None:
        super().__init__(log, name, branch)
        self._url: Final = url

    async def view(
        self, *, as_of: int | datetime | None = None, limit: int | None = None
    ) -> ItemsRead:
        """Return the items beside the version they are of."""
        await import_existing(self.log, self._url)
        return await super().view(as_of=as_of, limit=limit)

    async def add(
        self, items: Sequence[Any], *, context: Context = NOBODY, beside: Event | None = None
    ) -> Appended | None:
        """Append the items as one batch."""
        # The caller may change them while the store is imported.
        return await super().add(copy.deepcopy(items), context=context, beside=beside)

    async def append(
        self, events: NewEvent | Sequence[NewEvent], expected: int | None = None
    ) -> Appended:
        """Append events as one batch."""
        await import_existing(self.log, self._url)
        return await super().append(events, expected)


async def import_existing(log: EventLog, url: str | os.PathLike[str]) -> None:
    """Import the SDK's store at `url` into `log` at the same place, once in a process.

    Where there is none, nothing happens. What cannot be copied is logged as a warning. Raises what
    `import_sessions` and `migrate` raise.
    """
    address = parse(url, DEFAULT_SCHEMA)
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
