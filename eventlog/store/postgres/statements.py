"""The statements of PostgreSQL over the tables of one schema.

Rule: imports no SQLAlchemy. `generated.py` holds what SQLAlchemy Core compiles to, with a
placeholder for the schema; a test sees that it still does, and `make fix` writes it anew.
"""

import functools
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
        super().__init__(known)
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


@functools.cache
def of(schema: str) -> OfSchema:
    """Return the statements over the tables of a schema, whatever characters its name has."""

    def placed(known: Mapping[str, Statement]) -> dict[str, Statement]:
        return {name: statement.of_schema(schema) for name, statement in known.items()}

    return OfSchema(
        names.PostgresLogStatements(placed(generated.LOG)),
        names.PostgresErasureStatements(placed(generated.ERASURES)),
        names.PostgresSnapshotStatements(placed(generated.SNAPSHOTS)),
        names.KeyStatements(placed(generated.KEYS)),
        FeedStatements(placed(generated.FEED), schema),
        names.TreeStatements(placed(generated.TREE)),
        names.PostgresViolationStatements(placed(generated.VIOLATIONS)),
        PostgresViewStatements(placed(generated.VIEWS), schema),
    )
