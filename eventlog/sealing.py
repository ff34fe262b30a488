"""From content to what is stored of it: compressed, salted, digested.

It runs where the append is committed and not where it is called: on SQLite that is the connection's
thread, so neither a large body nor a contended interpreter lock holds up the event loop.
"""

import os

from eventlog.chain import SALT_BYTES, content_digest
from eventlog.codec import compress
from eventlog.records import EncodedEvent, SealedEvent


def seal(event: EncodedEvent) -> SealedEvent:
    """Make an event ready to store; two seals of one event differ in their salt."""
    codec, body = compress(event.body)
    salt = os.urandom(SALT_BYTES)
    digest = content_digest(salt, event.context, body)
    # In the order of SealedEvent's fields: positions are what the hot path can afford.
    return SealedEvent._make((*event[:4], codec, None, salt, event.context, body, digest))
