"""What the role that a log was opened with may do besides reading."""

from typing import Final, NamedTuple


class Rights(NamedTuple):
    """Rights of a role. Whoever lacks one uses what others have stored, and stores nothing."""

    places: bool
    """Gives events their positions."""
    keeps: bool
    """Stores snapshots."""
    extends: bool
    """Adds to the tree over the feed."""
    projects: bool
    """Fills views."""
    sees_all: bool
    """Reads rows of every tenant."""


ALL: Final = Rights(places=True, keeps=True, extends=True, projects=True, sees_all=True)
READS: Final = Rights(places=False, keeps=False, extends=False, projects=False, sees_all=True)
"""Of whoever can write nothing, and sees everything."""
