"""Checking a feed against its tree and its heads, with both in memory: every fault is named."""

from collections.abc import Collection, Mapping
from hashlib import sha256
from typing import Final

import pytest

from eventlog import Fault, Signer
from eventlog.format.records import SignedHead
from eventlog.proof.checkpoint import TreeHead, Verifier
from eventlog.proof.merkle import HASH_BYTES, TILE_WIDTH, TileId, grow, leaf_hash, root_of
from eventlog.store.contract.tree import IntegrityViolation, Leaf, Shape, ViolationKind
from eventlog.verify.feed import FeedCheck

SIGNER: Final = Signer("example.com/log", bytes(32))
SIZE: Final = 2 * TILE_WIDTH + 5
DIGESTS: Final = [sha256(number.to_bytes(4)).digest() for number in range(SIZE)]
TENANT: Final = "ours"


def root(size: int) -> bytes:
    return root_of([leaf_hash(digest) for digest in DIGESTS[:size]])


def head(size: int) -> SignedHead:
    return SignedHead(size, root(size), SIGNER.sign(size, root(size)), 0)


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


class Kept:
    """A TreeSource over a feed of SIZE events, for a test to change. Nothing can be saved in it."""

    def __init__(self) -> None:
        self.feed = [Leaf(place, digest) for place, digest in enumerate(DIGESTS, 1)]
        self.stored = grow(0, {}, [leaf_hash(digest) for digest in DIGESTS])
        self.signed: list[SignedHead] = []
        self.odd: list[IntegrityViolation] = []
        self.ends_asked_for = 0

    async def position(self) -> int:
        self.ends_asked_for += 1
        return len(self.feed)

    async def leaves(self, after: int, limit: int) -> list[Leaf]:
        return self.feed[after : after + limit]

    async def tiles(self, wanted: Collection[TileId]) -> dict[TileId, bytes]:
        return {tile: self.stored[tile] for tile in wanted if tile in self.stored}

    async def shapes(self) -> list[Shape]:
        found: list[Shape] = []
        for level in {tile.level for tile in self.stored}:
            tiles = {tile.number: data for tile, data in self.stored.items() if tile.level == level}
            size = sum(map(len, tiles.values()))
            found.append(Shape(level, len(tiles), min(tiles), max(tiles), size))
        return found

    async def violations(self, tenant: str) -> list[IntegrityViolation]:
        assert tenant == TENANT
        return self.odd

    async def heads(self, after: int, limit: int) -> list[SignedHead]:
        return [one for one in self.signed if one.size > after][: min(limit, 2)]

    async def last_head(self) -> SignedHead | None:
        return self.signed[-1] if self.signed else None

    async def size(self) -> int:
        raise NotImplementedError

    async def save(self, tiles: Mapping[TileId, bytes]) -> None:
        raise NotImplementedError

    async def save_head(self, head: SignedHead) -> None:
        raise NotImplementedError

    async def places(
        self, stream_id: bytes, after: int, until: int, limit: int
    ) -> list[tuple[int, int]]:
        raise NotImplementedError


@pytest.fixture
def kept() -> Kept:
    return Kept()


async def check(
    kept: Kept, against: TreeHead | None = None, key: Verifier | None = None
) -> list[tuple[str, int | None, str]]:
    """Return what is wrong with the tree: how, at which position, and the whole of it."""
    found = FeedCheck(kept, kept.position)
    await found.check_tree(against, key)
    return [(fault.problem, fault.position, fault.detail) for fault in found.faults]


async def test_a_sound_feed_agrees_with_its_tree_and_every_head(kept: Kept) -> None:
    """The heads of an empty log, of part of a tile, of whole ones, and of all there is."""
    kept.signed = [head(size) for size in (0, 3, TILE_WIDTH, TILE_WIDTH + 1, SIZE)]
    against = TreeHead("kept", 100, root(100))
    assert await check(kept, against, SIGNER.verifier) == []
    assert kept.ends_asked_for == 1


