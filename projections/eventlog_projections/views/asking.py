"""What may be asked of views: checked before any query, so that every database says the same."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from eventlog import InvalidInputError
from eventlog.format.names import MAX_BYTES
from eventlog.format.questions import MAX_NUMBER, check_count, check_text
from eventlog.views import NO_LIMIT, TableSpec

MAX_PHRASES: Final = 64
"""Words and phrases of one search: each is a condition of its own, nested in those before it."""


def check_values(spec: TableSpec, equal: Mapping[str, Any], limit: int = NO_LIMIT) -> None:
    """Raise InvalidInputError for a value that its column cannot hold, or a limit that is none."""
    if check_count("limit", limit) > NO_LIMIT:
        raise InvalidInputError(f"limit is at most {NO_LIMIT}: leave it out for all there are.")
    types = {column.name: column.type for column in spec.columns}
    for column, value in equal.items():
        if column not in types:
            raise InvalidInputError(f"The rows of {spec.name} have no column {column!r}.")
        if value is not None:
            _check_value(column, types[column], value)


def _check_value(column: str, expected: type[Any], value: Any) -> None:
    if expected is str:
        check_text(column, value)
    elif not isinstance(value, (bool, int) if expected is bool else expected):
        raise InvalidInputError(
            f"{column} is {expected.__name__}, and cannot be {type(value).__name__}."
        )
    elif isinstance(value, int) and abs(value) > MAX_NUMBER:
        raise InvalidInputError(f"{column} is a number of at most 63 bits.")


def check_phrases(phrases: Sequence[str]) -> None:
    """Raise InvalidInputError for what cannot be looked for."""
    if len(phrases) > MAX_PHRASES:
        raise InvalidInputError(
            f"{len(phrases)} words and phrases are looked for at once; at most {MAX_PHRASES} can"
            " be. Look for fewer, or for a phrase in quotes."
        )
    for phrase in phrases:
        check_text("a word or phrase", phrase, MAX_BYTES)
