"""What else is evidence stays: identities of streams, the feed, and heads that were signed."""

from alembic import op

revision = "0008"
down_revision = "0007"

IDENTITY = ("stream_id", "tenant", "name", "branch", "parent_id", "parent_version", "created_at")

# An update that names none of these columns, as that of an append, asks no trigger.
OF_IDENTITY = f"UPDATE OF {', '.join(IDENTITY)}"
ANOTHER_HEAD = "NEW.size <> OLD.size OR NEW.root <> OLD.root"


def upgrade() -> None:
    schema = op.get_context().opts["version_table_schema"]
    if op.get_bind().dialect.name == "sqlite":
        keep_on_sqlite()
    else:
        keep_on_postgresql(op.get_bind().dialect.identifier_preparer.quote_schema(schema))


def keep_on_sqlite() -> None:
    # INSERT OR REPLACE deletes without firing the delete trigger, so a taken key is refused first.
    taken = "EXISTS (SELECT 1 FROM {} WHERE {})"
    same_stream = taken.format("streams", "stream_id = NEW.stream_id")
    other_root = taken.format("tree_heads", "size = NEW.size AND root <> NEW.root")
    refuse("streams_insert", "INSERT ON streams", f"WHEN {same_stream}")
    refuse("streams_update", f"{OF_IDENTITY} ON streams")
    refuse("streams_delete", "DELETE ON streams")
    refuse("tree_heads_insert", "INSERT ON tree_heads", f"WHEN {other_root}")
    refuse("tree_heads_update", "UPDATE ON tree_heads", f"WHEN {ANOTHER_HEAD}")
    refuse("tree_heads_delete", "DELETE ON tree_heads")


def refuse(name: str, when: str, condition: str = "") -> None:
    op.execute(
        f"CREATE TRIGGER {name} BEFORE {when} {condition}"
        " BEGIN SELECT RAISE(ABORT, 'evidence is immutable: it cannot be changed'); END"
    )


def keep_on_postgresql(quoted: str) -> None:
    op.get_bind().exec_driver_sql(
        f"""
        CREATE FUNCTION {quoted}.evidence_stays() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'evidence is immutable: % of % refused', TG_OP, TG_TABLE_NAME;
        END $$
        """
    )
    for name, table, when, each in (
        ("streams_rows", "streams", f"{OF_IDENTITY} OR DELETE", "FOR EACH ROW"),
        ("feed_rows", "feed", "UPDATE OR DELETE", "FOR EACH ROW"),
        ("tree_heads_update", "tree_heads", "UPDATE", f"FOR EACH ROW WHEN ({ANOTHER_HEAD})"),
        ("tree_heads_delete", "tree_heads", "DELETE", "FOR EACH ROW"),
        *[(f"{name}_truncate", name, "TRUNCATE", "") for name in ("streams", "feed", "tree_heads")],
    ):
        op.get_bind().exec_driver_sql(
            f"CREATE TRIGGER {name} BEFORE {when} ON {quoted}.{table}"
            f" {each} EXECUTE FUNCTION {quoted}.evidence_stays()"
        )
        op.get_bind().exec_driver_sql(f"ALTER TABLE {quoted}.{table} ENABLE ALWAYS TRIGGER {name}")
