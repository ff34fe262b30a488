"""The tree is that of RFC 6962, whatever way it is computed."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.proof import merkle
from eventlog.proof.merkle import Tiles

# The inputs and roots that implementations of Certificate Transparency share.
INPUTS: Final = [
    bytes.fromhex(data)
    for data in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS: Final = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
PROOF_OF_0_IN_8: Final = [
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
]
PROOF_OF_6_TO_8: Final = [
    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
]

SIZES: Final = st.one_of(st.integers(1, 40), st.integers(240, 530))
LARGE: Final = (65_535, 65_536, 65_537, 66_100)


def mth(leaves: Sequence[bytes]) -> bytes:
    """The definition of section 2.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """The audit path of section 2.1.1."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if index < k:
        return [*path(index, leaves[:k]), mth(leaves[k:])]
    return [*path(index - k, leaves[k:]), mth(leaves[:k])]


def subproof(m: int, leaves: Sequence[bytes], *, whole: bool) -> list[bytes]:
    """The consistency proof of section 2.1.2."""
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m <= k:
        return [*subproof(m, leaves[:k], whole=whole), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], whole=False), mth(leaves[:k])]


def leaves_of(size: int) -> list[bytes]:
    return [merkle.leaf_hash(number.to_bytes(4)) for number in range(size)]


LEAVES: Final = leaves_of(66_200)


def tiles_for(leaves: Sequence[bytes], *steps: int) -> Tiles:
    """Build tiles in steps, each from the edge that the one before it left."""
    tiles: dict[merkle.TileId, bytes] = {}
    size = 0
    for stop in (*steps, len(leaves)):
        edge = {tile: tiles[tile] for tile in merkle.edge_of(size)}
        tiles.update(merkle.grow(size, edge, leaves[size:stop]))
        size = max(size, stop)
    return tiles


ALL_TILES: Final = tiles_for(LEAVES)


def hashes_of(spans: Sequence[merkle.Span], tiles: Tiles) -> list[bytes]:
    needed = {tile: tiles[tile] for tile in merkle.tiles_of(spans)}
    return [merkle.hash_of(span, needed) for span in spans]


@pytest.mark.parametrize("size", ROOTS)
def test_roots_are_those_that_others_publish(size: int) -> None:
    """The tiles and a list of hashes give the same."""
    leaves = [merkle.leaf_hash(data) for data in INPUTS[:size]]
    (from_tiles,) = hashes_of(merkle.whole_tree(size), tiles_for(leaves))
    assert {from_tiles, merkle.root_of(leaves)} == {bytes.fromhex(ROOTS[size])}


def test_proofs_are_those_that_others_publish() -> None:
    """Made from tiles, and followed to the published roots."""
    leaves = [merkle.leaf_hash(data) for data in INPUTS]
    tiles = tiles_for(leaves)
    inclusion = hashes_of(merkle.inclusion_spans(0, 8), tiles)
    assert [found.hex() for found in inclusion] == PROOF_OF_0_IN_8
    assert merkle.root_from_inclusion(0, 8, leaves[0], inclusion).hex() == ROOTS[8]
    consistency = hashes_of(merkle.consistency_spans(6, 8), tiles)
    assert [found.hex() for found in consistency] == PROOF_OF_6_TO_8
    roots = merkle.roots_from_consistency(6, 8, bytes.fromhex(ROOTS[6]), consistency)
    assert [root.hex() for root in roots] == [ROOTS[6], ROOTS[8]]


@given(SIZES, st.data())
def test_every_inclusion_proof_is_the_definition_s(size: int, data: st.DataObject) -> None:
    """Of any leaf, in a tree that has grown on since; and it leads to the root."""
    index = data.draw(st.integers(0, size - 1))
    proof = hashes_of(merkle.inclusion_spans(index, size), ALL_TILES)
    assert proof == path(index, LEAVES[:size])
    root = merkle.root_from_inclusion(index, size, LEAVES[index], proof)
    assert [root] == hashes_of(merkle.whole_tree(size), ALL_TILES) == [mth(LEAVES[:size])]


@given(SIZES, st.data())
def test_every_consistency_proof_is_the_definition_s(new: int, data: st.DataObject) -> None:
    """Between any two sizes; and it leads to both roots."""
    old = data.draw(st.integers(1, new))
    proof = hashes_of(merkle.consistency_spans(old, new), ALL_TILES)
    assert proof == subproof(old, LEAVES[:new], whole=True)
    roots = (mth(LEAVES[:old]), mth(LEAVES[:new]))
    assert merkle.roots_from_consistency(old, new, roots[0], proof) == roots


@pytest.mark.parametrize("size", [0, 1, 5])
def test_nothing_and_itself_are_continued_without_a_proof(size: int) -> None:
    """There is nothing to hash."""
    assert merkle.consistency_spans(0, size) == merkle.consistency_spans(size, size) == []


@pytest.mark.parametrize("size", LARGE)
def test_proofs_over_three_levels_of_tiles_are_the_definition_s(size: int) -> None:
    """Where a tile of tiles is about to be full, is full, and has begun another."""
    for number in (1, 255, 256, 65_279, 65_535, size - 1):
        inclusion = hashes_of(merkle.inclusion_spans(number - 1, size), ALL_TILES)
        assert inclusion == path(number - 1, LEAVES[:size])
        consistency = hashes_of(merkle.consistency_spans(number, size), ALL_TILES)
        assert consistency == subproof(number, LEAVES[:size], whole=True)


@given(st.integers(2, 300), st.data())
def test_a_proof_of_anything_else_leads_elsewhere(size: int, data: st.DataObject) -> None:
    """Another leaf, index, hash or order gives another root, or is refused."""
    index, other = data.draw(st.permutations(range(size)))[:2]
    proof = path(index, LEAVES[:size])
    root = mth(LEAVES[:size])
    assert merkle.root_from_inclusion(index, size, LEAVES[other], proof) != root
    flipped = data.draw(st.integers(0, len(proof) - 1))
    forged = [*proof[:flipped], sha256(proof[flipped]).digest(), *proof[flipped + 1 :]]
    assert merkle.root_from_inclusion(index, size, LEAVES[index], forged) != root
    try:
        assert merkle.root_from_inclusion(other, size, LEAVES[index], proof) != root
    except ValueError:
        assert len(path(other, LEAVES[:size])) != len(proof)


@given(st.lists(st.integers(0, 700), max_size=6).map(sorted))
def test_tiles_are_the_same_however_they_grew(steps: list[int]) -> None:
    """One leaf at a time or all at once; two who extend the same tree write the same."""
    assert tiles_for(LEAVES[:700], *steps) == tiles_for(LEAVES[:700])


@given(st.integers(0, 600))
def test_the_edge_is_enough_for_the_root(size: int) -> None:
    """What has to be kept of a growing tree is a tile of each level."""
    edge = {tile: ALL_TILES[tile][: size * 32] for tile in merkle.edge_of(size)}
    (whole,) = merkle.whole_tree(size)
    assert merkle.hash_of(whole, edge) == mth(LEAVES[:size])


@pytest.mark.parametrize(
    "refused",
    [
        lambda: merkle.inclusion_spans(3, 3),
        lambda: merkle.inclusion_spans(-1, 3),
        lambda: merkle.consistency_spans(4, 3),
        lambda: merkle.consistency_spans(-1, 3),
        lambda: merkle.root_from_inclusion(0, 2, LEAVES[0], []),
        lambda: merkle.root_from_inclusion(0, 2, LEAVES[0], LEAVES[:2]),
        lambda: merkle.roots_from_consistency(1, 2, LEAVES[0], []),
        lambda: merkle.roots_from_consistency(0, 2, LEAVES[0], []),
        lambda: merkle.hash_of(merkle.Span(0, 3), tiles_for(LEAVES[:2])),
    ],
)
def test_what_cannot_be_is_refused(refused: object) -> None:
    """A leaf that is not there, a tree that shrank, a proof of another length, a missing tile."""
    assert callable(refused)
    with pytest.raises(ValueError, match=r"tree|proof"):
        refused()


def test_a_tile_is_that_of_tlog_tiles() -> None:
    """256 hashes of 32 bytes; the level above holds the roots of whole tiles."""
    assert {len(ALL_TILES[merkle.TileId(0, number)]) for number in range(258)} == {8192}
    assert ALL_TILES[merkle.TileId(1, 0)][:32] == mth(LEAVES[:256])
    assert ALL_TILES[merkle.TileId(2, 0)] == mth(LEAVES[:65_536])


def test_a_million_leaves_need_few_tiles() -> None:
    """A proof reads at most two tiles of each of the three levels."""
    size = 1_000_000
    assert len(merkle.tiles_of(merkle.inclusion_spans(123_456, size))) <= 6
    assert len(merkle.tiles_of(merkle.consistency_spans(123_457, size))) <= 6
    assert len(merkle.edge_of(size)) == 3
