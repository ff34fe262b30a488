"""What PostgreSQL's planner is not to know, as statements.

Pure. ANALYZE notes common values of a column as they are: they outlive an erasure, and EXPLAIN
tells a tenant's role how many rows of others hold a value. A column that is silent has none.
"""

from collections.abc import Iterable

from eventlog.store.sql.statement import literal, quoted


def silence(schema: str, table: str, columns: Iterable[str]) -> list[str]:
    """Have ANALYZE leave columns of a table alone, from now on."""
    silent = ", ".join(f"ALTER COLUMN {quoted(name)} SET STATISTICS 0" for name in columns)
    return [f"ALTER TABLE {quoted(schema)}.{quoted(table)} {silent}"] if silent else []


def silence_all(schema: str, tables: Iterable[str]) -> str:
    """Have ANALYZE leave every column of these tables and their partitions alone, and forget.

    Before PostgreSQL 18 only a superuser can have it forget what it has noted.
    """
    names = ", ".join(literal(name) for name in tables)
    code = f"""
DECLARE silent record;
BEGIN
    FOR silent IN
        SELECT c.oid, n.nspname, c.relname, a.attname, a.attnum FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
        LEFT JOIN pg_class parent ON parent.oid = i.inhparent
        WHERE n.nspname = {literal(schema)} AND c.relkind IN ('r', 'p')
        AND coalesce(parent.relname, c.relname) = ANY(ARRAY[{names}]::text[])
    LOOP
        EXECUTE format('ALTER TABLE %I.%I ALTER COLUMN %I SET STATISTICS 0',
            silent.nspname, silent.relname, silent.attname);
        IF current_setting('server_version_num')::integer >= 180000 THEN
            EXECUTE 'SELECT pg_clear_attribute_stats($1, $2, $3, false),'
                ' pg_clear_attribute_stats($1, $2, $3, true)'
                USING silent.nspname, silent.relname, silent.attname;
        ELSIF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
            DELETE FROM pg_statistic WHERE starelid = silent.oid AND staattnum = silent.attnum;
        END IF;
    END LOOP;
END"""
    return f"DO {literal(code)}"
