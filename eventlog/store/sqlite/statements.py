"""The statements of SQLite, as text that was compiled before: nobody has to import SQLAlchemy.

Rule: `frozen.py` holds what SQLAlchemy makes of them; a test sees that it still does, and
`make fix` writes it anew. What is not in there is compiled when it is asked for.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

from eventlog.store.sql import names
from eventlog.store.sql.statement import Statement
from eventlog.store.sqlite.frozen import FROZEN
from eventlog.store.sqlite.view_statements import ViewTexts

if TYPE_CHECKING:
    from eventlog.store.sql.erasures import EraseStatements
    from eventlog.store.sql.feed import SqliteFeed
    from eventlog.store.sql.keys import KeyStatements
    from eventlog.store.sql.log import SqliteStatements
    from eventlog.store.sql.snapshots import SqliteSnapshotStatements
    from eventlog.store.sql.tree import SqliteTreeStatements
    from eventlog.store.sql.views import ViewStatements
    from eventlog.store.sql.violations import SqliteViolations


class Frozen:
    """Has the statements of an owner without building it."""

    def __init__(self, owner: str, build: Callable[[], Any]) -> None:
        self.owner: Final = owner
        self.build: Final = build

    def __getattr__(self, name: str) -> Any:
        """Return a statement; this is called once for each."""
        known = FROZEN[self.owner].get(name)
        found = getattr(self.build(), name) if known is None else Statement(*known)
        setattr(self, name, found)
        return found


class FrozenViews(ViewTexts, Frozen):
    """Those that name a generation of a table are written when they are asked for."""


def _log() -> "SqliteStatements":
    from eventlog.store.sql.log import SqliteStatements

    return SqliteStatements()


def _erasures() -> "EraseStatements":
    from eventlog.store.sql.erasures import EraseStatements

    return EraseStatements(_log())


def _snapshots() -> "SqliteSnapshotStatements":
    from eventlog.store.sql.snapshots import SqliteSnapshotStatements

    return SqliteSnapshotStatements(_log())


def _keys() -> "KeyStatements":
    from eventlog.store.sql.keys import KeyStatements

    return KeyStatements(_log(), "sqlite")


def _feed() -> "SqliteFeed":
    from eventlog.store.sql.feed import SqliteFeed

    return SqliteFeed(_log())


def _tree() -> "SqliteTreeStatements":
    from eventlog.store.sql.tree import SqliteTreeStatements

    return SqliteTreeStatements(_log(), "sqlite")


def _oddities() -> "SqliteViolations":
    from eventlog.store.sql.violations import SqliteViolations

    return SqliteViolations(_log())


def _views() -> "ViewStatements":
    from eventlog.store.sql.views import ViewStatements

    return ViewStatements(_log(), "sqlite", None)


LOG: Final = cast("names.SqliteLogStatements", Frozen("log", _log))
ERASURES: Final = cast("names.ErasureStatements", Frozen("erasures", _erasures))
SNAPSHOTS: Final = cast("names.SqliteSnapshotStatements", Frozen("snapshots", _snapshots))
KEYS: Final = cast("names.KeyStatements", Frozen("keys", _keys))
FEED: Final = cast("names.SqliteFeedStatements", Frozen("feed", _feed))
TREE: Final = cast("names.SqliteTreeStatements", Frozen("tree", _tree))
VIOLATIONS: Final = cast("names.ViolationStatements", Frozen("oddities", _oddities))
VIEWS: Final = cast("ViewStatements", FrozenViews("views", _views))
