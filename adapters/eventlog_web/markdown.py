"""Markdown and code of strangers, as HTML that runs nothing and asks nobody."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup
from pygments import highlight, lexers
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.util import ClassNotFound

from eventlog_web import words

_CODE: Final = HtmlFormatter[str](nowrap=True, classprefix="p-")
_named: Final[Callable[..., Lexer]] = getattr(lexers, "get_lexer_by_name")  # noqa: B009 - half typed

_COLOURED: Final = 20_000
"""Characters of code that are coloured: more of it is shown as it is."""


def render(source: str) -> Markup:
    """Return Markdown as HTML. HTML in it is text, and an image is a link to where it would be."""
    tokens = _MARKDOWN.parse(words.text(source))
    for token in tokens:
        _tame(token)
    return Markup(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))  # noqa: S704


def code(source: str, language: str) -> Markup:
    """Return code with its parts marked by classes."""
    shown = words.text(source)
    if len(shown) > _COLOURED:
        return Markup("{}").format(shown)
    try:
        lexer = _named(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return Markup("{}").format(shown)
    return Markup(highlight(shown, lexer, _CODE))  # noqa: S704


def _highlight(source: str, language: str, _attributes: str) -> str:
    return str(code(source, language or "text"))


def _tame(token: Token) -> None:
    if token.type in ("heading_open", "heading_close"):
        # A message must not take part in the outline of the page.
        token.attrJoin("class", f"h {token.tag}") if token.nesting == 1 else None
        token.tag = "p"
    token.children = _tamed(token.children) if token.children else token.children


def _tamed(tokens: Sequence[Token]) -> list[Token]:
    found: list[Token] = []
    for token in tokens:
        if token.type == "image":
            found += _linked(token)
            continue
        if token.type == "link_open":
            token.attrSet("rel", "noreferrer noopener nofollow")
        found.append(token)
    return found


def _linked(image: Token) -> list[Token]:
    """Return what is shown for an image that a message names: nothing is fetched for it."""
    opened = Token("link_open", "a", 1)
    opened.attrs = {"href": image.attrGet("src") or "", "rel": "noreferrer noopener nofollow"}
    if str(opened.attrs["href"]).startswith("data:"):
        opened = Token("em_open", "em", 1)
        return [opened, _said(image), Token("em_close", "em", -1)]
    return [opened, _said(image), Token("link_close", "a", -1)]


def _said(image: Token) -> Token:
    said = Token("text", "", 0)
    said.content = f"image: {image.content or 'without a name'}"
    return said


_OPTIONS: Final[dict[str, Any]] = {"html": False, "linkify": False, "highlight": _highlight}
_MARKDOWN: Final = MarkdownIt("commonmark", _OPTIONS).enable(["table", "strikethrough"])
