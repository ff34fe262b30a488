"""The heads that this process saw last: what makes an append one round trip."""

from typing import Final

from eventlog.cache import Cache
from eventlog.format.records import Head

MAX_HEADS: Final = 10_000


class Heads(Cache[bytes, Head]):
    """Heads by stream_id. A wrong entry costs a second look, never an answer."""

    def __init__(self) -> None:
        super().__init__(MAX_HEADS)

    def suggest(self, stream_id: bytes, head: Head) -> None:
        """Store the head that a read ended at, unless a later one is known: reads may overtake."""
        known = self.get(stream_id)
        if known is None or known.version < head.version:
            self.put(stream_id, head)
