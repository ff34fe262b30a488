"""Creating the roles of a log on a PostgreSQL server, in one transaction."""

from collections.abc import Sequence
from typing import Any, Final

import asyncpg

from eventlog.addresses.log import PostgresAddress
from eventlog.errors import InvalidOptionError
from eventlog.store.contract.revisions import HEAD, VERSION_TABLE
from eventlog.store.postgres.catalog import inspect
from eventlog.store.postgres.errors import translated
from eventlog.store.sql import roles as role_sql
from eventlog.store.sql import row_security
from eventlog.store.sql.roles import GROUP, fixed, role_name, table_of
from eventlog.store.sql.session import SETTINGS, locally
from eventlog.store.sql.statement import quoted
from eventlog.store.sql.statistics import silence_all

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

_SCHEMAS: Final = """
SELECT nspname FROM pg_namespace JOIN pg_class ON relnamespace = pg_namespace.oid
WHERE relname = $1
"""
_OF_TENANTS: Final = """
SELECT member.rolname, whole.rolname FROM pg_auth_members
JOIN pg_roles AS whole ON whole.oid = roleid
JOIN pg_roles AS member ON member.oid = pg_auth_members.member
WHERE member.rolname = ANY($1::text[]) AND right(whole.rolname, 8) = '_tenants'
"""
_UNBOUND: Final = """
SELECT rolsuper OR rolbypassrls OR rolname = CURRENT_USER OR EXISTS (
    SELECT FROM pg_roles AS owner WHERE owner.rolname = $2 AND pg_has_role($1, owner.oid, 'MEMBER')
) FROM pg_roles WHERE rolname = $1
"""
"""Whom no policy binds: superusers, and owners of the tables."""


async def create_roles(
    address: PostgresAddress, tenant: str | None, role: str | None, patience: float
) -> list[str]:
    """Create what is not there, and grant anew; return the names of the roles."""
    names = [role_sql.check_role(name) for name in fixed(address.schema)]
    own = [] if role is None else [role_sql.check_role(role)]
    with translated(address):
        connection = await asyncpg.connect(
            address.dsn, timeout=patience, statement_cache_size=0, command_timeout=patience
        )
        try:
            async with connection.transaction():
                for setting in locally(SETTINGS):
                    await connection.execute(setting)
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
    found, made = await inspect(connection, schema)
    if made.revision != HEAD:
        raise InvalidOptionError(f"{address} holds no log of this release. Call migrate() first.")
    if tenant is not None and made.is_spread:
        raise InvalidOptionError(
            f"{address} is on many nodes, and no policy of one table can look up there whose a"
            " stream is: nothing would limit a tenant's role. Give each such tenant a log of its"
            " own, in another schema of this database or in another one."
        )
    await _refuse(connection, schema, role)
    rows = await connection.fetch("SELECT rolname FROM pg_roles WHERE rolname = ANY($1)", names)
    there, group = {row[0] for row in rows}, role_name(schema, GROUP)
    known = {row[0] for row in await connection.fetch(role_sql.known(schema))}
    has_tenants = tenant is not None or group in known
    names = [name for name in names if has_tenants or name != group]
    steps = [f"CREATE ROLE {quoted(name)}" for name in names if name not in there]
    partitions = await connection.fetch(_PARTITIONS, f"{quoted(schema)}.events")
    user = await connection.fetchval("SELECT CURRENT_USER")
    steps += role_sql.ownership(schema, [row[0] for row in partitions], user)
    steps += role_sql.grants(schema, names)
    tables = sorted(name for name in found if name.startswith("view_"))
    steps += await _limits(connection, schema, tables) if has_tenants else []
    for table in tables:
        steps += row_security.guard(schema, table, found[table], names)
    if has_tenants:
        steps.append(silence_all(schema, tables))
    for (view,) in await connection.fetch(_VIEWS, schema):
        steps += row_security.guard(schema, view, None, names)
    if tenant is not None and role is not None:
        steps += row_security.tenant_role(schema, tenant, role)
    for step in steps:
        await connection.execute(step)
    return names


async def _limits(
    connection: "asyncpg.Connection[Any]", schema: str, views: Sequence[str]
) -> list[str]:
    """Limit roles of tenants; one of which nobody knows whose it is any more sees nothing."""
    asked = (table_of(schema, "streams"), role_name(schema, GROUP))
    policies = [(row[0], row[1]) for row in await connection.fetch(row_security.POLICIES, *asked)]
    lost = [row[0] for row in await connection.fetch(row_security.UNLIMITED, *asked)]
    return [
        *row_security.renamed(schema, policies),
        *row_security.closed(schema, lost),
        *row_security.outdated(
            schema,
            ("streams", "keys", *role_sql.OF_STREAMS, *views),
            {role for _, role in policies},
        ),
        *row_security.row_security(schema),
    ]


async def _refuse(connection: "asyncpg.Connection[Any]", schema: str, role: str | None) -> None:
    """Raise InvalidOptionError for a name that is taken by something else, or that binds nobody."""
    taken = await connection.fetch(_OF_TENANTS, fixed(schema))
    for name, group in taken:
        raise InvalidOptionError(
            f"Role {name!r} is one of a tenant, of the log that has {group!r}. Give this log"
            " another schema."
        )
    if role is None:
        return
    schemas = [row[0] for row in await connection.fetch(_SCHEMAS, VERSION_TABLE)]
    if why := role_sql.unusable(role, schemas):
        raise InvalidOptionError(f"Role {role!r} cannot be a tenant's: {why}. Give another role=.")
    if await connection.fetchval(_UNBOUND, role, role_name(schema, role_sql.OWNER)):
        raise InvalidOptionError(
            f"Role {role!r} cannot be a tenant's: it owns the log, or is a superuser, and no policy"
            " binds those. Give another role=."
        )