async def test_an_empty_log_is_sound(kept: Kept) -> None:
    """With a head of nothing, and without any."""
    kept.feed, kept.stored = [], {}
    assert await check(kept) == []
    kept.signed = [head(0)]
    assert await check(kept, TreeHead("kept", 0, root(0))) == []


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("index", [0, 1])
async def test_another_hash_in_the_tree_is_told_once_at_the_first_position_below_it(
    kept: Kept, level: int, index: int
) -> None:
    """However often the tile is looked at: the heads are one reason to look each."""
    tile = TileId(level, 0)
    kept.stored[tile] = flipped(kept.stored[tile], index * HASH_BYTES + 7)
    kept.signed = [head(TILE_WIDTH + 1), head(SIZE - 1)]
    where = index * TILE_WIDTH**level + 1
    assert await check(kept) == [
        ("edited", where, "the tree holds another hash than that of the event")
    ]


async def test_a_hash_in_a_later_tile_is_told_at_its_own_position(kept: Kept) -> None:
    tile = TileId(0, 2)
    kept.stored[tile] = flipped(kept.stored[tile], 3 * HASH_BYTES)
    assert [where for _, where, _ in await check(kept)] == [2 * TILE_WIDTH + 4]


async def test_a_tile_that_is_behind_is_no_fault_but_one_that_is_gone_is(kept: Kept) -> None:
    """A tree grows when somebody asks it to; a hole in it is somebody's work."""
    last = TileId(0, 2)
    kept.stored[last] = kept.stored[last][: 2 * HASH_BYTES]
    assert await check(kept) == []
    del kept.stored[TileId(0, 1)]
    assert ("edited", 1, "the tree has too much or too little on level 0") in await check(kept)


async def test_a_tree_that_is_smaller_than_what_was_signed_for_was_cut(kept: Kept) -> None:
    """By its last tile; the positions themselves are all there."""
    kept.stored[TileId(0, 2)] = kept.stored[TileId(0, 2)][: 2 * HASH_BYTES]
    kept.signed = [head(SIZE)]
    there = 2 * TILE_WIDTH + 2
    assert await check(kept) == [
        ("missing", there + 1, f"the tree has {there} positions, a head was signed for {SIZE}")
    ]
    kept.signed = [head(there)]
    assert await check(kept) == []


@pytest.mark.parametrize("level", [1, 2])
async def test_a_level_without_its_tiles_or_without_reason_is_told(kept: Kept, level: int) -> None:
    if level == 1:
        del kept.stored[TileId(1, 0)]
        detail = ("edited", 1, "the tree has too much or too little on level 1")
    else:
        kept.stored[TileId(2, 0)] = bytes(HASH_BYTES)
        detail = ("inserted", 1, "the tree has a level 2")
    assert await check(kept) == [detail]


@pytest.mark.parametrize("lost", ["row", "event"])
async def test_the_first_position_that_is_not_there_is_told_and_nothing_behind_it(
    kept: Kept, lost: str
) -> None:
    """Heads of more than that cannot be compared; those of less were."""
    if lost == "row":
        del kept.feed[299]
    else:
        kept.feed[299] = Leaf(300, None)
    kept.signed = [head(200), head(299), head(300), head(SIZE)]
    found = await check(kept)
    assert found[0] == ("missing", 300, "there is no such position, or no such event")
    beyond = [("missing", SIZE, f"the stored head commits to {SIZE} positions")]
    assert found[1:] == (beyond if lost == "row" else [])


async def test_a_head_of_other_events_is_told_once_for_each(kept: Kept) -> None:
    """A head that was kept elsewhere, and stored ones, in the order of their sizes."""
    kept.feed[10] = Leaf(11, bytes(HASH_BYTES))
    kept.signed = [head(10), head(11), head(300)]
    found = await check(kept, TreeHead("kept", 12, root(12)))
    assert [fault for fault in found if fault[1] != 11 or "commits" in fault[2]] == [
        ("edited", 11, "the stored head commits to other events up to here"),
        ("edited", 12, "the head that was kept elsewhere commits to other events up to here"),
        ("edited", 300, "the stored head commits to other events up to here"),
    ]
    assert ("edited", 11, "the tree holds another hash than that of the event") in found


