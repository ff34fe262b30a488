"""Checking the feed against the events, the tree against the feed, and heads against the tree."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from typing import Final, NamedTuple

from eventlog.errors import InvalidHeadError
from eventlog.format.records import SignedHead
from eventlog.paging import PAGE
from eventlog.proof import merkle
from eventlog.proof.checkpoint import TreeHead, Verifier, parse_head
from eventlog.proof.merkle import HASH_BYTES, TILE_WIDTH, TileId
from eventlog.store.contract.tree import BEFORE_ALL, TreeSource, ViolationKind
from eventlog.verify.diagnosis import Finding, Problem
from eventlog.verify.faults import Fault

LEAVES: Final = 16 * TILE_WIDTH
"""Maximum number of positions that are hashed at a time: memory stays bounded."""

VIOLATIONS: Final[Mapping[ViolationKind, Finding]] = {
    ViolationKind.UNPLACED: Finding("missing", "the feed does not have it"),
    ViolationKind.TWICE: Finding("inserted", "the feed has it twice"),
    ViolationKind.ORDER: Finding("reordered", "the feed has it before an event that it follows"),
    ViolationKind.QUEUED: Finding("inserted", "an event waits for a position that is not there so"),
    ViolationKind.END: Finding("missing", "the feed does not end where it says that it ends"),
    ViolationKind.CREATED: Finding("edited", "the stream states another time"),
    ViolationKind.NOWHERE: Finding("inserted", "a position is for an event that was never there"),
    ViolationKind.REFUSED: Finding(
        "inserted", "it asked for a position that it has no claim to, and got none"
    ),
}


class Commitment(NamedTuple):
    """The root that the first `size` positions must have, and which head says so."""

    size: int
    root: bytes
    who: str


class FeedCheck:
    """Checks the feed, its tree and its heads, for a tenant; stops at the first missing position.

    A position behind the tree that another tenant's stream was given for nothing ends what can be
    checked. It is not this tenant's fault, and no head can be of it: only that tenant is told.
    """

    def __init__(
        self,
        source: TreeSource,
        position: Callable[[], Awaitable[int]],
        tenant: str | None = None,
    ) -> None:
        self.faults: list[Fault] = []
        self._source = source
        self._position = position
        self._tenant = tenant
        self._tree_size = 0
        self._size = 0
        self._edge: dict[TileId, bytes] = {}
        self._has_gap = False
        self._tree_is_sound = True

    async def check_positions(
        self, tenant: str, known: Collection[tuple[str, str]], *, whole: bool
    ) -> list[Fault]:
        """Check that every event has one position, in the order of its stream.

        Conversations of other tenants are named by their id. The last position is checked only if
        the `whole` feed can be seen. Streams of `known`, as name and branch, are left out: their
        faults would be reported twice.
        """
        faults: list[Fault] = []
        for oddity in await self._source.violations(tenant):
            if oddity.what is ViolationKind.END and not whole:
                continue
            if oddity.what is ViolationKind.NOWHERE and oddity.name is None:
                continue  # It is told to whose it is.
            finding = VIOLATIONS[oddity.what]
            name = oddity.name if oddity.name is not None else oddity.stream_id.hex()
            if (name, oddity.branch) not in known:
                faults.append(Fault(name, oddity.version, *finding, oddity.branch, oddity.position))
        return faults

    async def check_tree(self, against: TreeHead | None, key: Verifier | None) -> None:
        """Hash the whole feed; compare the stored tiles of its tree, and every head."""
        last = await self._source.last_head()
        await self._check_shape(0 if last is None else last.size)
        end = await self._position()
        async for commitment in self._commitments(against, key):
            if commitment.size > end:
                end = await self._position()
            await self._hash_up_to(min(commitment.size, end))
            self._check_root(commitment, end)
        await self._hash_up_to(end)

    async def _commitments(
        self, against: TreeHead | None, key: Verifier | None
    ) -> AsyncIterator[Commitment]:
        """Yield the commitments of stored heads and of `against`, by size."""
        kept = [] if against is None else [against]
        after = BEFORE_ALL
        while page := await self._source.heads(after, PAGE):
            for head in page:
                while kept and kept[0].size <= head.size:
                    yield _kept_elsewhere(kept.pop())
                self._check_note(head, key)
                yield Commitment(head.size, head.root, "the stored head")
            after = page[-1].size
        for last in kept:
            yield _kept_elsewhere(last)

    def _check_note(self, head: SignedHead, key: Verifier | None) -> None:
        try:
            said = parse_head(head.note) if key is None else key.open(head.note)
        except InvalidHeadError as error:
            self._add(head.size, "edited", f"the stored head is none: {error}")
            return
        if (said.size, said.root) != (head.size, head.root):
            self._add(head.size, "edited", "the stored head and its note say different things")

    async def _hash_up_to(self, end: int) -> None:
        while self._size < end and not self._has_gap:
            await self._hash(min(LEAVES, end - self._size))

    async def _hash(self, limit: int) -> None:
        hashes: list[bytes] = []
        leaves = await self._source.leaves(self._size, limit)
        for expected, leaf in enumerate(leaves, self._size + 1):
            if leaf.position != expected or leaf.hash is None:
                break
            hashes.append(merkle.leaf_hash(leaf.hash))
        if len(hashes) < limit:
            self._has_gap = True
            missing = self._size + len(hashes) + 1
            if not await self._is_of_another(missing):
                self._add(missing, "missing", "there is no such position, or no such event")
        grown = merkle.grow(self._size, self._edge, hashes)
        await self._compare(grown)
        self._size += len(hashes)
        known = {**self._edge, **grown}
        self._edge = {tile: known[tile] for tile in merkle.edge_of(self._size)}

    async def _is_of_another(self, position: int) -> bool:
        if self._tenant is None or position <= self._tree_size:
            return False
        return any(
            found.what is ViolationKind.NOWHERE and found.name is None
            for found in await self._source.violations(self._tenant)
            if found.position == position
        )

    async def _compare(self, grown: Mapping[TileId, bytes]) -> None:
        if not self._tree_is_sound:
            return
        stored = await self._source.tiles(grown)
        for tile in sorted(grown):
            ours, theirs = grown[tile], stored.get(tile, b"")
            if theirs[: len(ours)] != ours[: len(theirs)]:
                self._tree_is_sound = False
                self._add(_first_difference(tile, ours, theirs), "edited", _ANOTHER_HASH)
                return

    async def _check_shape(self, least: int) -> None:
        """Check that the tree has the tiles of its size only, and at least `least` positions."""
        shapes = {shape.level: shape for shape in await self._source.shapes()}
        size = shapes[0].bytes // HASH_BYTES if 0 in shapes else 0
        self._tree_size = size
        if size < least:
            detail = f"the tree has {size} positions, a head was signed for {least}"
            self._add(size + 1, "missing", detail)
        level = 0
        while size:
            count = -(-size // TILE_WIDTH)
            if shapes.pop(level, None) != (level, count, 0, count - 1, size * HASH_BYTES):
                self._add(1, "edited", f"the tree has too much or too little on level {level}")
            level, size = level + 1, size // TILE_WIDTH
        for beyond in shapes:
            self._add(1, "inserted", f"the tree has a level {beyond}")

    def _check_root(self, commitment: Commitment, end: int) -> None:
        if commitment.size > end:
            detail = f"{commitment.who} commits to {commitment.size} positions"
            self._add(end + 1, "missing", detail)
        elif not self._has_gap:
            (whole,) = merkle.whole_tree(self._size)
            if merkle.hash_of(whole, self._edge) != commitment.root:
                detail = f"{commitment.who} commits to other events up to here"
                self._add(commitment.size, "edited", detail)

    def _add(self, position: int, problem: Problem, detail: str) -> None:
        self.faults.append(Fault("", 0, problem, detail, position=position))


_ANOTHER_HASH: Final = "the tree holds another hash than that of the event"


def _kept_elsewhere(head: TreeHead) -> Commitment:
    return Commitment(head.size, head.root, "the head that was kept elsewhere")


def _first_difference(tile: TileId, ours: bytes, theirs: bytes) -> int:
    """Return the first position that the first differing hash of the tile is over."""
    same = next(at for at, byte in enumerate(theirs) if byte != ours[at])
    index = tile.number * TILE_WIDTH + same // HASH_BYTES
    return (index << merkle.TILE_HEIGHT * tile.level) + 1
