"""The text of an item: every string in it that a person would read. Pure.

Items may be of any type, also of one that nobody knew when this was written. So it is said what is
no text, and everything else is: identifiers, what the protocol itself says (`type`, `role`,
`status`), and payloads, which are data URLs, base64 and what is encrypted.
"""

import functools
import re
import sys
from collections.abc import Callable
from typing import Any, Final

from eventlog_projections.items.parts import Json, fields_of

MAX_TEXT: Final = 100_000
"""Characters of an item that are searched."""

SUMMARY: Final = 200
"""Characters of a message that a list shows."""

_FIRST: Final = (
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
"""Where most items hold words, in the order of reading; what else there is follows as it stands."""

_NO_TEXT: Final = frozenset(
    (
        "type",
        "role",
        "status",
        "id",
        "uuid",
        "object",
        "encrypted_content",
        "signature",
        "thought_signature",
        "logprobs",
        "obfuscation",
    )
)
"""Names of what people do not read: the protocol's own words, identifiers, ciphertext."""

_IDS: Final = ("_id", "_ids", "Id", "Ids")
"""How the names of other identifiers end."""

_PAYLOADS: Final = frozenset(("data", "file_data", "image_data", "b64_json", "bytes"))
"""Names of what is base64 even where it is short."""

_SAID: Final = ("content", "text")
"""Names of what is never base64, however much it looks like it."""

_DATA: Final = ("data:", "DATA:", "Data:")
_DATA_URL: Final = re.compile(r"data:[\w.+-]+/[\w.+-]+[;,]", re.ASCII | re.IGNORECASE)
_BASE64: Final = re.compile(r"(?:[A-Za-z0-9+/_-]{4})*(?:[A-Za-z0-9+/_-]{2,3}={0,2})?")
_LONG: Final = 256
"""Characters of base64 letters without any space or dot that are no word but a payload."""

_LOOKED_AT: Final = 4_096
"""Characters from which it is told what a string is: some have millions."""


def texts(item: Any) -> list[str]:
    """Return every text of an item, in the order of reading."""
    return _strings(item, _fields, sys.maxsize)


def text_of(item: Any) -> str:
    """Return the texts of an item, a line or more for each, up to MAX_TEXT characters."""
    return "\n".join(_strings(item, _fields, MAX_TEXT))


def summary_of(item: Any) -> str:
    """Return the beginning of a message, in one line: what is said in it, no addresses of files."""
    said = _strings(fields_of(item).get("content"), _spoken, 4 * SUMMARY)
    return " ".join("\n".join(said).split())[:SUMMARY]


def _strings(value: Json, inner: Callable[[dict[str, Any]], list[str]], most: int) -> list[str]:
    """Return the texts of a value, which have up to `most` characters as lines.

    However deep: what is still to be looked into is a list. `inner` names the fields of interest.
    """
    found: list[str] = []
    left: list[tuple[str, Json]] = [("content", value)]
    while left and most > 0:
        name, value = left.pop()
        if isinstance(value, str):
            if value and not _is_payload(name, value):
                found.append(value[:most])
                most -= len(value) + 1
        elif isinstance(value, dict):
            left += [(each, value[each]) for each in reversed(inner(value))]
        elif isinstance(value, list):
            left += [(name, each) for each in reversed(value)]
    return found


def _spoken(fields: dict[str, Any]) -> list[str]:
    return [name for name in _FIRST if name in fields]


def _fields(fields: dict[str, Any]) -> list[str]:
    names = [name for name in fields if _place(name) >= 0]
    if len(names) > 1:
        names.sort(key=_place)
    return names


@functools.lru_cache(maxsize=4096)
def _place(name: str) -> int:
    """Return where a field comes in the order of reading; less than 0 if it is no text."""
    if name in _NO_TEXT or name.endswith(_IDS):
        return -1
    return _FIRST.index(name) if name in _FIRST else len(_FIRST)


def _is_payload(name: str, text: str) -> bool:
    """Tell whether a string is a picture, a file or the like, and nothing to read."""
    if text[:5] in _DATA and _DATA_URL.match(text):
        return True
    if name in _SAID or (len(text) < _LONG and name not in _PAYLOADS):
        return False
    return _BASE64.fullmatch(text[:_LOOKED_AT]) is not None
