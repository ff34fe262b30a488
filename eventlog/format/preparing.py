"""Preparing encoded events to be stored: compressed, salted, digested, and encrypted if they are.

This runs where an append is committed: on SQLite in the thread of the connection, so that neither a
large body nor a contended interpreter lock delays the event loop.
"""

import os
from collections.abc import Sequence

from eventlog.format import chain
from eventlog.format.chain import SALT_BYTES, content_digest
from eventlog.format.codec import RAW, compress
from eventlog.format.records import AppendRequest, EncodedEvent, Head, PreparedEvent, StoredEvent


def prepare(event: EncodedEvent) -> PreparedEvent:
    """Compress, salt and digest an event that is not encrypted."""
    event_id, kind, schema, header, context, content = event
    codec, body = compress(content)
    salt = os.urandom(SALT_BYTES)
    digest = content_digest(salt, context, body)
    # In the order of PreparedEvent's fields: naming them would cost too much here.
    fields = (event_id, kind, schema, header, codec, None, salt, context, body, digest)
    return PreparedEvent._make(fields)


def prepare_all(request: AppendRequest) -> list[PreparedEvent]:
    """Prepare the events as far as the head does not matter: once, however many heads are tried."""
    if request.cipher is None:
        return [prepare(event) for event in request.events]
    return [_prepare(event, request.cipher.compresses) for event in request.events]


def link(
    request: AppendRequest, head: Head, prepared: Sequence[PreparedEvent]
) -> tuple[list[StoredEvent], Head]:
    """Give each event its version after `head`, encrypt it for that version, and chain it."""
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
