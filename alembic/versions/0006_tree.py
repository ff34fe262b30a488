"""The Merkle tree over the feed, and the heads that were signed."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    schema = op.get_context().opts["version_table_schema"]
    create_tree(schema)
    create_tree_heads(schema)
    if op.get_bind().dialect.name != "sqlite":
        leave_hashes_alone(schema)


def create_tree(schema: str | None) -> None:
    op.create_table(
        "tree",
        sa.Column("level", sa.Integer, nullable=False),
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("hashes", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("level", "number", name="tree_pk"),
        schema=schema,
        sqlite_strict=True,
    )


def create_tree_heads(schema: str | None) -> None:
    op.create_table(
        "tree_heads",
        sa.Column("size", NUMBER, autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("signed_at", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("size", name="tree_heads_pk"),
        schema=schema,
        sqlite_strict=True,
    )


def leave_hashes_alone(schema: str) -> None:
    # Hashes do not compress: PostgreSQL need not try.
    quoted = op.get_bind().dialect.identifier_preparer.quote_schema(schema)
    op.get_bind().exec_driver_sql(
        f"ALTER TABLE {quoted}.tree ALTER COLUMN hashes SET STORAGE EXTERNAL"
    )