async def test_of_two_heads_of_one_size_the_one_kept_elsewhere_comes_first(kept: Kept) -> None:
    """The order of what is told does not hang on who signed what."""
    kept.feed[10] = Leaf(11, bytes(HASH_BYTES))
    kept.signed = [head(20)]
    found = await check(kept, TreeHead("kept", 20, root(20)))
    assert [detail for *_, detail in found[1:]] == [
        "the head that was kept elsewhere commits to other events up to here",
        "the stored head commits to other events up to here",
    ]


async def test_a_log_that_ends_before_a_head_was_cut(kept: Kept) -> None:
    """Its end is asked for again first: events may have come since the check began."""
    kept.signed = [head(SIZE)]
    kept.feed = kept.feed[:-2]
    assert await check(kept, TreeHead("kept", SIZE - 1, root(SIZE - 1))) == [
        (
            "missing",
            SIZE - 1,
            f"the head that was kept elsewhere commits to {SIZE - 1} positions",
        ),
        ("missing", SIZE - 1, f"the stored head commits to {SIZE} positions"),
    ]
    assert kept.ends_asked_for == 3


async def test_what_comes_while_the_log_is_checked_is_part_of_it(kept: Kept) -> None:
    """A head may be signed for it, too."""
    late = kept.feed[-3:]
    del kept.feed[-3:]
    kept.signed = [head(300), head(SIZE)]
    leaves = kept.leaves

    async def growing(after: int, limit: int) -> list[Leaf]:
        found = await leaves(after, limit)
        kept.feed += late
        late.clear()
        return found

    kept.leaves = growing  # type: ignore[method-assign]
    assert await check(kept) == []


async def test_a_head_that_its_key_did_not_sign_or_that_says_something_else_is_told(
    kept: Kept,
) -> None:
    """Without a key only what it says can be read."""
    other = Signer("example.com/log", bytes([1] * 32))
    forged = head(100)._replace(note=other.sign(100, root(100)))
    kept.signed = [forged]
    assert await check(kept) == []
    ((problem, where, detail),) = await check(kept, key=SIGNER.verifier)
    assert (problem, where) == ("edited", 100)
    assert detail.startswith("the stored head is none: ")
    for size, hashed in ((99, root(100)), (100, root(99))):
        kept.signed = [head(100)._replace(note=SIGNER.sign(size, hashed))]
        assert await check(kept, key=SIGNER.verifier) == [
            ("edited", 100, "the stored head and its note say different things")
        ]


async def places(kept: Kept, known: Collection[tuple[str, str]], *, whole: bool) -> list[Fault]:
    return await FeedCheck(kept, kept.position).check_positions(TENANT, known, whole=whole)


async def test_every_oddity_of_the_feed_is_told_but_of_what_is_known(kept: Kept) -> None:
    """A conversation of another tenant is named by its id; where the feed ends is its owner's."""
    kept.odd = [
        IntegrityViolation(ViolationKind.UNPLACED, b"\x01", "chat", "", 3, None),
        IntegrityViolation(ViolationKind.TWICE, b"\x01", "chat", "idea", 3, 9),
        IntegrityViolation(ViolationKind.ORDER, b"\x02", None, "", 4, 8),
        IntegrityViolation(ViolationKind.QUEUED, b"\x01", "chat", "", 5, None),
        IntegrityViolation(ViolationKind.CREATED, b"\x01", "other", "", 0, None),
        IntegrityViolation(ViolationKind.END, b"", "", "", 0, 9),
    ]
    found = await places(kept, [], whole=True)
    assert [(fault.stream, fault.branch, fault.problem, fault.version) for fault in found] == [
        ("chat", "", "missing", 3),
        ("chat", "idea", "inserted", 3),
        ("02", "", "reordered", 4),
        ("chat", "", "inserted", 5),
        ("other", "", "edited", 0),
        ("", "", "missing", 0),
    ]
    assert [fault.position for fault in found] == [None, 9, 8, None, None, 9]
    known = {("chat", ""), ("02", "")}
    left = await places(kept, known, whole=False)
    assert [(fault.stream, fault.branch) for fault in left] == [("chat", "idea"), ("other", "")]
