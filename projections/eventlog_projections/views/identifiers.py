"""How the tables of a view may be called, so that no two names in a database are the same."""

import re
from collections.abc import Iterable
from typing import Final

from eventlog.errors import InvalidNameError
from eventlog.format.names import check_identifier

ROOM: Final = len("view_") + len("_9999999999") + len("_words")
"""What is put around the name of a table: which generation it is, and what belongs to it."""

_TABLE: Final = re.compile(r"[a-z_][a-z0-9_]*")
_NUMBERED: Final = re.compile(r".*_[0-9]+")


def check_table(name: str) -> None:
    """Raise InvalidNameError for what is no name of a table of a view.

    SQLite takes names that differ in case for one; a number at the end is a generation, or an index
    of one.
    """
    check_identifier("table", name, room=ROOM)
    if not _TABLE.fullmatch(name) or _NUMBERED.fullmatch(name):
        raise InvalidNameError(
            f"table {name!r} is called in small letters a-z, digits and _, with no number behind a"
            " _ at its end."
        )


def check_columns(names: Iterable[str]) -> None:
    """Raise InvalidNameError for columns that a database cuts off or takes for one another."""
    seen: set[str] = set()
    for name in names:
        if check_identifier("column", name).casefold() in seen:
            raise InvalidNameError(f"column {name!r}: SQLite has one that differs only in case.")
        seen.add(name.casefold())
