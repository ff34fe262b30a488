"""The seal of a conversation: computed when it is asked for, told as far as it has come."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any, Final
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from eventlog import EventLog, Fault, Verification
from eventlog.errors import EventLogError, InvalidMomentError
from eventlog.format.envelope import readable_time
from eventlog.format.records import StreamRow
from eventlog.operations import gather_evidence
from eventlog_projections import Conversation
from eventlog_web import words
from eventlog_web.viewer import viewer_of

MOST: Final = 50
"""Conversations whose seals one answer holds."""

LONG: Final = 20_000
"""Events from which on a conversation is verified only where it is opened."""

_STATES: Final = {0: "sound", 1: "broken", 2: "unknown"}

_NO_HEAD: Final = (
    "No head was signed yet, and evidence is of a head: `eventlog head --key-file FILE` signs one."
)


async def show(request: Request) -> Response:
    """Answer with lines of JSON: how far the check has come, and at last what it found."""
    chat, row = await viewer_of(request).find(request)
    return StreamingResponse(_lines(chat, row), media_type="application/x-ndjson")


async def several(request: Request) -> Response:
    """Answer with the seal of each conversation that is named, as lines of JSON, one by one."""
    log = viewer_of(request).log
    names = request.query_params.getlist("name")[:MOST]

    async def sealed() -> AsyncGenerator[bytes]:
        for name in names:
            yield _line({"name": name, **await _brief(log, name)})

    return StreamingResponse(sealed(), media_type="application/x-ndjson")


async def evidence(request: Request) -> Response:
    """Answer with a file that proves the conversation, for the last head that was signed."""
    chat, _ = await viewer_of(request).find(request)
    head = await chat.log.tree.last_head()
    if head is None:
        raise InvalidMomentError(_NO_HEAD)
    bundle = await gather_evidence(chat.log, head, {(chat.name, chat.branch): None})
    named = quote(f"{chat.name[:80]}.evidence.json", safe="")
    disposition = f"attachment; filename*=UTF-8''{named}"
    return Response(
        bundle, media_type="application/json", headers={"content-disposition": disposition}
    )


async def _brief(log: EventLog, name: str) -> dict[str, Any]:
    row = await log.stream(name)
    if row is not None and row.head.version > LONG:
        return {"state": "unknown", "what": "long: it is verified where it is opened"}
    try:
        found = await log.verify(name)
    except EventLogError as error:
        return {"state": "unknown", "what": words.line(str(error))}
    told: dict[str, Any] = {"state": _STATES[found.exit_code]}
    if found.faults:
        return told | {"what": words.line(str(found.faults[0]))}
    return told | {"version": 0 if row is None else row.head.version}


async def _lines(chat: Conversation, row: StreamRow) -> AsyncGenerator[bytes]:
    """Verify, and yield how many events were checked whenever that is more."""
    log, name = chat.log, chat.name
    of = row.head.version + sum([each.head.version async for each in log.branches(name)])
    checked, moved = 0, asyncio.Event()

    def progress(events: int) -> None:
        nonlocal checked
        checked = events
        moved.set()

    task = asyncio.ensure_future(log.verify(name, progress=progress))
    task.add_done_callback(lambda _: moved.set())
    try:
        while not task.done():
            await moved.wait()
            moved.clear()
            yield _line({"checked": checked, "of": of})
        try:
            found = task.result()
        except EventLogError as error:
            yield _line({"state": "unknown", "what": words.line(str(error))})
            return
        yield _line(await _finding(chat, row, found))
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, EventLogError):
            await task


async def _finding(chat: Conversation, row: StreamRow, found: Verification) -> dict[str, Any]:
    faults = [fault_told(each) for each in found.faults]
    return {
        "state": _STATES[found.exit_code],
        "version": row.head.version,
        "hash": row.head.hash.hex(),
        "events": found.events,
        "faults": faults,
        "pending": [words.line(str(each)) for each in found.pending],
        "signed": await _signed(chat),
    }


def fault_told(fault: Fault) -> dict[str, Any]:
    """Return a fault as the page shows it."""
    return {
        "branch": fault.branch,
        "version": fault.version,
        "problem": fault.problem,
        "detail": words.line(fault.detail),
        "position": fault.position,
    }


async def _signed(chat: Conversation) -> dict[str, Any] | None:
    """Tell what the last signed head covers of the conversation; None where there is no head."""
    head = await chat.log.tree.last_head()
    if head is None:
        return None
    at = readable_time(head.signed_at)
    return {
        "size": head.size,
        "root": head.root.hex(),
        "at": None if at is None else at.isoformat(),
        "version": await chat.log.tree.last_version(chat.name, head.size, branch=chat.branch),
    }


def _line(value: dict[str, Any]) -> bytes:
    return msgspec.json.encode(value) + b"\n"
