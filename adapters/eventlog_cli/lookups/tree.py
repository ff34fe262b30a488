"""The tree of a conversation: its branches, its forks, and where each of them left."""

from collections.abc import Iterable
from typing import Any

from eventlog import EventLog
from eventlog.format.envelope import readable_time
from eventlog.format.names import MAIN
from eventlog.format.records import StreamRow
from eventlog.visible import quoted
from eventlog_projections.conversation import Conversation
from eventlog_projections.history.places import Place, places
from eventlog_projections.stream import Stream


async def branch_tree(log: EventLog, name: str) -> list[dict[str, Any]]:
    """Return the streams of a conversation and the forks of it, each below what it began with."""
    rows = [row async for row in log.streams(branches=True)]
    below: dict[bytes, list[StreamRow]] = {}
    for row in rows:
        if row.parent is not None:
            below.setdefault(row.parent.stream_id, []).append(row)
    own = [row for row in rows if row.name == name]
    ids = {row.stream_id for row in own}
    tops = [row for row in own if row.parent is None or row.parent.stream_id not in ids]
    byid = {row.stream_id: row for row in rows}
    found: list[dict[str, Any]] = []
    for top in sorted(tops, key=_age):
        await _put(log, name, top, below, byid, 0, found)
    return found


async def _put(
    log: EventLog,
    name: str,
    row: StreamRow,
    below: dict[bytes, list[StreamRow]],
    byid: dict[bytes, StreamRow],
    depth: int,
    found: list[dict[str, Any]],
) -> None:
    found.append(await _record(log, name, row, byid, depth))
    if row.name != name:
        return  # A fork has its own tree.
    for child in sorted(below.get(row.stream_id, ()), key=_age):
        await _put(log, name, child, below, byid, depth + 1, found)


async def _record(
    log: EventLog, name: str, row: StreamRow, byid: dict[bytes, StreamRow], depth: int
) -> dict[str, Any]:
    chat = Conversation(log, row.name, row.branch)
    erased = row.erased_version is not None
    items = (await chat.read(limit=0)).total
    listed = {each.branch for each in await Conversation(log, row.name).branches()}
    state = "deleted" if row.branch != MAIN and row.branch not in listed else ""
    return {
        "conversation": row.name,
        "branch": row.branch,
        "version": row.head.version,
        "items": items,
        "state": state or ("erased" if erased and not items else ""),
        **await _left(log, row, byid),
        "is_fork": row.name != name,
        "depth": depth,
        "created_at": readable_time(row.created_at),
        "last_at": readable_time(row.head.at),
    }


async def _left(
    log: EventLog, row: StreamRow, known: dict[bytes, StreamRow]
) -> dict[str, str | int | None]:
    """Return where a fork left, and with how many items; null where it is none."""
    parent = None if row.parent is None else known.get(row.parent.stream_id)
    begun = None
    if parent is not None:
        begun = (await Stream(log, row.name, row.branch).origin()).kept
    return {
        "left": left_at(row, known),
        "left_branch": None if parent is None else parent.branch,
        "left_version": None if row.parent is None else row.parent.version,
        "kept": begun,
    }


def left_at(row: StreamRow, known: dict[bytes, StreamRow]) -> str | None:
    """Say of what, and at which version, a stream is a fork; None where it is none."""
    if row.parent is None:
        return None
    parent = known.get(row.parent.stream_id)
    if parent is None:
        return f"version {row.parent.version} of what is gone"
    return f"{place(parent)} at version {row.parent.version}"


def place(row: StreamRow) -> str:
    """Name a stream."""
    branch = f" ({quoted(row.branch)})" if row.branch else ""
    return f"{quoted(row.name)}{branch}"


def stream_of(chat: Conversation) -> Stream:
    """Return the list of a conversation."""
    return Stream(chat.log, chat.name, chat.branch)


async def places_of(chat: Conversation, version: int, limit: int | None = None) -> list[Place]:
    """Return where the last items of the list at a version come from."""
    return await places(stream_of(chat), version, limit)


async def origin(log: EventLog, chat: Conversation) -> str:
    """Say of which conversation a fork is, and at which version; empty where it is none."""
    row = await log.stream(chat.name, branch=chat.branch)
    if row is None or row.parent is None:
        return ""
    parent = await log.stream(row.parent.stream_id)
    known: Iterable[StreamRow] = () if parent is None else (parent,)
    left = left_at(row, {each.stream_id: each for each in known})
    return f", began as a fork of {left}"


def _age(row: StreamRow) -> tuple[int, str, str]:
    return row.created_at, row.name, row.branch
