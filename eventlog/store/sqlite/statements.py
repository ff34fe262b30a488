"""The statements of SQLite, noun by noun.

Rule: imports no SQLAlchemy. `generated.py` holds what SQLAlchemy Core compiles to; a test sees that
it still does, and `make fix` writes it anew.
"""

from typing import Final

from eventlog.store.sql import names
from eventlog.store.sqlite import generated
from eventlog.store.sqlite.view_statements import SqliteViewStatements

LOG: Final = names.SqliteLogStatements(generated.LOG)
ERASURES: Final = names.ErasureStatements(generated.ERASURES)
SNAPSHOTS: Final = names.SqliteSnapshotStatements(generated.SNAPSHOTS)
KEYS: Final = names.KeyStatements(generated.KEYS)
FEED: Final = names.SqliteFeedStatements(generated.FEED)
TREE: Final = names.TreeStatements(generated.TREE)
VIOLATIONS: Final = names.ViolationStatements(generated.VIOLATIONS)
VIEWS: Final = SqliteViewStatements(generated.VIEWS)
