"""The rules for names, the same on every database."""

from typing import Final

from eventlog.errors import InvalidNameError

MAX_BYTES: Final = 1000
"""An index entry of PostgreSQL holds two names of this length."""

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
