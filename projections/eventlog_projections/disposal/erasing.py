"""Erasing a conversation for good: its content leaves every place where we keep any of it."""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

from eventlog import EventLog, Signer
from eventlog.format.names import MAIN
from eventlog.operations.erasure import ErasedStream, erase_content, erase_event_content
from eventlog.operations.receipts import sign_receipt
from eventlog.settle import settle
from eventlog_projections.items.states import StateReader


class Unpurged(NamedTuple):
    """A view that may still hold what was erased, and why."""

    view: str
    schema: int
    reason: str


class Erased(NamedTuple):
    """What was erased, by whom and why, and where the log says so."""

    session_id: str
    by: str
    reason: str
    streams: tuple[ErasedStream, ...]
    """The conversation, its branches, and the forks that shared its content."""
    receipt: str | None = None
    """A signed note of it, if somebody signs: see `eventlog.operations.read_receipt`."""
    pending: tuple[Unpurged, ...] = ()
    """Views that may still hold something; a worker goes on trying, and `verify` tells of it."""


async def erase(
    log: EventLog,
    session_id: str,
    *,
    by: str,
    reason: str,
    with_forks: bool = True,
    signer: Signer | None = None,
    seen: Mapping[bytes, int] | None = None,
) -> Erased:
    """Destroy what was said in a conversation and in its branches, and who said it, for good.

    A `ConversationErased` says that it happened, `by` whom and for which `reason`; both are codes
    that stay readable for ever. Forks that began with content of it are erased as a whole too; with
    `with_forks=False`, SharedContentError if there are any. The list is empty then and starts anew,
    encrypted under a new key if there is a keyring; what is asked for before raises ErasedError.
    One transaction a stream: if it was interrupted, call it again. No view keeps it from being
    erased: `pending` names those that may still hold something. Settles if the caller is
    cancelled. docs/erasure.md says what is to be done about free pages, write-ahead logs and
    backups.

    `signer`: who signs a receipt; asked for again, it is signed again.
    `seen`: the version of each stream (by stream_id) that may go; ConflictError if one has moved.

    Raises InvalidNameError, HeldError, SharedContentError, ConflictError or StoreError.
    """

    async def erased() -> tuple[list[ErasedStream], list[Unpurged]]:
        streams = await erase_content(log, session_id, by, reason, with_forks=with_forks, seen=seen)
        return streams, await _purge(log, streams)

    streams, pending = await settle(asyncio.ensure_future(erased()))
    receipt = None if signer is None else await sign_receipt(log, signer, session_id, streams)
    return Erased(session_id, by, reason, tuple(streams), receipt, tuple(pending))


async def erase_event(
    log: EventLog,
    session_id: str,
    version: int,
    *,
    by: str,
    reason: str,
    branch: str = MAIN,
    signer: Signer | None = None,
) -> Erased:
    """Destroy the content and the context of one event for good; its items leave the list.

    An `EventErased` says so. The bytes go, with or without encryption: one key for each stream
    cannot shred one event. Lists of the past that had items of it raise ErasedError.

    Raises InvalidMomentError, SharedContentError if a fork began with a list of this version or a
    later one (erase, or leave, the fork first), InvalidNameError, HeldError or StoreError.
    """

    async def erased() -> tuple[list[ErasedStream], list[Unpurged]]:
        stream = await erase_event_content(log, session_id, version, by, reason, branch=branch)
        return [stream], await _purge(log, [stream])

    streams, pending = await settle(asyncio.ensure_future(erased()))
    receipt = None
    if signer is not None:
        receipt = await sign_receipt(log, signer, session_id, streams, version)
    return Erased(session_id, by, reason, tuple(streams), receipt, tuple(pending))


async def _purge(log: EventLog, streams: list[ErasedStream]) -> list[Unpurged]:
    for stream in streams:
        await StateReader(log, stream.name, stream.branch).leave_tombstone(stream.version)
    from eventlog_projections.views.purging import purge_views  # Who reads lists loads no views.

    found = await purge_views(log, [(stream.name, stream.stream_id) for stream in streams])
    return [Unpurged._make(each) for each in found]
