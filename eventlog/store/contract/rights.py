"""What the role that a log was opened with may do besides reading."""

from typing import Final, NamedTuple

from eventlog.store.postgres.role_statements import GROUP, literal, quoted, role_name


class Rights(NamedTuple):
    """Rights of a role. Whoever lacks one uses what others have stored, and stores nothing."""

    places: bool
    """Gives events their positions."""
    keeps: bool
    """Stores snapshots."""
    extends: bool
    """Adds to the tree over the feed."""
    projects: bool
    """Fills views."""
    sees_all: bool
    """Reads rows of every tenant."""


ALL: Final = Rights(places=True, keeps=True, extends=True, projects=True, sees_all=True)


def rights(schema: str) -> str:
    """Return the query for one row of Rights, on PostgreSQL."""
    writes = "current_setting('transaction_read_only') = 'off'"
    wanted = {"queue": "DELETE", "snapshots": "INSERT", "tree": "INSERT", "checkpoints": "INSERT"}
    mays = [_may(schema, table, right) for table, right in wanted.items()]
    group = literal(role_name(schema, GROUP))
    is_member = f"SELECT FROM pg_roles WHERE rolname = {group} AND pg_has_role(oid, 'USAGE')"
    guarded = f"row_security_active({literal(f'{quoted(schema)}.streams')}::regclass)"
    written = ", ".join(f"{writes} AND {may}" for may in mays)
    return f"SELECT {written}, NOT ({guarded} AND EXISTS ({is_member}))"


def _may(schema: str, table: str, right: str) -> str:
    return f"has_table_privilege({literal(f'{quoted(schema)}.{table}')}, '{right}')"
