"""Creating or upgrading a log on purpose, as a deployment does."""

import asyncio
import os

from eventlog.log import DEFAULT_SCHEMA
from eventlog.names import check_name
from eventlog.store.address import Address, SqliteAddress, parse


async def migrate(
    url: str | os.PathLike[str],
    *,
    schema: str = DEFAULT_SCHEMA,
    beside: bool = False,
    patience: float = 10.0,
) -> None:
    """Create the log at `url`, or bring it up to this release. At head it changes nothing.

    Safe to call from several processes at once. `beside` allows a new log in a SQLite file, or a
    PostgreSQL schema, that holds other tables. `patience` is how many seconds to wait for a server
    or a lock.

    Raises NotAnEventLogError, SchemaTooNewError, UnavailableError, or InvalidAddressError.
    """
    address = parse(url, check_name("schema", schema))
    await asyncio.to_thread(_migrate, address, patience, beside=beside)


def _migrate(address: Address, patience: float, *, beside: bool) -> None:
    # Importing Alembic takes longer than opening a log that is current.
    if isinstance(address, SqliteAddress):
        from eventlog.store.migrate import migrate_sqlite

        migrate_sqlite(address, patience, beside=beside)
    else:
        from eventlog.store.migrate_postgres import migrate_postgres

        migrate_postgres(address, patience, beside=beside)
