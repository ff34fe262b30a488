"""Creating and upgrading the tables of a PostgreSQL schema."""

import asyncio
from typing import Any, Final

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateSchema

from eventlog.addresses.log import PostgresAddress
from eventlog.errors import InvalidOptionError, NotAnEventLogError
from eventlog.store.contract.revisions import needs_migration
from eventlog.store.migrations import ALEMBIC, driver_errors, upgrade
from eventlog.store.postgres.catalog import (
    ARMED,
    CITUS,
    OBJECTS,
    TABLES,
    Lost,
    Object,
    form,
    inspect,
    lost_on_nodes,
    on_nodes,
    renewing,
)
from eventlog.store.postgres.distributed import (
    HAS_CITUS,
    TRIGGERED,
    Spread,
    functions,
    is_current,
    of_partitions,
    of_tenants,
)
from eventlog.store.postgres.errors import translated
from eventlog.store.sql.session import MIGRATING, locally
from eventlog.store.sql.statement import quoted

_LOCK: Final = 7_306_867_134_501_212_247
"""Key of the advisory lock that migrating processes queue for."""

_OFF_GUARD: Final = f"""
SELECT format(
    'ALTER TABLE %s ENABLE %s TRIGGER %I', tgrelid::regclass,
    CASE armed WHEN 'A' THEN 'ALWAYS' ELSE '' END, tgname
) FROM pg_trigger JOIN (
    SELECT oid, {ARMED} AS armed FROM pg_class WHERE relnamespace = to_regnamespace($1)
) AS guarded ON guarded.oid = tgrelid
JOIN pg_proc ON pg_proc.oid = tgfoid
WHERE pronamespace = to_regnamespace($1) AND NOT tgisinternal AND tgenabled::text <> armed
ORDER BY 1
"""
"""Ours call a function of the log's schema. Those of a partition are enabled one by one."""


def migrate_postgres(
    address: PostgresAddress,
    patience: float,
    *,
    beside: bool = False,
    spread: Spread = Spread(),  # noqa: B008 - it is immutable
) -> None:
    """Create or upgrade the schema; concurrent callers queue for an advisory lock.

    Blocks, in an event loop of its own: Alembic's globals must not be seen half set by another
    task of the caller's loop.
    """
    with ALEMBIC, translated(address), driver_errors():
        asyncio.run(_migrate(address, patience, beside=beside, spread=spread))


async def _migrate(
    address: PostgresAddress, patience: float, *, beside: bool, spread: Spread
) -> None:
    async def connect() -> Any:
        # The URL as every other connection reads it, and no statement that PgBouncer would mix up.
        return await asyncpg.connect(address.dsn, timeout=patience, statement_cache_size=0)

    engine = create_async_engine(
        "postgresql+asyncpg://",
        poolclass=NullPool,
        connect_args={
            "async_creator_fn": connect,
            "prepared_statement_cache_size": 0,
            "prepared_statement_name_func": lambda: "",
        },
    )
    async with engine.begin() as connection:
        raw = await connection.get_raw_connection()
        _check_encoding(raw.driver_connection, address)
        for setting in locally(MIGRATING):
            await connection.exec_driver_sql(setting)
        await connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        tables, found = await inspect(raw.driver_connection, address.schema)
        if spread.distributed and not await _count(connection, HAS_CITUS):
            raise InvalidOptionError(
                f"{address} has no Citus. Run CREATE EXTENSION citus in this database, on the"
                " coordinator and on every worker, and name the coordinator."
            )
        if needs_migration(str(address), tables, found.revision, upgrade=True, beside=beside):
            await connection.execute(CreateSchema(address.schema, if_not_exists=True))
            await connection.run_sync(upgrade, address.schema)
        if spread.is_wanted:
            await _spread(connection, address, spread, is_new=found.revision is None)
        if (await form(raw.driver_connection, address.schema)).is_spread:
            await _distribute(connection, address)
        await _protect(raw.driver_connection, address.schema)
    await engine.dispose()


async def _spread(
    connection: AsyncConnection, address: PostgresAddress, spread: Spread, *, is_new: bool
) -> None:
    schema = connection.dialect.identifier_preparer.quote_schema(address.schema)
    if not is_new and await _count(connection, spread.is_done(schema)):
        return
    if not (is_new or spread.distributed):
        raise InvalidOptionError(
            f"{address} has a log in schema {address.schema} that is not split so. Only a new log"
            " can be: create it in a schema of its own, and copy the events into it."
        )
    if not is_new and await _count(connection, of_partitions(schema)):
        raise InvalidOptionError(
            f"{address} has a log in schema {address.schema} that is split into partitions, which"
            " Citus does not take. Create one in a schema of its own, and copy the events into it."
        )
    if not is_new and await _count(connection, of_tenants(schema)):
        raise InvalidOptionError(
            f"{address} has roles of tenants, which nothing limits on many nodes. Drop those roles"
            " and the policies of the log's tables, or copy each tenant into a log of its own."
        )
    for statement in spread.statements(schema):
        await connection.exec_driver_sql(statement)


async def _distribute(connection: AsyncConnection, address: PostgresAddress) -> None:
    """Bring the functions of a distributed log up to this release, where they are not."""
    schema = connection.dialect.identifier_preparer.quote_schema(address.schema)
    if not await _count(connection, is_current(schema)):
        for statement in functions(schema):
            await connection.exec_driver_sql(statement)


async def _count(connection: AsyncConnection, query: str) -> int:
    return (await connection.exec_driver_sql(query)).scalar() or 0


async def _protect(connection: Any, schema: str) -> None:
    """Make triggers and indexes that are gone or changed, and enable all triggers always.

    Where nothing of that is so, only look.
    """
    objects = [Object._make(row) for row in await connection.fetch(OBJECTS, schema, TABLES)]
    gone: list[Lost] = []
    if await connection.fetch(CITUS):
        await connection.execute(TRIGGERED)
        asked = on_nodes(schema)
        gone += lost_on_nodes(await connection.fetch(asked.text, *asked.args))
    if renewed := renewing(objects, gone):
        path = await connection.fetchval("SHOW search_path")
        await connection.execute(f"SET LOCAL search_path = {quoted(schema)}")
        for statement in renewed:
            await connection.execute(statement)
        await connection.execute(f"SET LOCAL search_path = {path}")
    for (enable,) in await connection.fetch(_OFF_GUARD, quoted(schema)):
        await connection.execute(enable)


def _check_encoding(connection: Any, address: PostgresAddress) -> None:
    """Raise NotAnEventLogError for a database that does not hold every text."""
    encoding = connection.get_settings().server_encoding
    if encoding != "UTF8":
        raise NotAnEventLogError(
            f"{address} is in encoding {encoding}, which cannot hold every text; nothing was made"
            " there. A log takes a database of its own: CREATE DATABASE ... ENCODING 'UTF8'"
            " TEMPLATE template0."
        )
