"""What comes, as server-sent events: rows of a conversation, or which conversations moved.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from collections.abc import AsyncGenerator
from typing import Any, Final

import msgspec
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import Response

from eventlog import EventLog, StoreError
from eventlog.errors import InvalidInputError
from eventlog.format.records import StreamRow
from eventlog_projections import Conversation, HistoryTail
from eventlog_web import addresses
from eventlog_web.listing import ListRow
from eventlog_web.pulse import Pulse
from eventlog_web.rows import EventRow, Rows
from eventlog_web.viewer import viewer_of

KEPT_ALIVE: Final = 15
"""Seconds between comments while nothing comes."""

TOGETHER: Final = 500


async def follow(request: Request) -> Response:
    """Answer with the rows behind `after`, and then with those that come."""
    viewer = viewer_of(request)
    chat, _ = await viewer.find(request)
    # A browser that lost the connection says what it had last.
    given = request.headers.get("last-event-id") or request.query_params.get("after", "0")
    if not given.isascii() or not given.isdigit() or len(given) > 15:
        raise InvalidInputError("after is a version.")
    return EventSourceResponse(_rows(chat, viewer.pulse, int(given)), ping=KEPT_ALIVE)


async def follow_all(request: Request) -> Response:
    """Answer with the conversations that move, as they do."""
    viewer = viewer_of(request)
    return EventSourceResponse(_moved(viewer.log, viewer.pulse), ping=KEPT_ALIVE)


async def _rows(chat: Conversation, pulse: Pulse, after: int) -> AsyncGenerator[ServerSentEvent]:
    tail, made = HistoryTail(chat.log, chat.name, chat.branch), Rows()
    async with pulse.listening() as listener:
        while not pulse.has_closed():
            ready: list[EventRow] = []
            async for event in tail.more():
                row = made.take(event)
                if row.v > after:
                    ready.append(row)
                if len(ready) == TOGETHER:
                    yield _event(ready, "rows", tail.version)
                    ready = []
            if ready:
                yield _event(ready, "rows", tail.version)
            while not pulse.has_closed() and await _head(chat) <= tail.version:
                await listener.wait()


async def _head(chat: Conversation) -> int:
    """Return the version of the head; 0 while the database does not answer."""
    try:
        return await chat.log.version(chat.name, branch=chat.branch)
    except StoreError:
        return 0


async def _moved(log: EventLog, pulse: Pulse) -> AsyncGenerator[ServerSentEvent]:
    seen = await log.latest()
    async with pulse.listening() as listener:
        while not pulse.has_closed():
            moved = await listener.wait()
            latest = await _latest(log)
            if latest is not None and latest != seen:
                seen = latest  # The feed may not tell of it: nobody gives positions.
                moved.add(latest.name)
            if moved:
                yield _event([await _brief(log, name) for name in sorted(moved)], "moved")


async def _latest(log: EventLog) -> StreamRow | None:
    try:
        return await log.latest()
    except StoreError:
        return None


async def _brief(log: EventLog, name: str) -> ListRow:
    """Return how many events a conversation has, on all branches, and when the last came."""
    main = await log.stream(name)
    heads = [row.head async for row in log.branches(name)] + ([main.head] if main else [])
    events, last = sum(head.version for head in heads), max((head.at for head in heads), default=0)
    return ListRow(name, addresses.to("c", name), events=events, last=last)


def _event(rows: list[Any], kind: str, version: int | None = None) -> ServerSentEvent:
    said = msgspec.json.encode(rows).decode()
    return ServerSentEvent(said, event=kind, id=None if version is None else str(version))
