"""The branches of a conversation as a tree: where each forked, how far it went."""

from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from eventlog.format.names import MAIN
from eventlog.format.records import StreamRow
from eventlog_projections import Conversation
from eventlog_web import addresses
from eventlog_web.viewer import page, viewer_of

WIDTH: Final = 640
ROW: Final = 34
LEFT: Final = 12


class Line(NamedTuple):
    """A branch as it is drawn: from where it forked to its head, `x` by time."""

    branch: str
    version: int
    y: int
    start: float
    end: float
    href: str
    fork: "Fork | None"
    diff: str | None
    is_current: bool
    is_deleted: bool
    is_latest: bool


class Fork(NamedTuple):
    """Where a branch left another one; `y` is that of the other, None if it is elsewhere."""

    of: str
    at: int
    y: int | None
    href: str | None


async def show(request: Request) -> Response:
    """Answer with the page of the tree."""
    viewer = viewer_of(request)
    chat, _ = await viewer.find(request)
    main = await viewer.log.stream(chat.name)
    rows = ([] if main is None else [main]) + [row async for row in viewer.log.branches(chat.name)]
    rows.sort(key=lambda row: (row.branch != MAIN, row.created_at, row.branch))
    there = {each.branch for each in await chat.branches()} | {MAIN}
    lines = [await _line(chat, row, rows, there) for row in rows]
    values = {"chat": chat, "lines": lines, "height": ROW * len(rows) + 8, "width": WIDTH + 24}
    return page(request, "branches.html", values)


async def _line(chat: Conversation, row: StreamRow, rows: list[StreamRow], there: set[str]) -> Line:
    begun = min(each.created_at or each.head.at for each in rows)
    ended = max(each.head.at for each in rows)
    scale = WIDTH / max(1, ended - begun)
    fork = await _fork(chat, row, rows)
    of = None if fork is None or fork.y is None else fork.of
    return Line(
        row.branch,
        row.head.version,
        rows.index(row) * ROW + ROW // 2,
        LEFT + ((row.created_at or begun) - begun) * scale,
        LEFT + (row.head.at - begun) * scale,
        addresses.to("c", chat.name, row.branch),
        fork,
        None if of is None else addresses.to("diff", chat.name, of, **{"with": row.branch}),
        row.branch == chat.branch,
        row.branch not in there,
        row.head.at == ended,
    )


async def _fork(chat: Conversation, row: StreamRow, rows: list[StreamRow]) -> Fork | None:
    if row.parent is None:
        return None
    at = row.parent.version
    for index, each in enumerate(rows):
        if each.stream_id == row.parent.stream_id:
            href = addresses.to("c", chat.name, each.branch, at=f"v{at}")
            return Fork(each.branch, at, index * ROW + ROW // 2, href)
    parent = await chat.log.stream(row.parent.stream_id)
    if parent is None:
        return Fork("another conversation", at, None, None)
    href = addresses.to("c", parent.name, parent.branch, at=f"v{at}")
    return Fork(parent.name, at, None, href)
