"""An item as what a template draws: who says it, and its parts. Any JSON value is an item."""

import contextlib
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, cast

from markupsafe import Markup

from eventlog_projections import Unreadable
from eventlog_projections.items.calls import tool_of
from eventlog_projections.items.parts import fields_of
from eventlog_web import markdown, words
from eventlog_web.rows import face_of

MOST: Final = 4000
"""Characters of a text that a card shows; the rest is an address away."""

_FOLDED: Final = 12
"""Lines of a payload from which on it is folded."""

_LINE: Final = 76
"""Characters of JSON that stay on one line."""

_DATA_IMAGE: Final = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]+")
_LARGEST_IMAGE: Final = 5_000_000
_PLUMBING: Final = ("id", "type", "status", "call_id", "name", "arguments", "role")


class Part(NamedTuple):
    """A part of a card. `html` is Markdown or code, `text` is text, `source` is of an image."""

    kind: str
    text: str = ""
    html: Markup = Markup()
    source: str = ""
    label: str = ""
    is_folded: bool = False
    cut: int = 0
    """How many characters there are in all, if not all are shown."""


class Card(NamedTuple):
    """An item, ready to be drawn."""

    face: str
    title: str
    parts: tuple[Part, ...]
    note: str = ""


def card_of(item: Any, most: int = MOST) -> Card:
    """Return the card of an item, with at most so many characters of each of its texts."""
    if isinstance(item, Unreadable):
        why = Part("note", words.line(f"{item.items} items: {item.error}"))
        return Card("unreadable", "unreadable", (why,))
    face, held = face_of(item), fields_of(item)
    kind = words.line(str(held.get("type") or "message")) if held else "JSON"
    parts = tuple(_Parts(most).of(face, item, held))
    if face == "call":
        title = words.line(tool_of(item) or kind.removesuffix("_call"))
        return Card(face, title, parts, kind.replace("_", " "))
    if face == "item":
        return Card(face, kind.replace("_", " "), parts)
    role = held.get("role")
    status = held.get("status")
    note = "" if status in (None, "completed") else words.line(str(status))
    shown = words.line(role) if isinstance(role, str) else kind.replace("_", " ")
    return Card(face, "result" if face == "output" else shown, parts, note)


class _Parts:
    """Makes the parts of a card, each of at most so many characters."""

    def __init__(self, most: int) -> None:
        self._most = most

    def of(self, face: str, item: Any, held: dict[str, Any]) -> Iterator[Part]:
        """Yield the parts of an item."""
        if face == "call":
            yield from self._call(held)
        elif face == "output":
            yield from self._contents(held.get("output", held), is_payload=True)
        elif face == "reasoning":
            yield from self._reasoning(held)
        elif "content" in held:
            yield from self._contents(held["content"], is_payload=False)
        else:
            yield self._json(item)

    def _reasoning(self, held: dict[str, Any]) -> Iterator[Part]:
        for key in ("summary", "content"):
            if held.get(key):
                yield from self._contents(held[key], is_payload=False)
        if isinstance(held.get("encrypted_content"), str):
            size = len(held["encrypted_content"])
            yield Part("note", f"encrypted by the provider: {size:,} characters")

    def _call(self, held: dict[str, Any]) -> Iterator[Part]:
        if "arguments" in held:
            yield self._payload(held["arguments"], "arguments")
        rest = {key: value for key, value in held.items() if key not in _PLUMBING}
        if rest:
            yield self._json(rest)

    def _contents(self, content: Any, *, is_payload: bool) -> Iterator[Part]:
        is_list = isinstance(content, list)
        for part in cast("Sequence[Any]", content) if is_list else (content,):
            if isinstance(part, str):
                yield self._payload(part) if is_payload else self._markdown(part)
            else:
                yield self._content(fields_of(part), part)

    def _content(self, held: dict[str, Any], part: Any) -> Part:
        for key in ("text", "refusal"):
            if isinstance(held.get(key), str):
                label = "refused" if key == "refusal" else ""
                return self._markdown(held[key])._replace(label=label)
        url = held.get("image_url")
        url = url if isinstance(url, str) else fields_of(url).get("url")
        if isinstance(url, str):
            return _image(url)
        name = held.get("filename") or held.get("file_id")
        if isinstance(name, str):
            return Part("note", f"file: {words.line(name)}")
        return self._json(part)

    def _markdown(self, source: str) -> Part:
        shown = markdown.render(source[: self._most])
        return Part("markdown", html=shown, cut=self._cut(source))

    def _payload(self, value: Any, label: str = "") -> Part:
        if not isinstance(value, str):
            return self._json(value)._replace(label=label)
        if len(value) <= self._most * 10 and value.lstrip()[:1] in ("{", "["):
            with contextlib.suppress(ValueError, RecursionError):
                return self._json(json.loads(value))._replace(label=label)
        shown = words.text(value[: self._most])
        is_folded = _is_long(shown)
        return Part("text", shown, label=label, is_folded=is_folded, cut=self._cut(value))

    def _json(self, value: Any) -> Part:
        source = json.dumps(value, ensure_ascii=False)
        if len(source) > _LINE:
            source = json.dumps(value, ensure_ascii=False, indent=2)
        shown = source[: self._most]
        html = markdown.code(shown, "json")
        return Part("code", html=html, is_folded=_is_long(shown), cut=self._cut(source))

    def _cut(self, text: str) -> int:
        return len(text) if len(text) > self._most else 0


def _image(url: str) -> Part:
    if len(url) <= _LARGEST_IMAGE and _DATA_IMAGE.fullmatch(url):
        return Part("image", "an image of the conversation", source=url)
    if re.fullmatch(r"https?://[!-~]+", url):
        return Part("link", url, source=url)
    return Part("note", f"image: {words.line(url[:200])}")


def _is_long(text: str) -> bool:
    return text.count("\n") >= _FOLDED or len(text) > MOST // 2
