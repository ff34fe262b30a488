"""Erasure receipts: what was erased, by whom, when and why, signed.

docs/format.md defines them. The second line of a receipt is no number, so that it can never be
taken for a tree head that the same key signed.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from eventlog.errors import InvalidHeadError, NothingErasedError
from eventlog.format.envelope import RecordedEvent, open_header
from eventlog.format.facts import ConversationErased, EventErased
from eventlog.format.names import MAIN
from eventlog.format.records import StreamRow
from eventlog.log import EventLog
from eventlog.operations.erasure import Due, ErasedStream, sharing
from eventlog.proof.checkpoint import Signer, Verifier
from eventlog.store.contract.erasures import Erasure
from eventlog.visible import visible_json

RECEIPT: Final = "conversation-eventlog erasure receipt 1"
"""The first line: what it is, and the number of its form."""


class ErasedVersions(msgspec.Struct, frozen=True):
    """The versions `first` to `last` of one stream, whose content is gone: `events` events.

    Version `version` of the stream says so, with `hash` as its link of the chain. `at` is when,
    microseconds since 1970 UTC. Bytes are in hexadecimal.
    """

    name: str
    branch: str
    stream_id: str
    first: int
    last: int
    events: int
    version: int
    hash: str
    at: int
    by: str
    reason: str


class Receipt(msgspec.Struct, frozen=True):
    """What was erased under the name of a conversation: its branches and forks are streams, too."""

    tenant: str
    session_id: str
    streams: list[ErasedVersions]


async def sign_receipt(
    log: EventLog,
    signer: Signer,
    session_id: str,
    streams: Iterable[ErasedStream],
    only: int | None = None,
) -> str:
    """Return a signed note that says what was erased; `only` is the one version, if it was one.

    It is made from the events that say so, so it can be signed again at any time.
    """
    return sign(log, signer, session_id, [await _versions(log, each, only) for each in streams])


async def sign_planned(log: EventLog, signer: Signer, session_id: str, plan: Iterable[Due]) -> str:
    """Return the receipt of what will be erased, as it is then, and was erased already."""
    erased = [
        await _versions(log, each, None)
        if isinstance(each, ErasedStream)
        else await _due(log, each)
        for each in plan
    ]
    return sign(log, signer, session_id, erased)


async def receipt(
    log: EventLog,
    signer: Signer,
    session_id: str,
    version: int | None = None,
    *,
    branch: str = MAIN,
) -> str:
    """Make the receipt of an erasure again: the last of a conversation, or that of one version.

    `branch` is that of the version. Raises NothingErasedError if there was none.
    """
    if version is None:
        rows = [row for row in await sharing(log, session_id) if await _was_erased(log, row)]
        if not rows or rows[0].name != session_id:
            raise NothingErasedError(f"Conversation {session_id!r} was never erased.")
    else:
        row = await log.stream(session_id, branch=branch)
        after = max(version, 1) - 1
        found = await log.read(session_id, after=after, until=after + 1, branch=branch).all()
        if row is None or version < 1 or not found or not found[0].is_erased:
            raise NothingErasedError(
                f"Version {version} of conversation {session_id!r} was not erased."
            )
        rows = [row]
    streams = [
        ErasedStream(r.name, r.branch, r.stream_id, r.head.version, r.head.hash) for r in rows
    ]
    return await sign_receipt(log, signer, session_id, streams, version)


def sign(log: EventLog, signer: Signer, session_id: str, erased: Sequence[ErasedVersions]) -> str:
    """Return the signed note of what was erased."""
    body = visible_json(msgspec.json.encode(Receipt(log.tenant, session_id, list(erased))))
    return signer.sign_text(f"{RECEIPT}\n{body.decode()}\n")


def read_receipt(note: str, verifier: Verifier) -> Receipt:
    """Return what a receipt says.

    Raises InvalidHeadError for a note that this key did not sign, or that is no receipt.
    """
    first, _, rest = verifier.open_text(note).partition("\n")
    if first != RECEIPT:
        raise InvalidHeadError("The note is no receipt of an erasure, or has a form of its own.")
    try:
        return msgspec.json.decode(rest, type=Receipt)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InvalidHeadError("The receipt does not say what was erased.") from error


async def _versions(log: EventLog, stream: ErasedStream, only: int | None) -> ErasedVersions:
    event, first, last = await _said_by(log, stream, only)
    header = event.header
    return ErasedVersions(
        stream.name,
        stream.branch,
        stream.stream_id.hex(),
        first,
        last,
        last - first + 1,
        event.version,
        event.hash.hex(),
        event.stored.recorded_at,
        header.by or "",
        header.reason or "",
    )


async def _due(log: EventLog, erasure: Erasure) -> ErasedVersions:
    """Return what an erasure that is linked, and not stored yet, will have erased."""
    row = await log.stream(erasure.event.stream_id)
    name, branch = ("", MAIN) if row is None else (row.name, row.branch)
    header = open_header(name, erasure.event.version, erasure.event.header)
    only, last = erasure.only, erasure.head.version
    if only is None:
        wholes = await _wholes(log, name, branch, last)
        first = wholes[-1].version + 1 if wholes else 1
    else:
        first = last = only
    return ErasedVersions(
        name,
        branch,
        erasure.event.stream_id.hex(),
        first,
        last,
        last - first + 1,
        erasure.moved.version,
        erasure.moved.hash.hex(),
        erasure.event.recorded_at,
        header.by or "",
        header.reason or "",
    )


async def _said_by(
    log: EventLog, stream: ErasedStream, only: int | None
) -> tuple[RecordedEvent, int, int]:
    """Return the event that says what was erased, and the first and last version of that."""
    wholes = await _wholes(log, stream.name, stream.branch, stream.version)
    if only is None:
        return wholes[-1], wholes[-2].version + 1 if wholes[1:] else 1, wholes[-1].version - 1
    single = log.read(stream.name, after=only, kind=EventErased.kind, branch=stream.branch)
    async for event in single:
        if event.header.erased == only:
            return event, only, only
    for event in wholes:
        if event.version > only:
            return event, only, only
    raise NothingErasedError(
        f"No event says that version {only} of conversation {stream.name!r} was erased."
    )


async def _was_erased(log: EventLog, row: StreamRow) -> bool:
    return bool(await _wholes(log, row.name, row.branch, row.head.version))


async def _wholes(log: EventLog, name: str, branch: str, until: int) -> list[RecordedEvent]:
    """Return the events that say that all of a stream was erased."""
    return await log.read(name, until=until, kind=ConversationErased.kind, branch=branch).all()
