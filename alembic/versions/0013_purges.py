"""What views owe: events set aside and acknowledged, and what they still have to purge."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0009"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    schema = op.get_context().opts["version_table_schema"]
    epoch = sa.Column("epoch", NUMBER, nullable=False, server_default="0")
    op.add_column("checkpoints", epoch, schema=schema)
    op.add_column("set_aside", sa.Column("skipped_at", NUMBER), schema=schema)
    op.create_table(
        "purges",
        sa.Column("stream_id", sa.LargeBinary, nullable=False),
        sa.Column("projection", sa.Text, nullable=False),
        sa.Column("generation", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("stream_id", "projection", "generation", name="purges_pk"),
        schema=schema,
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
