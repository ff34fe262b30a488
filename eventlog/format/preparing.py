"""From content to what is stored of it: compressed, salted, encrypted for its place, digested.

It runs where the append is committed and not where it is called: on SQLite that is the connection's
thread, so neither a large body nor a contended interpreter lock holds up the event loop.
"""

import os
from collections.abc import Sequence

from eventlog.format import chain
from eventlog.format.chain import SALT_BYTES, content_digest
from eventlog.format.codec import RAW, compress
from eventlog.format.records import AppendRequest, EncodedEvent, Head, SealedEvent, StoredEvent


def seal(event: EncodedEvent) -> SealedEvent:
    """Make an event ready to store; two seals of one event differ in their salt."""
    codec, body = compress(event.body)
    salt = os.urandom(SALT_BYTES)
    digest = content_digest(salt, event.context, body)
    # In the order of SealedEvent's fields: positions are what the hot path can afford.
    return SealedEvent._make((*event[:4], codec, None, salt, event.context, body, digest))


def seal_all(request: AppendRequest) -> list[SealedEvent]:
    """Do what does not depend on the head, once for however many heads are tried."""
    if request.seals is None:
        return [seal(event) for event in request.events]
    return [_prepare(event, request.seals.compresses) for event in request.events]


def link(
    request: AppendRequest, head: Head, sealed: Sequence[SealedEvent]
) -> tuple[list[StoredEvent], Head]:
    """Give each event its place after `head`; what is encrypted is encrypted for that place."""
    seals = request.seals
    if seals is not None:
        sealed = [
            seals.encrypt(one, version) for version, one in enumerate(sealed, head.version + 1)
        ]
    return chain.link(request.stream_id, head, sealed, request.at)


def _prepare(event: EncodedEvent, compresses: bool) -> SealedEvent:  # noqa: FBT001
    codec, body = compress(event.body) if compresses else (RAW, event.body)
    salt = os.urandom(SALT_BYTES)
    return SealedEvent._make((*event[:4], codec, None, salt, event.context, body, b""))
