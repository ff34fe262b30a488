"""The ends of streams that this process saw last: what makes an append one round trip."""

from typing import Final, NamedTuple

from eventlog.cache import Cache
from eventlog.format.records import ARCHIVED, AppendRequest, Head
from eventlog.store.nouns.append import Known

MAX_HEADS: Final = 10_000


class End(NamedTuple):
    """A head, and what it says of the stream. `erased` is the last erasure, or a version behind it.

    Both change with the head alone: they are right where the head is.
    """

    head: Head
    is_archived: bool = False
    erased: int = 0

    @classmethod
    def of(cls, known: Known) -> "End":
        """Return what a look has seen."""
        return cls(known.head, known.is_archived, known.erased)

    def takes(self, request: AppendRequest) -> bool:
        """Tell whether nothing is known that speaks against an append on this head."""
        if request.expected not in (None, self.head.version):
            return False
        if request.seen is not None and request.seen < self.erased:
            return False
        return not self.is_archived or request.is_filing


class Heads(Cache[bytes, End]):
    """Ends by stream_id. A wrong entry costs a second look, never an answer."""

    def __init__(self) -> None:
        super().__init__(MAX_HEADS)

    def suggest(self, stream_id: bytes, head: Head, kind: str) -> None:
        """Store the head that a read ended at, unless a later one is known: reads may overtake.

        A read does not tell when something was erased: at its head at the latest.
        """
        known = self.get(stream_id)
        if known is None or known.head.version < head.version:
            self.put(stream_id, End(head, kind == ARCHIVED, head.version))
