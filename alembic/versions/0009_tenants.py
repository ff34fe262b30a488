"""What was misplaced in the feed, erasures only beside their event, no statistics of contents."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

SILENT = {
    "events": ("event_id", "header", "context", "body", "salt", "content_digest", "hash"),
    "snapshots": ("hash", "pieces"),
    "segments": ("body",),
    "keys": ("wrapped_key",),
    "set_aside": ("error",),
}
"""Columns that the planner is to know nothing of: what it knows of a value is the value."""

# Before PostgreSQL 18 only a superuser can: docs/erasure.md has the statement.
FORGET = """
                IF current_setting('server_version_num')::integer >= 180000 THEN
                    EXECUTE 'SELECT pg_clear_attribute_stats($1, $2, $3, false),'
                        ' pg_clear_attribute_stats($1, $2, $3, true)'
                        USING silent.nspname, silent.relname, silent.attname;
                ELSIF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
                    DELETE FROM pg_statistic
                    WHERE starelid = silent.oid AND staattnum = silent.attnum;
                END IF;"""

UNTOLD = "events are immutable: content goes with the event that erases it, appended before"


def upgrade() -> None:
    schema = op.get_context().opts["version_table_schema"]
    if op.get_bind().dialect.name == "sqlite":
        tell_erasures_on_sqlite()
        return
    quoted = op.get_bind().dialect.identifier_preparer.quote_schema(schema)
    create_misplaced(schema)
    tell_erasures_on_postgresql(quoted)
    keep_no_statistics(schema)


def create_misplaced(schema: str) -> None:
    op.create_table(
        "misplaced",
        sa.Column("stream_id", sa.LargeBinary, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("found_at", sa.BigInteger, nullable=False),
        sa.Column("mended_at", sa.BigInteger),
        sa.PrimaryKeyConstraint(
            "stream_id", "version", "position", "found_at", name="misplaced_pk"
        ),
        schema=schema,
    )


def tell_erasures_on_sqlite() -> None:
    # JSON escapes quotes within a text: what is found so is a key. SQLite 3.37 may have no JSON.
    one = """CAST(told.header AS TEXT) GLOB '*"erased":' || NEW.version || '[,}]*'"""
    op.execute(
        f"""
        CREATE TRIGGER events_erased BEFORE UPDATE ON events
        WHEN OLD.salt IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM streams
            JOIN events AS told ON told.stream_id = streams.stream_id
                AND told.version = streams.version
            WHERE streams.stream_id = NEW.stream_id AND told.version > NEW.version
                AND (told.kind = 'erased' OR (told.kind = 'redacted' AND {one})))
        BEGIN SELECT RAISE(ABORT, '{UNTOLD}'); END
        """
    )


def in_dollars(code: str) -> str:
    """Quote code, whatever is in it: the name of a schema may have dollars."""
    mark = "$$"
    while mark in code:
        mark = f"$q{mark[1:]}"
    return f"{mark}{code}{mark}"


def tell_erasures_on_postgresql(quoted: str) -> None:
    told = in_dollars(
        f"""
        BEGIN
            IF OLD.salt IS NULL OR EXISTS (
                SELECT FROM {quoted}.streams
                JOIN {quoted}.events AS told ON told.stream_id = streams.stream_id
                    AND told.version = streams.version
                WHERE streams.stream_id = NEW.stream_id AND told.version > NEW.version
                    AND CASE told.kind WHEN 'erased' THEN true WHEN 'redacted' THEN
                        (convert_from(told.header, 'UTF8')::json ->> 'erased')::bigint = NEW.version
                    ELSE false END
            ) THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION '{UNTOLD}';
        END """
    )
    op.get_bind().exec_driver_sql(
        f"""
        CREATE FUNCTION {quoted}.erasures_are_told() RETURNS trigger LANGUAGE plpgsql AS {told}
        """
    )
    # A distributed table has no triggers: grants stand in for them (docs/scaling.md).
    place = f"{quoted}.events".replace("'", "''")
    trigger = in_dollars(
        f"""
        BEGIN
            IF EXISTS (
                SELECT FROM pg_trigger
                WHERE tgrelid = to_regclass('{place}') AND tgname = 'events_rows'
            ) THEN
                CREATE TRIGGER events_told BEFORE UPDATE ON {quoted}.events
                    FOR EACH ROW EXECUTE FUNCTION {quoted}.erasures_are_told();
                ALTER TABLE {quoted}.events ENABLE ALWAYS TRIGGER events_told;
            END IF;
        END """
    )
    op.get_bind().exec_driver_sql(f"DO {trigger}")


def keep_no_statistics(schema: str) -> None:
    """Have ANALYZE leave contents alone, of partitions too, and forget what it has noted."""
    named = ", ".join(
        f"('{table}', '{column}')" for table, columns in SILENT.items() for column in columns
    )
    place = schema.replace("'", "''")
    silence = in_dollars(
        rf"""
        DECLARE silent record;
        BEGIN
            FOR silent IN
                SELECT c.oid, n.nspname, c.relname, a.attname, a.attnum FROM pg_class c
                JOIN pg_namespace n ON n.oid = c.relnamespace
                JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
                LEFT JOIN pg_class parent ON parent.oid = i.inhparent
                WHERE n.nspname = '{place}' AND c.relkind IN ('r', 'p')
                AND ((coalesce(parent.relname, c.relname), a.attname) IN ({named})
                    OR (starts_with(c.relname, 'view_') AND pg_has_role(c.relowner, 'USAGE')
                        AND a.atttypid IN ('text'::regtype, 'tsvector'::regtype)))
            LOOP
                EXECUTE format('ALTER TABLE %I.%I ALTER COLUMN %I SET STATISTICS 0',
                    silent.nspname, silent.relname, silent.attname);
                {FORGET}
            END LOOP;
        END """
    )
    op.get_bind().exec_driver_sql(f"DO {silence}")
