"""What two moments of a conversation, or two of its branches, differ in: a page of its own."""

from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from eventlog.events import UsageRecorded
from eventlog_projections import Conversation, HistoryTail
from eventlog_projections.history.diff import compare
from eventlog_projections.history.salvage import read_intact
from eventlog_projections.stream import Stream
from eventlog_web import addresses
from eventlog_web.cards import card_of
from eventlog_web.viewer import page, viewer_of

MOST: Final = 200
"""Items that each side shows, the first ones: more would be no page to look at."""


class Side(NamedTuple):
    """A list of one of the two: a branch at a version."""

    branch: str
    version: int
    items: int
    tokens: int
    """What was used up to there, as far as it was recorded on this branch."""
    href: str


async def show(request: Request) -> Response:
    """Answer with the page. `a` and `b` are moments, `branch` and `with` the branches of each."""
    viewer = viewer_of(request)
    chat, _ = await viewer.find(request)
    query = request.query_params
    other = chat
    if "with" in query:
        other = Conversation(viewer.log, chat.name, query["with"])
        await viewer.require(other)
    before, one = await _side(chat, query.get("a"))
    after, two = await _side(other, query.get("b"))
    found = compare(before, after)
    values = {
        "chat": chat,
        "one": one,
        "two": two,
        "common": found.common,
        "gone": len(found.removed),
        "come": len(found.added),
        "removed": [card_of(item) for item in found.removed[:MOST]],
        "added": [card_of(item) for item in found.added[:MOST]],
        "asked": {"a": query.get("a", ""), "b": query.get("b", "")},
        "branches": [row.branch async for row in viewer.log.branches(chat.name)],
    }
    return page(request, "diff.html", values)


async def _side(chat: Conversation, text: str | None) -> tuple[list[object], Side]:
    stream = Stream(chat.log, chat.name, chat.branch)
    seen = await read_intact(stream, addresses.moment(text))
    tokens = 0
    async for event in HistoryTail(chat.log, chat.name, chat.branch).more():
        if event.version > seen.version:
            break
        if isinstance(event.event, UsageRecorded):
            tokens += event.event.total_tokens
    href = addresses.to("c", chat.name, chat.branch, at=f"v{seen.version}")
    return seen.items, Side(chat.branch, seen.version, len(seen.items), tokens, href)
