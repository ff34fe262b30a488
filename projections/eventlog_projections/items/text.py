"""The text of an item: every string in it that a person would read. Pure.

Items may be of any type, also of one that nobody knew when this was written. So it is said what is
no text, and everything else is: identifiers, what the protocol itself says (`type`, `role`,
`status`), and payloads, which are data URLs, base64 and what is encrypted.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, cast

from eventlog_projections.items.turns import fields as fields_of

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

_DATA_URL: Final = re.compile(r"data:[\w.+-]+/[\w.+-]+[;,]", re.ASCII | re.IGNORECASE)
_BASE64: Final = re.compile(r"(?:[A-Za-z0-9+/_-]{4})*(?:[A-Za-z0-9+/_-]{2,3}={0,2})?")
_LONG: Final = 256
"""Characters of base64 letters without any space or dot that are no word but a payload."""

_LOOKED_AT: Final = 4_096
"""Characters from which it is told what a string is: some have millions."""


def texts(item: Any) -> Iterator[str]:
    """Yield every text of an item, in the order of reading."""
    return (text for name, text in _strings(item, _fields) if not _is_payload(name, text))


def text_of(item: Any) -> str:
    """Return the texts of an item, a line or more for each, up to MAX_TEXT characters."""
    return _joined(texts(item), MAX_TEXT)


def summary_of(item: Any) -> str:
    """Return the beginning of a message, in one line: what is said in it, no addresses of files."""
    said = _strings(fields_of(item).get("content"), _spoken)
    return " ".join(_joined((text for _, text in said), 4 * SUMMARY).split())[:SUMMARY]


def _strings(value: Any, inner: Callable[[dict[str, Any]], list[str]]) -> Iterator[tuple[str, str]]:
    """Yield the strings of a value that are not empty, and the field that each is in.

    However deep: what is still to be looked into is a list. `inner` names the fields of interest.
    """
    left: list[tuple[str, Any]] = [("", value)]
    while left:
        name, value = left.pop()
        if isinstance(value, str):
            if value:
                yield name, value
        elif isinstance(value, dict):
            fields = cast("dict[str, Any]", value)
            left.extend((each, fields[each]) for each in reversed(inner(fields)))
        elif isinstance(value, list):
            left.extend((name, each) for each in reversed(value))


def _joined(found: Iterable[str], most: int) -> str:
    lines: list[str] = []
    left = most
    for text in found:
        lines.append(text[:left])
        left -= len(text) + 1
        if left <= 0:
            break
    return "\n".join(lines)


def _spoken(fields: dict[str, Any]) -> list[str]:
    return [name for name in _FIRST if name in fields]


def _fields(fields: dict[str, Any]) -> list[str]:
    first = _spoken(fields)
    return first + [name for name in fields if name not in first and not _is_no_text(name)]


def _is_no_text(name: str) -> bool:
    return name in _NO_TEXT or name.endswith(_IDS)


def _is_payload(name: str, text: str) -> bool:
    """Tell whether a string is a picture, a file or the like, and nothing to read."""
    if text.startswith(("data:", "DATA:")) and _DATA_URL.match(text):
        return True
    if len(text) < _LONG and name not in _PAYLOADS:
        return False
    return name not in ("content", "text") and _BASE64.fullmatch(text[:_LOOKED_AT]) is not None
