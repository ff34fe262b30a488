"""Checking a feed against its tree and its heads, with both in memory: every fault is named."""

import base64
from collections.abc import Collection

import pytest

from eventlog import Fault, Signer
from eventlog.proof.checkpoint import TreeHead, Verifier
from eventlog.proof.merkle import HASH_BYTES, TILE_WIDTH, TileId
from eventlog.store.contract.tree import EventAt, IntegrityViolation, LeafRow, ViolationKind
from eventlog.verify.feed import FeedCheck
from tests.unit.kept_feed import SIGNER, SIZE, TENANT, Kept, flipped, head, root


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


async def warned(kept: Kept) -> list[str]:
    found = FeedCheck(kept, kept.position)
    await found.check_tree(None, None)
    assert found.faults == []
    return [warning.detail for warning in found.warnings]


async def test_a_tree_that_is_behind_is_neither_told_nor_warned_of(kept: Kept) -> None:
    """It grows when somebody asks it to."""
    last = TileId(0, 2)
    kept.stored[last] = kept.stored[last][: 2 * HASH_BYTES]
    assert await warned(kept) == []
    del kept.stored[last]
    assert await warned(kept) == []


@pytest.mark.parametrize(
    ("tile", "kept_hashes"),
    [(TileId(0, 0), None), (TileId(0, 1), 3), (TileId(1, 0), None), (TileId(1, 0), 1)],
)
async def test_rows_that_are_gone_are_a_warning_that_names_them(
    kept: Kept, tile: TileId, kept_hashes: int | None
) -> None:
    """They follow from the feed: nothing that was recorded is gone."""
    if kept_hashes is None:
        del kept.stored[tile]
    else:
        kept.stored[tile] = kept.stored[tile][: kept_hashes * HASH_BYTES]
    (detail,) = await warned(kept)
    assert f"lacks hashes that it had: level {tile.level} number {tile.number}. " in detail


async def test_what_was_signed_for_was_there(kept: Kept) -> None:
    """So a tree that ends before its last head lacks rows."""
    kept.stored[TileId(0, 2)] = kept.stored[TileId(0, 2)][: 2 * HASH_BYTES]
    kept.signed = [head(SIZE)]
    (detail,) = await warned(kept)
    assert "level 0 number 2" in detail
    kept.signed = [head(2 * TILE_WIDTH + 2)]
    assert await warned(kept) == []
    kept.stored.clear()
    kept.signed = [head(SIZE)]
    (detail,) = await warned(kept)
    assert "level 0 number 0, level 0 number 1, level 0 number 2 and 1 more" in detail


@pytest.mark.parametrize(
    ("tile", "hashes"),
    [(TileId(2, 0), 1), (TileId(1, 1), 1), (TileId(1, 0), 3), (TileId(-1, 0), 1)],
)
async def test_what_follows_from_no_position_is_told(kept: Kept, tile: TileId, hashes: int) -> None:
    """A level, a row, or a hash too many."""
    there = kept.stored.get(tile, b"")
    kept.stored[tile] = there.ljust(hashes * HASH_BYTES, b"x")
    assert await check(kept) == [
        (
            "inserted",
            SIZE + 1,
            f"the tree has more on level {tile.level} than follows from the feed",
        )
    ]


async def test_a_tree_of_more_than_the_feed_has_tells_that_the_feed_was_cut(kept: Kept) -> None:
    """Though no head was signed."""
    kept.feed = kept.feed[:-2]
    assert await check(kept) == [
        ("missing", SIZE - 1, f"the tree has {SIZE} positions, the feed only {SIZE - 2}")
    ]


@pytest.mark.parametrize(
    ("at", "tenant", "told"),
    [
        (EventAt(b"\x01", 7, "ours", "chat", "idea"), "ours", ("chat", "idea", 7, None)),
        (EventAt(b"\x01", 7, "theirs", "chat", "idea"), "ours", ("01", "", 7, None)),
        (EventAt(b"\x01", 7, "theirs", "chat", "idea"), None, ("chat", "idea", 7, "theirs")),
        (EventAt(b"\x01", 7, None, None, ""), None, ("01", "", 7, None)),
        (None, None, ("", "", 0, None)),
    ],
)
async def test_the_event_at_a_position_is_named(
    kept: Kept,
    at: EventAt | None,
    tenant: str | None,
    told: tuple[str, str, int, str | None],
) -> None:
    """Unless there is none, by its stream_id alone where it is another tenant's or nobody's."""
    kept.stored[TileId(0, 0)] = flipped(kept.stored[TileId(0, 0)], 10 * HASH_BYTES)
    if at is not None:
        kept.named[11] = at
    found = FeedCheck(kept, kept.position, tenant)
    await found.check_tree(None, None)
    (fault,) = found.faults
    assert (fault.stream, fault.branch, fault.version, fault.tenant) == told
    assert fault.position == 11


