"""Opening a schema as a log; a new one is created, an old one upgraded where that is allowed."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import asyncpg

from eventlog.addresses.log import PostgresAddress
from eventlog.errors import SchemaTooOldError
from eventlog.store.contract.options import Options
from eventlog.store.contract.revisions import HEAD, needs_migration
from eventlog.store.postgres.catalog import Form, form, inspect
from eventlog.store.sql.session import DISTRIBUTED, locally

ARRAYS: Final = "SELECT $1::bytea[], $2::bigint[], $3::integer[], $4::text[], $5::name[]"
"""Every type of an array that a statement takes."""


async def prepare(
    address: PostgresAddress,
    options: Options,
    distribute: Callable[[], None],
    connection: "asyncpg.Connection[Any]",
) -> None:
    """Make sure that the log is there and current; call `distribute` if it is on many nodes."""
    found = await form(connection, address.schema)
    if found.revision != HEAD or found.is_outdated:
        found = await _made(address, options, connection)
    if found.is_distributed:
        distribute()
        if options.postgres.pgbouncer:
            await learn_arrays(connection)
        else:
            for name, value in DISTRIBUTED.items():
                await connection.execute(f"SET {name} = {value}")


async def learn_arrays(connection: "asyncpg.Connection[Any]") -> None:
    """Have the driver ask about arrays while Citus hides nothing, where no session can be told so.

    It remembers them for the connection. Later it would wait for seconds, in the first append.
    """
    async with connection.transaction():
        for setting in locally(DISTRIBUTED):
            await connection.execute(setting)
        await connection.fetch(ARRAYS, [], [], [], [], [])


async def _made(
    address: PostgresAddress, options: Options, connection: "asyncpg.Connection[Any]"
) -> Form:
    """Create or upgrade the log, unless somebody else just did."""
    tables, found = await inspect(connection, address.schema)
    upgrade, create = options.migrate, options.create and not options.read_only
    if not needs_migration(str(address), tables, found.revision, upgrade=upgrade, create=create):
        if not found.is_outdated:
            return found
        if not upgrade:
            raise SchemaTooOldError(
                f"{address} was distributed by a release whose appends Citus refuses. Call"
                " migrate(), or open the log with migrate=True."
            )
    await asyncio.to_thread(_migrate, address, options.postgres.connect_timeout)
    return await form(connection, address.schema)


def _migrate(address: PostgresAddress, patience: float) -> None:
    # A start must be quick: Alembic is imported only where there is something to create.
    from eventlog.store.postgres.migration import migrate_postgres

    migrate_postgres(address, patience)
