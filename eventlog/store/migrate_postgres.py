"""Creating and upgrading the tables of a PostgreSQL schema."""

import asyncio
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateSchema

from eventlog.store import postgres
from eventlog.store.address import PostgresAddress
from eventlog.store.base import needs_migration
from eventlog.store.migrate import ALEMBIC, driver_errors, upgrade

_LOCK: Final = 7_306_867_134_501_212_247
"""Key of the advisory lock that migrating processes queue for."""


def migrate_postgres(address: PostgresAddress, patience: float, *, beside: bool = False) -> None:
    """Create or upgrade the schema; concurrent callers queue for an advisory lock.

    Blocks, in an event loop of its own: Alembic's globals must not be seen half set by another
    task of the caller's loop.
    """
    with ALEMBIC, postgres.translated(address), driver_errors():
        asyncio.run(_migrate(address, patience, beside=beside))


async def _migrate(address: PostgresAddress, patience: float, *, beside: bool) -> None:
    url = address.url.set(drivername="postgresql+asyncpg")
    engine = create_async_engine(url, poolclass=NullPool, connect_args={"timeout": patience})
    async with engine.begin() as connection:
        await connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        raw = await connection.get_raw_connection()
        found = await postgres.inspect(raw.driver_connection, address.schema)
        if needs_migration(str(address), *found, upgrade=True, beside=beside):
            await connection.execute(CreateSchema(address.schema, if_not_exists=True))
            await connection.run_sync(upgrade, address.schema)
    await engine.dispose()
