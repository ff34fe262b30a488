"""The feed on PostgreSQL: positions over all streams. SQLite numbers its events already."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    schema = op.get_context().opts["version_table_schema"]
    if op.get_bind().dialect.name == "sqlite":
        return
    create_feed(schema)
    create_lease(schema)
    vacuum_queue_early(schema)


def create_feed(schema: str) -> None:
    op.create_table(
        "feed",
        sa.Column("position", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("stream_id", sa.LargeBinary, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("position", name="feed_pk"),
        schema=schema,
    )
    head = op.create_table(
        "feed_head",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="feed_head_pk"),
        sa.CheckConstraint("id = 1", name="feed_head_one_row"),
        schema=schema,
    )
    op.bulk_insert(head, [{"id": 1, "position": 0}])


def create_lease(schema: str) -> None:
    op.create_table(
        "lease",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="lease_pk"),
        schema=schema,
    )


def vacuum_queue_early(schema: str) -> None:
    # Every row is deleted soon after it came: what counts is the dead ones, not their share.
    quoted = op.get_bind().dialect.identifier_preparer.quote_schema(schema)
    op.get_bind().exec_driver_sql(
        f"ALTER TABLE {quoted}.queue"
        " SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000)"
    )
