"""Creating the roles of a log on a PostgreSQL server, in one transaction."""

from collections.abc import Sequence
from typing import Any, Final

import asyncpg

from eventlog.addresses.log import PostgresAddress
from eventlog.errors import InvalidOptionError
from eventlog.store.contract.revisions import HEAD
from eventlog.store.postgres.catalog import inspect
from eventlog.store.postgres.errors import translated
from eventlog.store.sql import roles as role_sql
from eventlog.store.sql.roles import GROUP, ROLES, role_name
from eventlog.store.sql.statement import quoted

_LOCK: Final = 7_306_867_134_501_212_249
"""Key of the advisory lock that those who create roles queue for."""

_PARTITIONS: Final = """
SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid
WHERE inhparent = to_regclass($1)
"""
_VIEWS: Final = """
SELECT DISTINCT readable.relname
FROM pg_class AS readable
JOIN pg_namespace ON pg_namespace.oid = readable.relnamespace
JOIN pg_rewrite ON ev_class = readable.oid
JOIN pg_depend ON classid = 'pg_rewrite'::regclass AND objid = pg_rewrite.oid
JOIN pg_class AS stored ON refclassid = 'pg_class'::regclass AND refobjid = stored.oid
WHERE nspname = $1 AND readable.relkind = 'v'
AND stored.relnamespace = readable.relnamespace AND starts_with(stored.relname, 'view_')
ORDER BY readable.relname
"""
"""By what they depend on: texts of views are made for all schemas, also one that goes just now."""


async def create_roles(
    address: PostgresAddress, tenant: str | None, role: str | None, patience: float
) -> list[str]:
    """Create what is not there, and grant anew; return the names of the roles."""
    names = [role_sql.check_role(role_name(address.schema, kind)) for kind in (*ROLES, GROUP)]
    own = [] if role is None else [role_sql.check_role(role)]
    with translated(address):
        connection = await asyncpg.connect(
            address.dsn, timeout=patience, statement_cache_size=0, command_timeout=patience
        )
        try:
            async with connection.transaction():
                await connection.execute(f"SELECT pg_advisory_xact_lock({_LOCK})")
                return await _create(connection, address, [*names, *own], tenant, role)
        finally:
            await connection.close()


async def _create(
    connection: "asyncpg.Connection[Any]",
    address: PostgresAddress,
    names: Sequence[str],
    tenant: str | None,
    role: str | None,
) -> list[str]:
    schema = address.schema
    found, revision = await inspect(connection, schema)
    if revision != HEAD:
        raise InvalidOptionError(f"{address} holds no log of this release. Call migrate() first.")
    rows = await connection.fetch("SELECT rolname FROM pg_roles WHERE rolname = ANY($1)", names)
    there, group = {row[0] for row in rows}, role_name(schema, GROUP)
    has_tenants = tenant is not None or group in there
    names = [name for name in names if has_tenants or name != group]
    steps = [f"CREATE ROLE {quoted(name)}" for name in names if name not in there]
    partitions = await connection.fetch(_PARTITIONS, f"{quoted(schema)}.events")
    steps += role_sql.ownership(schema, [row[0] for row in partitions])
    steps += role_sql.grants(schema, names)
    steps += role_sql.row_security(schema) if has_tenants else []
    for table in sorted(name for name in found if name.startswith("view_")):
        steps += role_sql.guard(schema, table, found[table], names)
    for (view,) in await connection.fetch(_VIEWS, schema):
        steps += role_sql.guard(schema, view, None, names)
    if tenant is not None and role is not None:
        steps += role_sql.tenant_role(schema, tenant, role)
    for step in steps:
        await connection.execute(step)
    return names
