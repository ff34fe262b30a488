"""Putting a backup back."""

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime

from eventlog import resources
from eventlog.addresses.log import SqliteAddress, parse
from eventlog.errors import BrokenBackupError, BusyError, InvalidOptionError
from eventlog.format.names import check_name
from eventlog.keys.ring import KeyRing
from eventlog.log import EventLog
from eventlog.store.contract.options import DEFAULT_SCHEMA


async def recover(
    backup: str | os.PathLike[str],
    to: str | os.PathLike[str],
    *,
    keep: bool = True,
    verify: bool = True,
    keyring: KeyRing | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> str | None:
    """Put the SQLite log `backup` in the place of the log `to`, which nobody may be using.

    The backup is copied, brought up to this release and verified, for every tenant, before anything
    changes; it stays as it is. The log that was there, with a write-ahead log beside it, is kept
    under another name, which is returned; or removed, with `keep=False`. `progress` is told pages.
    Who still has the old file open is told so by its next call (FileReplacedError).

    Raises BrokenBackupError, BusyError, InvalidOptionError, NotAnEventLogError or UnavailableError;
    nothing has changed then.
    """
    source, target = _file(backup), _file(to)
    if resources.is_open(target):
        raise BusyError(f"{target} is open in this process. Close every handle on it first.")
    from eventlog.store.sqlite import recovery

    copy = await asyncio.to_thread(recovery.copy_beside, source, target, progress)
    try:
        await _prepare(source, copy, keyring if verify else None, verify=verify)
        at = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        aside = recovery.free_name(target, at) if keep else None
        was_there = await asyncio.to_thread(recovery.put_in_place, copy, target, aside)
    finally:
        recovery.remove(copy)
    return aside if was_there else None


def _file(url: str | os.PathLike[str]) -> SqliteAddress:
    address = parse(url, check_name("schema", DEFAULT_SCHEMA))
    if not isinstance(address, SqliteAddress):
        raise InvalidOptionError(
            f"{address} is on a PostgreSQL server, which brings its own backups back: pg_restore"
            " --dbname=URL FILE, then `eventlog roles`. docs/operating.md says how."
        )
    if address.path is None:
        raise InvalidOptionError("A log in memory has no backup and cannot be one.")
    return address


async def _prepare(
    source: SqliteAddress, copy: SqliteAddress, keyring: KeyRing | None, *, verify: bool
) -> None:
    """Bring the copy up to this release, and verify what every tenant has in it."""
    path = copy.path or ""
    async with EventLog(path, create=False, migrate=True, keyring=keyring) as log:
        await log.position()
    from eventlog.store.sqlite import recovery

    for tenant in await asyncio.to_thread(recovery.tenants, copy) if verify else ():
        async with EventLog(path, tenant=tenant, create=False, keyring=keyring) as log:
            found = await log.verify()
        if not found.ok:
            raise BrokenBackupError(str(source), found.faults)
