"""The tree over the feed: its leaves, tiles and heads, and what contradicts the events."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, NamedTuple

from eventlog.format.records import SignedHead
from eventlog.proof.merkle import TileId
from eventlog.store.contract.tree import (
    TOLD,
    EventAt,
    IntegrityViolation,
    LeafRow,
    Placed,
    Shape,
    ViolationKind,
)
from eventlog.store.nouns.work import (
    Ask,
    Each,
    Noun,
    Runner,
    Work,
    ask,
    examines,
    reads,
    writes,
)
from eventlog.store.sql.names import TreeStatements
from eventlog.store.sql.statement import Statement

LOOKS: Final = 3
"""It may be appended after the queue was read, and placed after the feed was."""

SLICE: Final = 2**21
"""Events that one statement compares, on average: some seconds, whatever the size of the log."""

_IDS: Final = 2**128
"""Stream ids are 16 bytes of a hash: each range of the same size has as many."""


class Searches(NamedTuple):
    """What finds rows that are wrong."""

    whole: Sequence[Statement]
    """Those that look at everything at once."""
    sliced: Sequence[Statement] = ()
    """Those that look at streams with first <= stream_id < behind; an empty end is no bound."""
    extent: Statement | None = None
    """Counts the events that `sliced` would look at."""


class Tree(Noun):
    """A TreeSource."""

    def __init__(
        self, runner: Runner, sql: TreeStatements, searches: Callable[[], Searches]
    ) -> None:
        super().__init__(runner)
        self._sql = sql
        self._searches = searches

    @reads
    def size(self) -> Work[int]:
        rows = yield ask(self._sql.size)
        return rows[0][0] if rows else 0

    @reads
    def leaves(self, after: int, limit: int) -> Work[Sequence[LeafRow]]:
        return (yield ask(self._sql.leaves, after=after, limit=limit))

    @reads
    def placed(self, after: int, until: int, limit: int) -> Work[list[Placed]]:
        rows = yield ask(self._sql.placed, after=after, until=until, limit=limit)
        return [Placed._make(row) for row in rows]

    @reads
    def tiles(self, wanted: Collection[TileId]) -> Work[dict[TileId, bytes]]:
        rows = yield Each(self._sql.tiles, [tile._asdict() for tile in wanted])
        return {TileId(level, number): hashes for level, number, hashes in rows}

    @writes
    def save(self, tiles: Mapping[TileId, bytes]) -> Work[None]:
        every = [{**tile._asdict(), "hashes": hashes} for tile, hashes in tiles.items()]
        yield Each(self._sql.save, every)

    @reads
    def places(
        self, stream_id: bytes, after: int, until: int, limit: int
    ) -> Work[list[tuple[int, int]]]:
        bounds = {"after": after, "until": until, "limit": limit}
        rows = yield ask(self._sql.places, stream_id=stream_id, **bounds)
        return [(row[0], row[1]) for row in rows]

    @reads
    def shapes(self) -> Work[list[Shape]]:
        return [Shape._make(row) for row in (yield ask(self._sql.shapes))]

    @reads
    def event_at(self, position: int) -> Work[EventAt | None]:
        rows = yield ask(self._sql.event_at, position=position)
        return EventAt._make(rows[0]) if rows else None

    @examines
    def violations(self, tenant: str | None) -> Work[list[IntegrityViolation]]:
        searches = self._searches()
        events = (yield ask(searches.extent))[0][0] if searches.extent is not None else 0
        found: list[IntegrityViolation] = []
        for statement in searches.sliced:
            of_all: list[IntegrityViolation] = []
            for first, behind in ranges(1 + events // SLICE):
                bounded = ask(statement, tenant=tenant, first=first, behind=behind)
                of_all += yield from self._sure(bounded)
            found += sorted(of_all, key=_rank)[:TOLD]
        for statement in searches.whole:
            found += yield from self._sure(ask(statement, tenant=tenant))
        return found

    def _sure(self, asked: Ask) -> Work[list[IntegrityViolation]]:
        """Return what is found, on many nodes each time that it is looked for.

        Those are not asked at one moment. What was on its way from the queue to the feed meanwhile,
        or was appended, is found once by mistake, and at another look it has arrived.
        """
        rows = [tuple(row) for row in (yield asked)]
        for _ in range(LOOKS - 1):
            if rows and self._sql.is_distributed:
                again = {tuple(row) for row in (yield asked)}
                rows = [row for row in rows if row in again]
        return [IntegrityViolation(ViolationKind(row[0]), *row[1:]) for row in rows]

    @writes
    def save_head(self, head: SignedHead) -> Work[None]:
        yield ask(self._sql.save_head, **head._asdict())

    @reads
    def heads(self, after: int, limit: int) -> Work[list[SignedHead]]:
        rows = yield ask(self._sql.heads, after=after, limit=limit)
        return [SignedHead._make(row) for row in rows]

    @reads
    def last_head(self) -> Work[SignedHead | None]:
        rows = yield ask(self._sql.last_head)
        return SignedHead._make(rows[0]) if rows else None


def ranges(number: int) -> list[tuple[bytes, bytes]]:
    """Split all ids, also those of another length, into ranges: first <= id < behind.

    The first begins with b"", which is before all, and the last ends with b"", which is no bound.
    """
    bounds = [(_IDS * each // number).to_bytes(16) for each in range(1, number)]
    return list(zip([b"", *bounds], [*bounds, b""], strict=True))


def _rank(violation: IntegrityViolation) -> tuple[bool, int]:
    """Order by whose it is, the tenant's own first, and by position."""
    return violation.name is None, violation.position or 0
