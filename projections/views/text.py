"""The text of an item: what a person would look for in it. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, cast

from projections.turns import fields as fields_of

MAX_TEXT: Final = 100_000
"""Characters of an item that are searched; PostgreSQL indexes at most a megabyte of words."""

SUMMARY: Final = 200
"""Characters of a message that a list shows."""

_MAX_DEPTH: Final = 8

_SPOKEN: Final = (
    "name",
    "content",
    "text",
    "refusal",
    "summary",
    "arguments",
    "input",
    "code",
    "queries",
    "output",
    "error",
)
"""Where items hold words, in the order of reading; pictures and files are elsewhere."""


def text_of(item: Any) -> str:
    """Return the words of an item, one line for each place that has some."""
    return "\n".join(_words(item, 0))[:MAX_TEXT]


def summary_of(item: Any) -> str:
    """Return the beginning of a message, in one line."""
    content = fields_of(item).get("content")
    if isinstance(content, str):
        return " ".join(content[: 4 * SUMMARY].split())[:SUMMARY]
    return " ".join("\n".join(_words(content, 1))[: 4 * SUMMARY].split())[:SUMMARY]


def _words(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif depth > _MAX_DEPTH:
        return
    elif isinstance(value, list):
        values = cast("Sequence[Any]", value)
        yield from _all_words(values, depth)
    else:
        fields = fields_of(value)
        yield from _all_words((fields[name] for name in _SPOKEN if name in fields), depth)


def _all_words(values: Iterable[Any], depth: int) -> Iterator[str]:
    for value in values:
        yield from _words(value, depth + 1)
