"""The text of an item: what a person would look for in it. Pure."""

import hashlib
from collections.abc import Sequence
from typing import Any, Final, cast

from eventlog_projections.items.calls import fields as fields_of

MAX_TEXT: Final = 100_000
"""Characters of an item that are searched; PostgreSQL indexes at most a megabyte of words."""

DIGEST_BYTES: Final = 16

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


def digest_of(text: str) -> bytes:
    """Return what a free text is known by in keys and indexes: they hold no text of any length."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:DIGEST_BYTES]


def text_of(item: Any) -> str:
    """Return the words of an item, one line for each place that has some."""
    words: list[str] = []
    _gather(item, 0, words)
    return "\n".join(words)[:MAX_TEXT]


def summary_of(item: Any) -> str:
    """Return the beginning of a message, in one line."""
    content = fields_of(item).get("content")
    if isinstance(content, str):
        return " ".join(content[: 4 * SUMMARY].split())[:SUMMARY]
    words: list[str] = []
    _gather(content, 1, words)
    return " ".join("\n".join(words)[: 4 * SUMMARY].split())[:SUMMARY]


def _gather(value: Any, depth: int, words: list[str]) -> None:
    """Append what there is to read in a value."""
    if isinstance(value, str):
        words.append(value)
    elif depth <= _MAX_DEPTH:
        if isinstance(value, list):
            inner = cast("Sequence[Any]", value)
        else:
            fields = fields_of(value)
            inner = [fields[name] for name in _SPOKEN if name in fields]
        for each in inner:
            _gather(each, depth + 1, words)
