"""Erasure receipts: what was erased, by whom, when and why, signed.

docs/format.md defines them. The second line of a receipt is no number, so that it can never be
taken for a tree head that the same key signed.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from eventlog.errors import InvalidHeadError
from eventlog.format.envelope import RecordedEvent
from eventlog.format.facts import ConversationErased, EventErased
from eventlog.log import EventLog
from eventlog.operations.erasure import ErasedStream
from eventlog.proof.checkpoint import Signer, Verifier

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
    erased = [await _versions(log, stream, only) for stream in streams]
    receipt = Receipt(log.tenant, session_id, erased)
    return signer.sign_text(f"{RECEIPT}\n{msgspec.json.encode(receipt).decode()}\n")


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


async def _said_by(
    log: EventLog, stream: ErasedStream, only: int | None
) -> tuple[RecordedEvent, int, int]:
    """Return the event that says what was erased, and the first and last version of that."""
    wholes = await log.read(
        stream.name, until=stream.version, kind=ConversationErased.kind, branch=stream.branch
    ).all()
    if only is None:
        return wholes[-1], wholes[-2].version + 1 if wholes[1:] else 1, wholes[-1].version - 1
    single = log.read(stream.name, after=only, kind=EventErased.kind, branch=stream.branch)
    async for event in single:
        if event.header.erased == only:
            return event, only, only
    return next(event for event in wholes if event.version > only), only, only
