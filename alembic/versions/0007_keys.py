"""Keys: content can be encrypted, and a stream says under which key; and it can be erased."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    schema = op.get_context().opts["version_table_schema"]
    op.add_column("streams", sa.Column("key_id", sa.Text), schema=schema)
    op.add_column("streams", sa.Column("erased_version", NUMBER), schema=schema)
    op.create_table(
        "keys",
        sa.Column("stream_id", sa.LargeBinary, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("kek_id", sa.Text, nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary),
        sa.PrimaryKeyConstraint("stream_id", "key_id", name="keys_pk"),
        schema=schema,
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
