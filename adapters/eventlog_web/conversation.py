"""The page of one conversation, and the data that its panes ask for."""

import contextlib
from collections.abc import AsyncGenerator
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from eventlog import RecordedEvent
from eventlog.errors import EventLogError, InvalidInputError
from eventlog.events import ItemsAdded, ItemsReplaced
from eventlog_projections import Conversation, HistoryTail, Labels
from eventlog_projections.history.salvage import read_intact
from eventlog_projections.stream import Stream
from eventlog_web import addresses
from eventlog_web.cards import Card, card_of
from eventlog_web.rows import Rows
from eventlog_web.viewer import draw, number, page, viewer_of

FIRST: Final = 30
"""Items that the page itself shows, before any script has run."""

TOGETHER: Final = 500
"""Rows that are sent at once."""

MOST: Final = 512
"""Versions whose items one answer holds."""


async def show(request: Request) -> Response:
    """Answer with the page of a conversation as it was at the playhead."""
    chat, row = await viewer_of(request).find(request)
    asked = request.query_params.get("at")
    moment = addresses.moment(asked)
    head = row.head.version
    at = (
        head if moment is None else await chat.log.version_at(chat.name, moment, branch=chat.branch)
    )
    cards, total, error = await _first(chat, at)
    labels = await _labels(chat)
    values = {
        "chat": chat,
        "labels": labels,
        "head": head,
        "at": at,
        "asked": asked or "",
        "cards": cards,
        "total": total,
        "error": error,
        "branches": await chat.branches(),
    }
    return page(request, "conversation.html", values)


async def _labels(chat: Conversation) -> Labels:
    try:
        return await chat.labels()
    except EventLogError:
        return Labels()  # The panes say which event cannot be read, and why.


async def _first(chat: Conversation, at: int) -> tuple[list[Card], int, str]:
    try:
        seen = await read_intact(Stream(chat.log, chat.name, chat.branch), at, FIRST)
    except InvalidInputError:
        raise
    except EventLogError as error:
        return [], 0, str(error)  # The panes show what can be read.
    return [card_of(item) for item in seen.items], seen.total, ""


async def rows(request: Request) -> Response:
    """Answer with every event behind `after` as a line of JSON each."""
    chat, _ = await viewer_of(request).find(request)
    after = number(request, "after", 0)

    async def lines() -> AsyncGenerator[bytes]:
        made = Rows()
        ready: list[bytes] = []
        async for event in HistoryTail(chat.log, chat.name, chat.branch).more():
            row = made.take(event)
            if row.v <= after:
                continue
            ready.append(msgspec.json.encode(row))
            if len(ready) == TOGETHER:
                yield b"\n".join([*ready, b""])
                ready.clear()
        yield b"\n".join([*ready, b""])

    return StreamingResponse(lines(), media_type="application/x-ndjson")


async def items(request: Request) -> Response:
    """Answer with the items that the events `from` to `to` brought, drawn, by version."""
    chat, _ = await viewer_of(request).find(request)
    first = number(request, "from", 1)
    last = min(number(request, "to", first), first + MOST - 1)
    drawn: dict[str, list[str]] = {}
    if first == 0:
        inherited = await chat.read(as_of=1)
        drawn["0"] = [_draw(chat, 0, n, item) for n, item in enumerate(inherited.items)]
    async for event in chat.log.read(
        chat.name, after=max(0, first - 1), until=last, branch=chat.branch
    ):
        drawn[str(event.version)] = _drawn(chat, event)
    return Response(msgspec.json.encode(drawn), media_type="application/json")


def _drawn(chat: Conversation, event: RecordedEvent) -> list[str]:
    try:
        if event.is_erased:
            return [draw("erased.html", {})] * (event.header.items or 0)
        happened = event.event
    except EventLogError as error:
        return [draw("unreadable.html", {"error": str(error)})]
    if not isinstance(happened, ItemsAdded | ItemsReplaced):
        return []
    return [_draw(chat, event.version, n, item) for n, item in enumerate(happened.items)]


def _draw(chat: Conversation, version: int, index: int, item: Any) -> str:
    whole = addresses.to("raw", chat.name, chat.branch, v=version, item=index)
    return draw("card.html", {"card": card_of(item), "whole": whole})


async def raw(request: Request) -> Response:
    """Answer with the content of an event, or of one of its items, as JSON that nobody runs."""
    chat, _ = await viewer_of(request).find(request)
    version = number(request, "v", 1)
    found = await chat.log.read(
        chat.name, after=version - 1, until=version, branch=chat.branch
    ).all()
    body = found[0].body if found else b"null"
    if "item" in request.query_params:
        held = msgspec.json.decode(body, type=list[msgspec.Raw])
        body = bytes(held[number(request, "item", 0)])
    with contextlib.suppress(msgspec.DecodeError):  # NaN, for one, is stored as it came.
        body = msgspec.json.format(body, indent=1)
    return Response(body, media_type="text/plain; charset=utf-8")
