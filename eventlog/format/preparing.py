"""From content to what is stored of it: compressed, salted, encrypted for its place, digested.

It runs where the append is committed and not where it is called: on SQLite that is the connection's
thread, so neither a large body nor a contended interpreter lock holds up the event loop.
"""

import os
from collections.abc import Sequence

from eventlog.format import chain
from eventlog.format.chain import SALT_BYTES, content_digest
from eventlog.format.codec import RAW, compress
from eventlog.format.records import AppendRequest, EncodedEvent, Head, PreparedEvent, StoredEvent


def prepare(event: EncodedEvent) -> PreparedEvent:
    """Make an event ready to store; two cipher of one event differ in their salt."""
    codec, body = compress(event.body)
    salt = os.urandom(SALT_BYTES)
    digest = content_digest(salt, event.context, body)
    # In the order of PreparedEvent's fields: positions are what the hot path can afford.
    return PreparedEvent._make((*event[:4], codec, None, salt, event.context, body, digest))


def prepare_all(request: AppendRequest) -> list[PreparedEvent]:
    """Do what does not depend on the head, once for however many heads are tried."""
    if request.cipher is None:
        return [prepare(event) for event in request.events]
    return [_prepare(event, request.cipher.compresses) for event in request.events]


def link(
    request: AppendRequest, head: Head, prepared: Sequence[PreparedEvent]
) -> tuple[list[StoredEvent], Head]:
    """Give each event its place after `head`; what is encrypted is encrypted for that place."""
    cipher = request.cipher
    if cipher is not None:
        prepared = [
            cipher.encrypt(one, version) for version, one in enumerate(prepared, head.version + 1)
        ]
    return chain.link(request.stream_id, head, prepared, request.at)


def _prepare(event: EncodedEvent, compresses: bool) -> PreparedEvent:  # noqa: FBT001
    codec, body = compress(event.body) if compresses else (RAW, event.body)
    salt = os.urandom(SALT_BYTES)
    return PreparedEvent._make((*event[:4], codec, None, salt, event.context, body, b""))