@pytest.mark.parametrize("lost", ["row", "event"])
async def test_the_first_position_that_is_not_there_is_told_and_nothing_behind_it(
    kept: Kept, lost: str
) -> None:
    """Heads of more than that cannot be compared; those of less were."""
    if lost == "row":
        del kept.feed[299]
    else:
        kept.feed[299] = (300, None, False)
    kept.signed = [head(200), head(299), head(300), head(SIZE)]
    found = await check(kept)
    assert found[0] == ("missing", 300, "there is no such position, or no such event")
    beyond = [("missing", SIZE, f"the stored head commits to {SIZE} positions")]
    assert found[1:] == (beyond if lost == "row" else [])


async def test_a_head_of_other_events_is_told_once_for_each(kept: Kept) -> None:
    """A head that was kept elsewhere, and stored ones, in the order of their sizes."""
    kept.feed[10] = (11, bytes(HASH_BYTES), False)
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
    kept.feed[10] = (11, bytes(HASH_BYTES), False)
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

    async def growing(after: int, limit: int) -> list[LeafRow]:
        found = await leaves(after, limit)
        kept.feed += late
        late.clear()
        return found

    kept.leaves = growing  # type: ignore[method-assign]
    assert await check(kept) == []


async def test_a_head_of_another_key_is_no_fault_but_named(kept: Kept) -> None:
    """A log may get a new key. With both of them all is checked."""
    other = Signer("example.com/log", bytes([1] * 32))
    kept.signed = [
        head(100)._replace(note=other.sign(100, root(100))),
        head(200)._replace(note=other.sign(200, root(200))),
        head(300),
    ]
    found = FeedCheck(kept, kept.position)
    await found.check_tree(head_of(SIGNER, 300), SIGNER.verifier)
    assert found.faults == []
    (warning,) = found.warnings
    assert warning.what == "signature"
    assert f"example.com/log+{other.verifier.key_id.hex()}" in warning.detail
    assert warning.detail.startswith("2 stored heads, up to that of size 200, are signed by")
    both = FeedCheck(kept, kept.position)
    await both.check_tree(None, [other.verifier, SIGNER.verifier])
    assert (both.faults, both.warnings) == ([], [])


def head_of(signer: Signer, size: int) -> TreeHead:
    return signer.verifier.open(signer.sign(size, root(size)))


@pytest.mark.parametrize("key", [SIGNER.verifier, None])
@pytest.mark.parametrize(
    ("note", "why"),
    [
        (SIGNER.sign(100, root(100)).replace(" ", "  "), "the stored head is none: "),
        (SIGNER.sign_text(TreeHead("evil.example", 100, root(100)).text()), "of "),
        (SIGNER.sign_text(f"example.com/log\n{'9' * 5000}\nAAAA\n"), "the stored head is none: "),
        (SIGNER.sign_text(TreeHead("example.com/log", 2**63, root(100)).text()), "is none: "),
        (SIGNER.sign(99, root(100)), "the stored head and its note say different things"),
        (SIGNER.sign(100, root(99)), "the stored head and its note say different things"),
    ],
)
async def test_a_note_that_says_something_else_is_told(
    kept: Kept, note: str, why: str, key: Verifier | None
) -> None:
    """With a key and without; the note of another log, and a size that no log has, are none."""
    kept.signed = [head(100)._replace(note=note)]
    ((problem, where, detail),) = await check(kept, key=key)
    assert (problem, where) == ("edited", 100)
    assert why in detail


async def test_a_signature_that_is_not_what_it_says_is_told(kept: Kept) -> None:
    """It names the key, and another made it; a second signature does not help."""
    other = Signer("example.com/log", bytes([1] * 32))
    text = TreeHead("example.com/log", 100, root(100)).text()
    forged = other.sign_text(text).splitlines()[-1].split(" ")[-1]
    renamed = base64.b64encode(SIGNER.verifier.key_id + base64.b64decode(forged)[4:]).decode()
    kept.signed = [head(100)._replace(note=other.sign_text(text).replace(forged, renamed))]
    assert await check(kept) == []
    ((problem, where, _),) = await check(kept, key=SIGNER.verifier)
    assert (problem, where) == ("edited", 100)


async def places(kept: Kept, known: Collection[tuple[str, str]], *, whole: bool) -> list[Fault]:
    own = [(None, *each) for each in known]
    check = FeedCheck(kept, kept.position, TENANT)
    return check.position_faults(await kept.violations(TENANT), own, whole=whole)


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
