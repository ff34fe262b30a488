"""Parts of an item's content in words: text as it is, pictures and files by type and size. Pure."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, cast

LONGEST_JSON: Final = 500
"""Characters of a value of which nothing better is known than its JSON."""

MEDIA: Final = ("image", "file", "audio", "video", "screenshot", "computer_screenshot")

LONGEST_TYPE: Final = 200
LEAST_BASE64: Final = 512
"""Characters of a run without a space that nobody has written by hand."""

_BASE64: Final = re.compile(r"[A-Za-z0-9+/_\r\n-]+={0,2}")

_UNITS: Final = ((1_000_000, "MB"), (1_000, "kB"))


Json = dict[str, Any] | list[Any] | str | float | None
"""What JSON decodes to; checkers of types know what is in an object or an array of it."""


def fields_of(value: Json) -> dict[str, Any]:
    """Return a JSON object's fields; none of what is no object."""
    return value if isinstance(value, dict) else {}


def list_of(value: Any) -> list[Any]:
    """Return a JSON array's values; the value itself where it is none."""
    return list(cast("Iterable[Any]", value)) if isinstance(value, list) else [value]


def text_in(content: Any) -> str:
    """Return what a content says: a text, or a list of parts."""
    if content is None:
        return ""
    if isinstance(content, str):
        return _without_data(content)
    parts = cast("Iterable[Any]", content if isinstance(content, list) else (content,))
    return " ".join(filter(None, map(_part, parts)))


def shortened(value: Any) -> str:
    """Return the JSON of a value, or the beginning of it; of media only type and size."""
    text = json.dumps(_without_media(value, 0), ensure_ascii=False)
    return text if len(text) <= LONGEST_JSON else f"{text[:LONGEST_JSON]}..."


def media(fields: Mapping[str, Any], what: str) -> str:
    """Name a picture or a file: what it is, its name, its type, and its size or its address."""
    data, kind = _data(fields)
    named = next((str(fields[name]) for name in ("filename", "file_id") if fields.get(name)), "")
    told = [named, kind or _said(fields.get("format") or fields.get("output_format"))]
    if data is not None:
        told.append(size(data))
    else:
        told.append(_address(fields))
    return f"[{', '.join([what, *filter(None, told)])}]"


def size(base64: str) -> str:
    """Return how many bytes base64 holds, for people."""
    count = len(base64.rstrip("=")) * 3 // 4
    for unit, name in _UNITS:
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count} bytes"


def _part(part: Any) -> str:
    if isinstance(part, str):
        return part
    fields = fields_of(part)
    for name in ("text", "refusal", "logs"):
        if isinstance(fields.get(name), str):
            return str(fields[name])
    kind = str(fields.get("type") or "")
    what = next((name for name in MEDIA if name in kind), None)
    if what is not None:
        more = fields_of(fields.get("input_audio") or fields.get("image_url"))
        return media({**fields, **more}, "screenshot" if "screenshot" in what else what)
    return shortened(part)


def _data(fields: Mapping[str, Any]) -> tuple[str | None, str]:
    """Return base64 that is in the fields, and its type."""
    for name in ("file_data", "data", "image_url", "b64_json", "result", "url"):
        value = fields.get(name)
        if not isinstance(value, str) or not value:
            continue
        if value.startswith("data:"):
            kind, _, data = value[len("data:") :].partition(",")
            return data, kind.partition(";")[0]
        if name in ("file_data", "data", "b64_json", "result"):
            return value, ""
    return None, ""


def _address(fields: Mapping[str, Any]) -> str:
    for name in ("image_url", "file_url", "url"):
        value = fields.get(name)
        if isinstance(value, str):
            return value
    return ""


def _said(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _without_media(value: Any, depth: int) -> Any:
    """Return a value with base64 replaced by its size."""
    inner: Callable[[Any], Any] = lambda each: _without_media(each, depth + 1)  # noqa: E731
    if depth > 8:
        return "..."
    if isinstance(value, dict):
        return {name: inner(each) for name, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [inner(each) for each in cast("Iterable[Any]", value)]
    return without_base64(value) if isinstance(value, str) else value


def _without_data(text: str) -> str:
    """Return a text; type and size of what a data URL holds."""
    if text.startswith("data:") and ";base64," in text[:LONGEST_TYPE]:
        kind, _, data = text[len("data:") :].partition(",")
        return f"[{kind.partition(';')[0]}, {size(data)}]"
    return text


def without_base64(text: str) -> str:
    """Return a value's text; its size where it is nothing but base64."""
    if text.startswith("data:"):
        return _without_data(text)
    if len(text) >= LEAST_BASE64 and _BASE64.fullmatch(text):
        return f"[{size(text)}]"
    return text
