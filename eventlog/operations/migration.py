"""Creating or upgrading a log on purpose, as a deployment does."""

import asyncio
import os

from eventlog.addresses.log import Address, SqliteAddress, parse
from eventlog.errors import InvalidOptionError
from eventlog.format.names import check_schema
from eventlog.store.contract.options import DEFAULT_SCHEMA
from eventlog.store.postgres.distributed import Spread


async def migrate(
    url: str | os.PathLike[str],
    *,
    schema: str = DEFAULT_SCHEMA,
    beside: bool = False,
    patience: float = 10.0,
    distributed: str | None = None,
    partitions: int | None = None,
) -> None:
    """Create the log at `url`, or bring it up to this release.

    At head it changes nothing, but puts triggers back on guard that were switched off to copy rows
    (docs/copying.md). Safe to call from several processes at once. `beside` allows a new log in a
    SQLite file, or a PostgreSQL schema, that holds other tables. `patience` is how many seconds to
    wait for a server or a lock.

    A log on PostgreSQL can be spread by its streams: `distributed="citus"` over the workers of a
    Citus coordinator, also one that is there (no program may have it open); `partitions` splits
    the events of a new one into so many tables of one server. docs/scaling.md says when and how.

    Raises NotAnEventLogError, SchemaTooNewError, UnavailableError, InvalidAddressError, or
    InvalidOptionError where a log cannot be spread so.
    """
    address = parse(url, check_schema(schema))
    spread = Spread(distributed, partitions).check()
    if spread.is_wanted and isinstance(address, SqliteAddress):
        raise InvalidOptionError(f"{address} is a SQLite file: it is one, and cannot be spread.")
    await asyncio.to_thread(_migrate, address, patience, beside=beside, spread=spread)


def _migrate(address: Address, patience: float, *, beside: bool, spread: Spread) -> None:
    # Importing Alembic takes longer than opening a log that is current.
    if isinstance(address, SqliteAddress):
        from eventlog.store.sqlite.migration import migrate_sqlite

        migrate_sqlite(address, patience, beside=beside)
    else:
        from eventlog.store.postgres.migration import migrate_postgres

        migrate_postgres(address, patience, beside=beside, spread=spread)
