"""The rules for names, the same on every database."""

import re
from collections.abc import Iterable
from typing import Final

from eventlog.addresses.log import MAX_IDENTIFIER
from eventlog.errors import InvalidNameError

MAX_BYTES: Final = 1000
"""An index entry of PostgreSQL holds two names of this length."""

ROOM: Final = len("view_") + len("_9999999999") + len("_words")
"""What is put around the name of a table: which generation it is, and what belongs to it."""

_TABLE: Final = re.compile(r"[a-z_][a-z0-9_]*")
_NUMBERED: Final = re.compile(r".*_[0-9]+")

MAIN: Final = ""
"""The name of the main branch."""

RESERVED: Final = "main"
"""What users call the main branch: no other may have this name."""


def check_branch(branch: object) -> str:
    """Return the name of a branch, or raise InvalidNameError saying what is wrong with it."""
    if branch == MAIN:
        return MAIN
    if branch == RESERVED:
        raise InvalidNameError("'main' is what the branch without a name is called.")
    return check_name("branch", branch)


def check_schema(schema: object) -> str:
    """Return the name of a PostgreSQL schema, or raise InvalidNameError saying what is wrong."""
    name = check_identifier("schema", schema)
    if name.startswith("pg_"):
        raise InvalidNameError(f"schema {name!r} is none: PostgreSQL keeps pg_ for its own.")
    return name


def check_identifier(what: str, name: object, *, room: int = 0) -> str:
    """Return `name`, to which `room` bytes are added to name something in PostgreSQL.

    Raises InvalidNameError: names that only differ in what is cut off would be the same one.
    """
    checked, most = check_name(what, name), MAX_IDENTIFIER - room
    if (size := len(checked.encode())) > most:
        raise InvalidNameError(
            f"{what} {checked!r} has {size} bytes in UTF-8; at most {most} name something in"
            " PostgreSQL. Give a shorter one."
        )
    return checked


def check_name(what: str, name: object) -> str:
    """Return `name`, or raise InvalidNameError saying what is wrong with it."""
    if not isinstance(name, str):
        raise InvalidNameError(f"{what} is a string, not {type(name).__name__}: {name!r}.")
    if not name:
        raise InvalidNameError(f"{what} is empty. Give the conversation a name of its own.")
    if "\x00" in name:
        raise InvalidNameError(f"{what} {name!r} holds a NUL character, which no database keeps.")
    try:
        size = len(name.encode())
    except UnicodeEncodeError as error:
        raise InvalidNameError(f"{what} {name!r} holds a lone surrogate.") from error
    if size > MAX_BYTES:
        raise InvalidNameError(
            f"{what} {name[:40]!r}... has {size} bytes in UTF-8; at most {MAX_BYTES} fit."
        )
    return name


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
