"""The contract of what a store keeps of the tree, and of the feed as its leaves."""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from eventlog.format.records import SignedHead
from eventlog.proof.merkle import TileId

BEFORE_ALL: Final = -1
"""Every head is of more events than that, one of an empty log as well."""

TOLD: Final = 100
"""Maximum number of violations that one search tells: one is enough to know."""


LeafRow: TypeAlias = Sequence[Any]
"""A position of the feed, the hash of its event, and whether that is nowhere.

The hash is None where there is no such event. It is nowhere if its stream is there and has never
had it.
"""


class Placed(NamedTuple):
    """A position of the feed, and the event that it was given for."""

    position: int
    stream_id: bytes
    version: int


class Shape(NamedTuple):
    """What the tree has on a level: how many tiles, the first and last number, and their bytes."""

    level: int
    tiles: int
    first: int
    last: int
    bytes: int


class ViolationKind(StrEnum):
    """In which way."""

    UNPLACED = "unplaced"
    TWICE = "twice"
    ORDER = "order"
    QUEUED = "queued"
    END = "end"
    NOWHERE = "nowhere"
    REFUSED = "refused"
    CREATED = "created"


class IntegrityViolation(NamedTuple):
    """A row that contradicts the events. The names are None where the stream is another tenant's.

    NOWHERE is a position of an event that its stream has never had. It is told of every tenant:
    what lies behind it is of all. REFUSED asked for a position and got none.
    """

    what: ViolationKind
    stream_id: bytes
    name: str | None
    branch: str
    version: int
    position: int | None
    tenant: str | None = None


class EventAt(NamedTuple):
    """Which event has a position. The names are None where its stream is not there."""

    stream_id: bytes
    version: int
    tenant: str | None
    name: str | None
    branch: str


class TreeSource(Protocol):
    """Tiles and heads of one log. What is saved here can be made anew from the feed, but heads."""

    async def size(self) -> int:
        """Return how many positions the tiles cover."""
        ...

    async def leaves(self, after: int, limit: int) -> Sequence[LeafRow]:
        """Return up to `limit` positions of the feed behind `after`, in order, of all tenants."""
        ...

    async def placed(self, after: int, until: int, limit: int) -> list[Placed]:
        """Return up to `limit` positions with after < position <= until, in order, of all tenants.

        Whether there is such an event is not looked at.
        """
        ...

    async def tiles(self, wanted: Collection[TileId]) -> dict[TileId, bytes]:
        """Return those of the tiles that are there."""
        ...

    async def save(self, tiles: Mapping[TileId, bytes]) -> None:
        """Store tiles, all or nothing; one that has grown beyond this stays.

        Tiles follow from the feed alone, so it does not matter who of two wrote one.
        """
        ...

    async def places(
        self, stream_id: bytes, after: int, until: int, limit: int
    ) -> list[tuple[int, int]]:
        """Return version and position of events with after < version <= until, in order."""
        ...

    async def shapes(self) -> list[Shape]:
        """Return what each level has."""
        ...

    async def event_at(self, position: int) -> EventAt | None:
        """Return which event the feed has at a position, or had: it may be gone itself."""
        ...

    async def violations(self, tenant: str | None) -> list[IntegrityViolation]:
        """Return some of the rows that contradict the events, of every kind.

        They are of streams of `tenant`, or of every tenant, and of streams that are not there.
        """
        ...

    async def save_head(self, head: SignedHead) -> None:
        """Store a head in the place of any other of its size."""
        ...

    async def heads(self, after: int, limit: int) -> list[SignedHead]:
        """Return up to `limit` heads of more than `after` events, smallest first."""
        ...

    async def last_head(self) -> SignedHead | None:
        """Return the head of the largest size."""
        ...
