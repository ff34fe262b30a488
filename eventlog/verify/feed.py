"""Checking the feed against the events, the tree against the feed, and heads against the tree."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from typing import Final, NamedTuple

from msgspec import structs

from eventlog.format.names import MAIN
from eventlog.paging import PAGE
from eventlog.proof import merkle
from eventlog.proof.checkpoint import TreeHead, Verifiers
from eventlog.proof.merkle import TILE_WIDTH, TileId
from eventlog.store.contract.guards import Damage
from eventlog.store.contract.tree import (
    BEFORE_ALL,
    IntegrityViolation,
    TreeSource,
    ViolationKind,
)
from eventlog.verify.diagnosis import Finding
from eventlog.verify.faults import Fault, VerifyWarning
from eventlog.verify.notes import NoteCheck
from eventlog.verify.tiles import TileCheck

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
    Without a tenant it is checked for all of them.
    """

    def __init__(
        self,
        source: TreeSource,
        position: Callable[[], Awaitable[int]],
        tenant: str | None = None,
    ) -> None:
        self.faults: list[Fault] = []
        self.warnings: list[VerifyWarning] = []
        self._source = source
        self._position = position
        self.tenant = tenant
        self._tiles = TileCheck(source)
        self._size = 0
        self._edge: dict[TileId, bytes] = {}
        self._has_gap = False

    async def index_faults(self, damage: Iterable[Damage]) -> list[Fault]:
        """Tell where an index and its table disagree: who reads by the index reads something else.

        It explains why not all could be read, so it is told before all else.
        """
        return [
            await self._fault(
                each.position, Finding("edited", f"an index or a page is damaged: {each.detail}")
            )
            for each in damage
        ]

    def position_faults(
        self,
        violations: Iterable[IntegrityViolation],
        known: Collection[tuple[str | None, str, str]],
        *,
        whole: bool,
    ) -> list[Fault]:
        """Tell of events that have not one position, in the order of their stream.

        Conversations of other tenants are named by their id. The last position is checked only if
        the `whole` feed can be seen. Streams of `known`, as tenant, name and branch, are left out:
        their faults would be reported twice.
        """
        faults: list[Fault] = []
        for oddity in violations:
            if oddity.what is ViolationKind.END and not whole:
                continue
            if oddity.what is ViolationKind.NOWHERE and oddity.name is None:
                continue  # It is told to whose it is.
            finding = VIOLATIONS[oddity.what]
            name = oddity.name if oddity.name is not None else oddity.stream_id.hex()
            tenant = oddity.tenant if self.tenant is None else None
            if (tenant, name, oddity.branch) not in known:
                fault = Fault(name, oddity.version, *finding, oddity.branch)
                faults.append(structs.replace(fault, position=oddity.position, tenant=tenant))
        return faults

    async def check_tree(
        self,
        against: TreeHead | None,
        keys: Verifiers | None,
        since: TreeHead | None = None,
    ) -> None:
        """Hash the whole feed; compare the stored tiles of its tree, and every head.

        With `since`, only what lies behind that head, if the stored tree has its root: tiles and
        heads of no more than its positions are not looked at. Otherwise the feed is hashed from the
        start, to tell which of both was changed.
        """
        notes = NoteCheck(keys)
        last = await self._source.last_head()
        await self._tiles.begin(0 if last is None else last.size)
        end = await self._position()
        if since is not None and not await self._begin_at(since, end):
            against = since
        async for commitment in self._commitments(against, notes):
            if commitment.size > end:
                end = await self._position()
            await self._hash_up_to(min(commitment.size, end))
            await self._check_root(commitment, end)
        await self._hash_up_to(end)
        if not self._has_gap:
            await self._end(end)
        self.warnings += notes.warnings()

    async def _begin_at(self, head: TreeHead, end: int) -> bool:
        """Go on from the stored tiles of a head; False where they do not have its root."""
        edge = await self._source.tiles(merkle.edge_of(head.size))
        (whole,) = merkle.whole_tree(head.size)
        try:
            root = merkle.hash_of(whole, edge)
        except ValueError:
            return False
        if head.size > end or root != head.root:
            return False
        self._size = head.size
        self._edge = {tile: merkle.first_hashes(tile, head.size, edge[tile]) for tile in edge}
        self._tiles.pass_over(head.size)
        return True

    async def _commitments(
        self, against: TreeHead | None, notes: NoteCheck
    ) -> AsyncIterator[Commitment]:
        """Yield the commitments of stored heads and of `against`, by size."""
        kept = [] if against is None else [against]
        after = self._size - 1 if self._size else BEFORE_ALL
        while page := await self._source.heads(after, PAGE):
            for head in page:
                while kept and kept[0].size <= head.size:
                    yield _kept_elsewhere(kept.pop())
                if (finding := notes.check(head)) is not None:
                    await self._add(head.size, finding)
                yield Commitment(head.size, head.root, "the stored head")
            after = page[-1].size
        for last in kept:
            yield _kept_elsewhere(last)

    async def _hash_up_to(self, end: int) -> None:
        while self._size < end and not self._has_gap:
            await self._hash(min(LEAVES, end - self._size))

    async def _hash(self, limit: int) -> None:
        hashes: list[bytes] = []
        leaves = await self._source.leaves(self._size, limit)
        for expected, (position, hashed, _) in enumerate(leaves, self._size + 1):
            if position != expected or hashed is None:
                break
            hashes.append(merkle.leaf_hash(hashed))
        if len(hashes) < limit:
            self._has_gap = True
            missing = self._size + len(hashes) + 1
            if not await self._is_of_another(missing):
                await self._add(missing, _NO_POSITION)
        grown = merkle.grow(self._size, self._edge, hashes)
        await self._compare(grown)
        self._size += len(hashes)
        known = {**self._edge, **grown}
        self._edge = {tile: known[tile] for tile in merkle.edge_of(self._size)}

    async def _is_of_another(self, position: int) -> bool:
        if self.tenant is None or position <= self._tiles.size:
            return False
        return any(
            found.what is ViolationKind.NOWHERE and found.name is None
            for found in await self._source.violations(self.tenant)
            if found.position == position
        )

    async def _compare(self, grown: Mapping[TileId, bytes], *, last: bool = False) -> None:
        if (misfit := await self._tiles.compare(grown, last=last)) is not None:
            await self._add(*misfit)

    async def _end(self, end: int) -> None:
        """Compare the last tiles, and tell what of the tree is missing or too much.

        Where a head has told already that the feed was cut off, the tree says the same.
        """
        await self._compare(self._edge, last=True)
        is_told = any(fault.position == end + 1 for fault in self.faults)
        if not is_told and (misfit := self._tiles.beyond(end)) is not None:
            await self._add(*misfit)
        self.warnings += self._tiles.missing()

    async def _check_root(self, commitment: Commitment, end: int) -> None:
        if commitment.size > end:
            detail = f"{commitment.who} commits to {commitment.size} positions"
            await self._add(end + 1, Finding("missing", detail))
        elif not self._has_gap:
            (whole,) = merkle.whole_tree(self._size)
            if merkle.hash_of(whole, self._edge) != commitment.root:
                detail = f"{commitment.who} commits to other events up to here"
                await self._add(commitment.size, Finding("edited", detail))

    async def _add(self, position: int, finding: Finding) -> None:
        self.faults.append(await self._fault(position, finding))

    async def _fault(self, position: int | None, finding: Finding) -> Fault:
        """Return a fault at a position, of the event that has it, if there is one."""
        place = None if position is None else await self._source.event_at(position)
        if place is None:
            return Fault("", 0, *finding, position=position)
        is_told = self.tenant in (None, place.tenant) and place.name is not None
        name, branch = (place.name, place.branch) if is_told else (place.stream_id.hex(), MAIN)
        tenant = place.tenant if self.tenant is None else None
        return Fault(name or "", place.version, *finding, branch, position, tenant)


_NO_POSITION: Final = Finding("missing", "there is no such position, or no such event")


def _kept_elsewhere(head: TreeHead) -> Commitment:
    return Commitment(head.size, head.root, "the head that was kept elsewhere")
