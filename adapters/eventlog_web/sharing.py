"""One conversation as one file: the panes and the playhead, without a server."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import msgspec
from markupsafe import Markup

from eventlog import Context, RecordedEvent
from eventlog.events import (
    ConversationErased,
    ConversationForked,
    ConversationLabelled,
    EventErased,
)
from eventlog_projections import Conversation, HistoryEvent, HistoryItem, HistoryTail
from eventlog_web import bundle, words
from eventlog_web.cards import card_of
from eventlog_web.inspecting import Inspected, inspected
from eventlog_web.redacting import Redactor
from eventlog_web.rows import EventRow, Rows
from eventlog_web.seal import fault_told
from eventlog_web.viewer import draw

_SHOWN: Final = 1_000_000
"""Characters of an item that a file holds."""


class _Entry(NamedTuple):
    """An event as history has it and as the log does; `before` is the hash of its predecessor."""

    told: HistoryEvent
    stored: RecordedEvent | None
    before: bytes | None


async def share(
    chat: Conversation, as_of: int | datetime | None = None, redactor: Redactor | None = None
) -> str:
    """Return a page of HTML that holds the conversation up to a version or moment, and asks nobody.

    What is redacted is in it nowhere. It names the head that it was made at, and what a check of
    the log found then. Raises InvalidMomentError or StoreError.
    """
    redactor = redactor or Redactor()
    log, name = chat.log, chat.name
    head = await log.version(name, branch=chat.branch)
    until = head if as_of is None else await log.version_at(name, as_of, branch=chat.branch)
    entries = [entry async for entry in _entries(chat, until)]
    redactor.learn(each for entry in entries for each in _names(entry.told))
    data = await _data(chat, entries, redactor)
    script, style = bundle.script("share.js"), bundle.read("viewer.css")
    title, owner, tags = _labels(entries, redactor)
    return draw(
        "share.html",
        {
            "name": redactor.text(name),
            "branch": redactor.text(chat.branch),
            "title": title,
            "owner": owner,
            "tags": tags,
            "head": entries[-1].told.version if entries else 0,
            "seal": await _seal(chat, entries, redactor),
            "redacted": redactor.said,
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "data": msgspec.json.encode(data).decode(),
            # Ours, and hashed: nothing of the conversation is in them.
            "script": Markup(script),  # noqa: S704
            "style": Markup(style),  # noqa: S704
            "script_hash": bundle.hash_of(script),
            "style_hash": bundle.hash_of(style),
        },
    )


async def _entries(chat: Conversation, until: int) -> AsyncGenerator[_Entry]:
    stored = {
        each.version: each
        async for each in chat.log.read(chat.name, until=until, branch=chat.branch)
    }
    async for told in HistoryTail(chat.log, chat.name, chat.branch).more():
        if told.version > until:
            return
        before = stored.get(told.version - 1)
        here = None if told.kind == "missing" else stored.get(told.version)
        yield _Entry(told, here, None if before is None else before.hash)


def _names(told: HistoryEvent) -> tuple[str | None, ...]:
    context = told.context or Context()
    event = told.event
    owner = event.owner if isinstance(event, ConversationLabelled) else None
    by = event.by if isinstance(event, ConversationErased | EventErased) else None
    return context.actor, context.agent, owner, by


async def _data(chat: Conversation, entries: list[_Entry], redactor: Redactor) -> dict[str, Any]:
    made = Rows()
    rows: list[EventRow] = []
    drawn: dict[str, list[str]] = {}
    shown: dict[str, Inspected] = {}
    for told, stored, before in entries:
        event, context = redactor.event(told.event), redactor.context(told.context)
        items = tuple(HistoryItem(redactor.item(each.item), each.is_listed) for each in told.items)
        if told.kind == ConversationForked.kind:
            inherited = (await chat.read(as_of=told.version)).items
            drawn["0"] = [_draw(redactor.item(item)) for item in inherited]
        row = made.take(told._replace(event=event, context=context, items=items))
        rows.append(row)
        drawn[str(row.v)] = [_draw(each.item) for each in items] or _missing(row.n, told)
        if stored is not None:
            error = "" if told.error is None else words.line(redactor.text(str(told.error)))
            shown[str(row.v)] = inspected(stored, before, event, context, error)
    return {"rows": rows, "drawn": drawn, "events": shown}


def _draw(item: Any) -> str:
    return draw("card.html", {"card": card_of(item, _SHOWN), "whole": ""})


def _missing(count: int, told: HistoryEvent) -> list[str]:
    if told.error is not None:
        return [draw("unreadable.html", {"error": "This event cannot be read."})] * bool(count)
    return [draw("erased.html", {})] * count


def _labels(
    entries: list[_Entry], redactor: Redactor
) -> tuple[str | None, str | None, tuple[str, ...]]:
    title = owner = None
    tags: tuple[str, ...] = ()
    for entry in entries:
        event = redactor.event(entry.told.event)
        if isinstance(event, ConversationLabelled):
            title = title if event.title is None else event.title or None
            owner = owner if event.owner is None else event.owner or None
            tags = tags if event.tags is None else event.tags
    return title, owner, tags


async def _seal(chat: Conversation, entries: list[_Entry], redactor: Redactor) -> dict[str, Any]:
    """Verify, and tell what was found up to the last version that is in the file."""
    found = await chat.log.verify(chat.name)
    last = entries[-1] if entries else None
    version = 0 if last is None else last.told.version
    faults = [
        fault_told(each)
        for each in found.faults
        if each.branch == chat.branch and each.version <= version
    ]
    return {
        "state": "broken" if faults else "sound",
        "version": version,
        "hash": "" if last is None or last.stored is None else last.stored.hash.hex(),
        "events": version,
        "faults": [each | {"detail": redactor.text(each["detail"])} for each in faults],
        "pending": [],
        "signed": None,
    }
