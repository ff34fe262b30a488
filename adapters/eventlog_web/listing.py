"""The list of conversations: a page of rows at a time, by the filters that the address names.

Rows come from the views. A log that is opened read-only has them as somebody left them: what was
appended since is told from the feed, and where there are none, from the streams alone.
"""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Final, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from eventlog import EventLog, StoreError
from eventlog.format.envelope import readable_time, to_microseconds
from eventlog_projections.views import Views, conversations
from eventlog_projections.views.queries import Summary
from eventlog_web import addresses, words
from eventlog_web.viewer import page, viewer_of

TOGETHER: Final = 1000
"""Conversations of one page of the views."""

MOST: Final = 50_000
"""Conversations that one answer names, the latest."""

FIRST: Final = 60
"""Conversations that the page itself shows, before any script has run."""

LOOKED: Final = 2000
"""Events behind the views that are looked at."""


class ListRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """A conversation. Times are microseconds UTC, cost is US dollars."""

    name: str
    href: str
    title: str = ""
    owner: str = ""
    tags: tuple[str, ...] = ()
    turns: int = 0
    events: int = 0
    branches: int = 0
    tokens: int = 0
    cost: float | None = None
    last: int = 0
    more: int = 0
    """How many events it has that are not counted in the others."""


class Filter(NamedTuple):
    """Which conversations are wanted; what is empty is not asked for."""

    owner: str = ""
    tag: str = ""
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def takes(self, row: ListRow) -> bool:
        """Tell whether a conversation is wanted."""
        if self.owner and row.owner != self.owner:
            return False
        if self.tag and self.tag not in row.tags:
            return False
        if self.since is not None and row.last < to_microseconds(self.since):
            return False
        if self.until is not None and row.last >= to_microseconds(self.until):
            return False
        text = self.text.casefold()
        return not text or text in row.name.casefold() or text in row.title.casefold()


async def show(request: Request) -> Response:
    """Answer with the page, which shows the first conversations at once."""
    log, wanted = viewer_of(request).log, _filter(request)
    first: list[ListRow] = []
    async for row in _rows(log, wanted):
        first.append(row)
        if len(first) == FIRST:
            break
    values = {
        "rows": first,
        "wanted": wanted,
        "query": request.url.query,
        "times": [readable_time(row.last) for row in first],
    }
    return page(request, "list.html", values)


async def rows(request: Request) -> Response:
    """Answer with a line of JSON for each conversation, those with the latest activity first."""
    log, wanted = viewer_of(request).log, _filter(request)

    async def lines() -> AsyncGenerator[bytes]:
        ready: list[bytes] = []
        count = 0
        async for row in _rows(log, wanted):
            ready.append(msgspec.json.encode(row))
            count += 1
            if len(ready) == TOGETHER // 2 or count == MOST:
                yield b"\n".join([*ready, b""])
                ready.clear()
            if count == MOST:
                break
        yield b"\n".join([*ready, b""])

    return StreamingResponse(lines(), media_type="application/x-ndjson")


async def _rows(log: EventLog, wanted: Filter) -> AsyncGenerator[ListRow]:
    """Yield the conversations that are wanted, and those that moved since the views did first."""
    async for row in _every(log, wanted):
        if wanted.takes(row):
            yield row


async def _every(log: EventLog, wanted: Filter) -> AsyncGenerator[ListRow]:
    views = Views(log)
    more = await _moved(views)
    try:
        async for summary in _summaries(views, wanted):
            yield _row(summary, more.pop(summary.name, (0, 0)))
    except StoreError:
        # There are no views, and they cannot be made.
        async for stream in log.streams():
            more.pop(stream.name, None)
            yield _bare(stream.name, stream.head.version, stream.head.at)
    for name, (events, at) in more.items():
        yield _bare(name, events, at)


async def _summaries(views: Views, wanted: Filter) -> AsyncGenerator[Summary]:
    after: Summary | None = None
    owner = wanted.owner or None
    limit = FIRST
    while True:
        found = await conversations(views, owner=owner, after=after, limit=limit, stale=True)
        for each in found:
            if _is_before(each.last_at, wanted.since):
                return
            yield each
        if len(found) < limit:
            return
        after, limit = found[-1], TOGETHER


def _is_before(at: datetime | None, since: datetime | None) -> bool:
    return at is not None and since is not None and at < since


async def _moved(views: Views) -> dict[str, tuple[int, int]]:
    """Return what was appended since the view moved: events and last time, by conversation."""
    positions = [
        point.position
        for point in await views.log.spi.views.tables.checkpoints()
        if point.projection == "conversations" and point.is_serving
    ]
    end = await views.log.position()
    moved: dict[str, tuple[int, int]] = {}
    if not positions or positions[0] >= end:
        return moved
    async for event in views.log.feed(max(positions[0], end - LOOKED)):
        events, _ = moved.get(event.stream, (0, 0))
        moved[event.stream] = events + 1, event.stored.recorded_at
    return moved


def _row(found: Summary, more: tuple[int, int]) -> ListRow:
    last = 0 if found.last_at is None else to_microseconds(found.last_at)
    cost = found.cost
    return ListRow(
        found.name,
        addresses.to("c", found.name),
        words.line(found.title or ""),
        words.line(found.owner or ""),
        tuple(map(words.line, found.tags)),
        found.turns,
        found.events + more[0],
        found.branches,
        found.total_tokens,
        None if cost.known is None else float(cost.known),
        max(last, more[1]),
        more[0],
    )


def _bare(name: str, events: int, at: int) -> ListRow:
    return ListRow(name, addresses.to("c", name), events=events, last=at)


def _filter(request: Request) -> Filter:
    given = request.query_params
    since, until = (_time(given.get(name)) for name in ("since", "until"))
    return Filter(given.get("owner", ""), given.get("tag", ""), given.get("q", ""), since, until)


def _time(text: str | None) -> datetime | None:
    found = addresses.moment(text)
    return found if isinstance(found, datetime) else None
