"""The statements of PostgreSQL over the tables of one schema.

Rule: imports no SQLAlchemy. `generated.py` holds what SQLAlchemy Core compiles to, with a
placeholder for the schema; a test sees that it still does, and `make fix` writes it anew.
`DISTRIBUTED` in it holds what is different for a log whose tables are on many nodes.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import NamedTuple

from eventlog.store.postgres import generated
from eventlog.store.postgres.view_statements import PostgresViewStatements
from eventlog.store.sql import names
from eventlog.store.sql.statement import Statement


class FeedStatements(names.PostgresFeedStatements):
    """Statements of the feed, and the channel that tells of new positions."""

    def __init__(self, known: Mapping[str, Statement], schema: str) -> None:
        super().__init__(known, schema)
        # NOTIFY reaches one database; a name of PostgreSQL has at most 63 bytes.
        self.channel = f"eventlog_{sha256(schema.encode()).hexdigest()[:16]}"


class OfSchema(NamedTuple):
    """The statements of every noun over the tables of one schema."""

    log: names.PostgresLogStatements
    erasures: names.PostgresErasureStatements
    snapshots: names.PostgresSnapshotStatements
    keys: names.KeyStatements
    feed: FeedStatements
    tree: names.TreeStatements
    violations: names.PostgresViolationStatements
    views: PostgresViewStatements

    def distribute(self) -> None:
        """Have every noun run what a log needs whose tables are on many nodes."""
        for name, noun in self._asdict().items():
            noun.distribute(generated.DISTRIBUTED.get(name.upper(), {}))


def of(schema: str) -> OfSchema:
    """Return the statements over the tables of a schema, whatever characters its name has.

    Each caller has objects of its own: those of a store are distributed where its log is.
    """
    return OfSchema(
        names.PostgresLogStatements(generated.LOG, schema),
        names.PostgresErasureStatements(generated.ERASURES, schema),
        names.PostgresSnapshotStatements(generated.SNAPSHOTS, schema),
        names.KeyStatements(generated.KEYS, schema),
        FeedStatements(generated.FEED, schema),
        names.TreeStatements(generated.TREE, schema),
        names.PostgresViolationStatements(generated.VIOLATIONS, schema),
        PostgresViewStatements(generated.VIEWS, schema),
    )
