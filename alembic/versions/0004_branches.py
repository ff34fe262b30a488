"""Branches: a conversation may have several lists. New kinds of events come with them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    schema = op.get_context().opts["version_table_schema"]
    branch = sa.Column("branch", sa.Text, nullable=False, server_default=sa.text("''"))
    op.add_column("streams", branch, schema=schema)
    op.drop_index("streams_by_name", "streams", schema=schema)
    op.create_index("streams_by_name", "streams", ["tenant", "name", "branch"], schema=schema)
