"""Copying a log that is in use."""

import asyncio
import os
from collections.abc import Callable

from eventlog.addresses.log import PostgresAddress, parse
from eventlog.errors import InvalidOptionError
from eventlog.files import OWNER
from eventlog.log import EventLog
from eventlog.store.contract.options import DEFAULT_SCHEMA


async def backup(
    url: str | os.PathLike[str],
    to: str | os.PathLike[str],
    *,
    progress: Callable[[int, int], None] | None = None,
    mode: int = OWNER,
) -> None:
    """Copy the SQLite log at `url`, as it is at this moment, into the new file `to`.

    Everybody goes on reading and writing meanwhile. The file appears when it is complete; nothing
    that exists is overwritten. It is its owner's alone, unless `mode` says otherwise. `progress` is
    told pages that are copied, and all of them, from another thread.

    Raises InvalidOptionError for a log that is no SQLite file, and for a file that is there;
    NotAnEventLogError or UnavailableError.
    """
    address = parse(url, DEFAULT_SCHEMA)
    if isinstance(address, PostgresAddress):
        raise InvalidOptionError(
            f"{address} is on a PostgreSQL server, which makes its own backups: pg_dump"
            " --format=custom --schema=SCHEMA --file=FILE URL, and pg_restore to bring it back."
        )
    if address.path is None:
        raise InvalidOptionError("A log in memory cannot be copied: only its handle sees it.")
    from eventlog.store.sqlite.backup import backup_sqlite

    await asyncio.to_thread(backup_sqlite, address, os.fsdecode(to), progress, mode)


async def working_copy(log: EventLog, folder: str | os.PathLike[str]) -> str | None:
    """Copy a SQLite log that cannot be written into `folder`; return the path of the copy.

    There views can be filled. None for a log on a server, which is not copied. Raises
    UnavailableError where there is no room.
    """
    address = log.spi.address
    if isinstance(address, PostgresAddress) or address.path is None:
        return None
    path = os.path.join(os.fsdecode(folder), "log.db")
    await backup(address.path, path)
    return path
