"""The rules for what may be asked: numbers, texts and limits, the same on every database.

Rule: what the log is asked is checked like what is written to it, before any query. No database is
left to refuse a value in its own way.
"""

from typing import Final

from eventlog.errors import InvalidMomentError, InvalidNameError, InvalidOptionError

MAX_NUMBER: Final = 2**63 - 1
"""The largest version, position or count that a database holds."""

MAX_TEXT: Final = 10_000
"""Bytes, in UTF-8, of a text that is looked for."""

_SHOWN: Final = 40


def check_version(what: str, value: object) -> int:
    """Return a version or a position, from 0. Raises InvalidMomentError."""
    return _number(what, value, 0, InvalidMomentError)


def check_count(what: str, value: object, least: int = 0) -> int:
    """Return how many are asked for. Raises InvalidOptionError."""
    return _number(what, value, least, InvalidOptionError)


def check_text(what: str, value: object, most: int = MAX_TEXT) -> str:
    """Return a text that is looked for, also an empty one. Raises InvalidNameError."""
    if not isinstance(value, str):
        raise InvalidNameError(f"{what} is a string, not {type(value).__name__}.")
    if "\x00" in value:
        raise InvalidNameError(f"{what} {_cut(value)} holds a NUL character.")
    try:
        size = len(value.encode())
    except UnicodeEncodeError as error:
        raise InvalidNameError(f"{what} {_cut(value)} holds a lone surrogate.") from error
    if size > most:
        raise InvalidNameError(f"{what} {_cut(value)} has {size} bytes in UTF-8; at most {most}.")
    return value


def _number(
    what: str, value: object, least: int, error: type[InvalidMomentError | InvalidOptionError]
) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise error(f"{what} is a number from {least}, not {type(value).__name__}.")
    if not least <= value <= MAX_NUMBER:
        # Python refuses to write out a number of more than 4,300 digits.
        shown = str(value) if abs(value) <= MAX_NUMBER else "one of more than 63 bits"
        raise error(f"{what} is a number from {least} to 2**63 - 1, not {shown}.")
    return value


def _cut(text: str) -> str:
    return ascii(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")
