"""Numbers that stand in statements and that readers of their rows know. Imports no SQLAlchemy."""

from typing import Final

PAGE: Final = 1000
"""Maximum number of events that one statement about a snapshot returns."""

STRAYS: Final = 100
"""Maximum number of ids without a stream that one statement returns."""

SNAPSHOT: Final = 0
SEGMENT: Final = 1
REFERRED: Final = 2
TAIL: Final = 3
"""Tags in the first column of the rows that PostgreSQL's `snapshots.load` returns."""
