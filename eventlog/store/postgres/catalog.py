"""What the schema of a PostgreSQL database holds."""

from typing import Any

import asyncpg

from eventlog.store.contract.revisions import VERSION_TABLE


async def inspect(connection: Any, schema: str) -> tuple[dict[str, list[str]], str | None]:
    """Return the columns of every table in the schema, and the revision of the log in it."""
    rows = await connection.fetch(
        "SELECT table_name::text, column_name::text FROM information_schema.columns"
        " WHERE table_schema = $1 ORDER BY table_name, ordinal_position",
        schema,
    )
    tables: dict[str, list[str]] = {}
    for table, name in rows:
        tables.setdefault(table, []).append(name)
    if VERSION_TABLE not in tables:
        return tables, None
    return tables, await revision(connection, schema)


async def revision(connection: Any, schema: str) -> str | None:
    """Return the revision of the log in a schema, None where there is none."""
    quoted = '"' + schema.replace('"', '""') + '"'
    try:
        found: str | None = await connection.fetchval(
            f"SELECT version_num FROM {quoted}.{VERSION_TABLE}"
        )
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        return None
    return found
