"""A conversation as a document to be read: Markdown, or a page of HTML that needs nothing else."""

import html as escaping
from collections.abc import Iterator, Sequence
from typing import Any, Final

from eventlog.plurals import count
from eventlog_cli.showing.times import Zone
from eventlog_cli.showing.words import actor, clean, describe, line, named
from eventlog_projections.changing.labels import Labels
from eventlog_projections.history.places import Place
from eventlog_projections.items.state import ItemsRead

STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem}"
    "article{margin:1rem 0;padding:.5rem 1rem;border-left:4px solid #bbb}"
    "article.user{border-color:#36c}article.agent{border-color:#283}"
    "header{color:#666;font-size:.85rem}pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:0;"
    "font:inherit}"
)


def markdown(
    name: str, branch: str, seen: ItemsRead, places: Sequence[Place], labels: Labels, zone: Zone
) -> str:
    """Return a conversation as Markdown."""
    parts = [f"# {_escaped(labels.title or named(name, branch))}", _summary(name, branch, seen)]
    for who, where, text in _items(seen.items, places, zone):
        quoted = "\n".join(f"> {each}" for each in clean(text).split("\n"))
        parts.append(f"**{_escaped(who)}** {where}\n\n{quoted}")
    return "\n\n".join(parts) + "\n"


def html(
    name: str, branch: str, seen: ItemsRead, places: Sequence[Place], labels: Labels, zone: Zone
) -> str:
    """Return a conversation as a page of HTML; all that was said is text there."""
    title = escaping.escape(line(labels.title or named(name, branch)))
    said = "\n".join(
        f'<article class="{who if who in ("user", "agent") else "other"}">'
        f"<header>{escaping.escape(who)} {escaping.escape(where)}</header>"
        f"<pre>{escaping.escape(clean(text))}</pre></article>"
        for who, where, text in _items(seen.items, places, zone)
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{STYLE}</style></head><body>\n"
        f"<h1>{title}</h1>\n<p>{escaping.escape(_summary(name, branch, seen))}</p>\n"
        f"{said}\n</body></html>\n"
    )


def _items(
    items: Sequence[Any], places: Sequence[Place], zone: Zone
) -> Iterator[tuple[str, str, str]]:
    """Yield who each item is from, where it is in the log, and what it says."""
    for index, item in enumerate(items):
        who, text = describe(item)
        place = places[index] if index < len(places) else None
        where = ""
        if place is not None and place.version:
            where = (
                f"{zone.seen(place.recorded_at)}, version {place.version}, {actor(place.context)}"
            )
        yield who, where, text


def _summary(name: str, branch: str, seen: ItemsRead) -> str:
    return (
        f"Conversation {named(name, branch)}, version {seen.version}, {count(seen.total, 'item')}."
    )


def _escaped(text: str) -> str:
    """Return a text of one line that Markdown takes as it is."""
    return "".join(f"\\{each}" if each in "\\`*_{}[]<>#|" else each for each in line(text))
