"""Snapshots and segments: what was read once is not folded again. All of it can be deleted."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    schema = op.get_context().opts["version_table_schema"]
    create_snapshots(schema)
    create_segments(schema)
    if op.get_bind().dialect.name != "sqlite":
        compress_once(schema)


def create_snapshots(schema: str | None) -> None:
    op.create_table(
        "snapshots",
        sa.Column("stream_id", sa.LargeBinary, nullable=False),
        sa.Column("schema", sa.Integer, nullable=False),
        sa.Column("version", NUMBER, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("pieces", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("stream_id", "schema", "version", name="snapshots_pk"),
        schema=schema,
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def create_segments(schema: str | None) -> None:
    op.create_table(
        "segments",
        sa.Column("stream_id", sa.LargeBinary, nullable=False),
        sa.Column("segment_id", NUMBER, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("stream_id", "segment_id", name="segments_pk"),
        schema=schema,
        sqlite_strict=True,
    )


def compress_once(schema: str) -> None:
    # Segments are compressed already: PostgreSQL need not try.
    quoted = op.get_bind().dialect.identifier_preparer.quote_schema(schema)
    op.get_bind().exec_driver_sql(
        f"ALTER TABLE {quoted}.segments ALTER COLUMN body SET STORAGE EXTERNAL"
    )
