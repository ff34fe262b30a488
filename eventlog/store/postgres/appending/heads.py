"""The ends of streams that this process saw last: what makes an append one round trip."""

from typing import Final, NamedTuple

from eventlog.cache import Cache
from eventlog.format.records import ARCHIVED, AppendRequest, Head
from eventlog.store.nouns.append import Known

MAX_HEADS: Final = 10_000


class Witness(NamedTuple):
    """An event that is on the chain of its stream, unless the database has lost it."""

    version: int
    hash: bytes


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
        if request.seen is not None and not self.erased <= request.seen <= self.head.version:
            return False
        return not self.is_archived or request.is_filing


class Heads(Cache[bytes, End]):
    """Ends by stream_id. A wrong entry costs a second look, never an answer.

    But for one: an event that was read or written here is on the chain for good. If it is not, the
    database has lost it, and whoever writes next is told.
    """

    def __init__(self) -> None:
        super().__init__(MAX_HEADS)
        self._read: Cache[bytes, Witness] = Cache(MAX_HEADS)

    def fitting(self, request: AppendRequest) -> End | None:
        """Return the end that is remembered, if an append fits it and nothing later was read."""
        end = self.get(request.stream_id)
        if end is None or not end.takes(request):
            return None
        read = self._read.get(request.stream_id)
        return end if read is None or read.version <= end.head.version else None

    def read(self, stream_id: bytes, version: int, hash_: bytes) -> None:
        """Remember an event that a read has shown."""
        known = self._read.get(stream_id)
        if known is None or known.version < version:
            self._read.put(stream_id, Witness(version, hash_))

    def witness(self, stream_id: bytes) -> Witness | None:
        """Return the last event that was read or written here."""
        end, read = self.get(stream_id), self._read.get(stream_id)
        if end is None or (read is not None and read.version > end.head.version):
            return read
        return Witness(end.head.version, end.head.hash) if end.head.version else None

    def doubt(self, stream_id: bytes) -> None:
        """Have the next append look first; what was seen stays a witness."""
        end = self.get(stream_id)
        if end is not None and end.head.version:
            self.read(stream_id, end.head.version, end.head.hash)
        self.evict(stream_id)

    def lose(self, stream_id: bytes) -> None:
        """Forget what was known of a stream that has lost it: somebody is told."""
        self.evict(stream_id)
        self._read.evict(stream_id)

    def suggest(self, stream_id: bytes, head: Head, kind: str) -> None:
        """Store the head that a read ended at, unless a later one is known: reads may overtake.

        A read does not tell when something was erased: at its head at the latest.
        """
        known = self.get(stream_id)
        if known is None or known.head.version < head.version:
            self.put(stream_id, End(head, kind == ARCHIVED, head.version))
