"""Opening a schema as a log; a new one is created, an old one upgraded where that is allowed."""

import asyncio
from typing import Any

import asyncpg

from eventlog.addresses.log import PostgresAddress
from eventlog.store.contract.options import Options
from eventlog.store.contract.revisions import HEAD, needs_migration
from eventlog.store.postgres.catalog import inspect, revision


async def prepare(
    address: PostgresAddress, options: Options, connection: "asyncpg.Connection[Any]"
) -> None:
    """Make sure that the log is there and current."""
    if await revision(connection, address.schema) == HEAD:
        return
    found = await inspect(connection, address.schema)
    upgrade, create = options.migrate, options.create and not options.read_only
    if needs_migration(str(address), *found, upgrade=upgrade, create=create):
        await asyncio.to_thread(_migrate, address, options.postgres.connect_timeout)


def _migrate(address: PostgresAddress, patience: float) -> None:
    # A start must be quick: Alembic is imported only where there is something to create.
    from eventlog.store.postgres.migration import migrate_postgres

    migrate_postgres(address, patience)
