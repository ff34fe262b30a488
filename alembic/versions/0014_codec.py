"""Bodies under codec 2. No table changes: a release that does not know the codec has to refuse."""

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    pass
