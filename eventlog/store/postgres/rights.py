"""What a role may do, asked of PostgreSQL: grants, read-only transactions, row security."""

from eventlog.store.postgres.role_statements import GROUP, literal, quoted, role_name


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
