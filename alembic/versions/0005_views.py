"""How far each view is, and the events that one could not take. The views' rows are made later."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    schema = op.get_context().opts["version_table_schema"]
    create_checkpoints(schema)
    create_set_aside(schema)


def create_checkpoints(schema: str | None) -> None:
    op.create_table(
        "checkpoints",
        sa.Column("projection", sa.Text, nullable=False),
        sa.Column("generation", NUMBER, nullable=False),
        sa.Column("schema", sa.Integer, nullable=False),
        sa.Column("position", NUMBER, nullable=False),
        sa.Column("rate", NUMBER, nullable=False),
        sa.Column("moved_at", NUMBER, nullable=False),
        sa.Column("is_serving", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("projection", "generation", name="checkpoints_pk"),
        schema=schema,
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def create_set_aside(schema: str | None) -> None:
    op.create_table(
        "set_aside",
        sa.Column("projection", sa.Text, nullable=False),
        sa.Column("generation", NUMBER, nullable=False),
        sa.Column("position", NUMBER, nullable=False),
        sa.Column("stream_id", sa.LargeBinary, nullable=False),
        sa.Column("version", NUMBER, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("projection", "generation", "position", name="set_aside_pk"),
        schema=schema,
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
