"""The heads that this process saw last: what makes an append one round trip."""

import threading
from collections import OrderedDict
from typing import Final

from eventlog.format.records import Head

MAX_HEADS: Final = 10_000


class Heads:
    """A bounded memory, safe for threads. A wrong entry costs a second look, never an answer."""

    def __init__(self, limit: int = MAX_HEADS) -> None:
        self._limit = limit
        self._heads: OrderedDict[bytes, Head] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, stream_id: bytes) -> Head | None:
        """Return the head seen last, or None."""
        return self._heads.get(stream_id)

    def put(self, stream_id: bytes, head: Head) -> None:
        """Remember what the database has just said, and forget what was used longest ago."""
        with self._lock:
            self._heads[stream_id] = head
            self._heads.move_to_end(stream_id)
            if len(self._heads) > self._limit:
                self._heads.popitem(last=False)

    def suggest(self, stream_id: bytes, head: Head) -> None:
        """Remember what a read ended at, unless a later head is known: reads may be overtaken."""
        known = self._heads.get(stream_id)
        if known is None or known.version < head.version:
            self.put(stream_id, head)
