"""The Merkle tree of RFC 6962 over the feed: position p is leaf p - 1, its data the event's hash.

Pure. Nodes of every eighth level are stored in tiles, as C2SP tlog-tiles lays them out: a tile
holds the hashes of up to 256 neighbours, so that any root and any proof, of any size the tree ever
had, needs a few tiles. The levels in between are hashed again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

HASH_BYTES: Final = 32
TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 2**TILE_HEIGHT
EMPTY_ROOT: Final = sha256().digest()

_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"


class TileId(NamedTuple):
    """The coordinates of a tile: level 0 holds leaves, level 1 the roots of full level-0 tiles."""

    level: int
    number: int


class Span(NamedTuple):
    """The subtree over the leaves from `start` up to `stop`, exclusive."""

    start: int
    stop: int


Tiles = Mapping[TileId, bytes]
"""The concatenated hashes of each tile."""


def leaf_hash(data: bytes) -> bytes:
    """Hash the data of one leaf."""
    return sha256(_LEAF + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees into one."""
    return sha256(_NODE + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Return the root over neighbouring hashes of one level."""
    level = list(hashes) or [EMPTY_ROOT]
    while len(level) > 1:
        odd = level[len(level) & ~1 :]
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [sha256(_NODE + left + right).digest() for left, right in pairs] + odd
    return level[0]


def whole_tree(size: int) -> list[Span]:
    """Return the one span whose hash is the root of a tree of `size`."""
    return [Span(0, size)]


def inclusion_spans(index: int, size: int) -> list[Span]:
    """Return the subtrees that an inclusion proof names, leaf first. RFC 6962, section 2.1.1."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    spans: list[Span] = []
    start, stop = 0, size
    while stop - start > 1:
        middle = start + _split(stop - start)
        if index < middle:
            spans.append(Span(middle, stop))
            stop = middle
        else:
            spans.append(Span(start, middle))
            start = middle
    return spans[::-1]


def consistency_spans(old: int, new: int) -> list[Span]:
    """Return the subtrees that a consistency proof names. RFC 6962, section 2.1.2."""
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} is no continuation of one of {old}")
    if old in (0, new):
        return []
    spans: list[Span] = []
    start, stop = 0, new
    while stop != old:
        middle = start + _split(stop - start)
        if old <= middle:
            spans.append(Span(middle, stop))
            stop = middle
        else:
            spans.append(Span(start, middle))
            start = middle
    return ([Span(start, stop)] if start else []) + spans[::-1]


def edge_of(size: int) -> list[TileId]:
    """Return the partial tiles of a tree of `size`."""
    edge: list[TileId] = []
    level = 0
    while size:
        if size % TILE_WIDTH:
            edge.append(TileId(level, size // TILE_WIDTH))
        size //= TILE_WIDTH
        level += 1
    return edge


def first_hashes(tile: TileId, size: int, hashes: bytes) -> bytes:
    """Return what a tile had when the tree had `size` leaves, of what it has by now."""
    there = (size >> TILE_HEIGHT * tile.level) - tile.number * TILE_WIDTH
    return hashes[: there * HASH_BYTES]


def grow(size: int, edge: Tiles, leaves: Sequence[bytes]) -> dict[TileId, bytes]:
    """Return the tiles that change when `leaves` are added to a tree of `size`.

    `edge` are its partial tiles, `leaves` leaf hashes.
    """
    changed: dict[TileId, bytes] = {}
    level = 0
    while leaves:
        number, begun = divmod(size, TILE_WIDTH)
        hashes = [*_hashes(edge.get(TileId(level, number), b""), 0, begun), *leaves]
        roots: list[bytes] = []
        for at in range(0, len(hashes), TILE_WIDTH):
            tile = hashes[at : at + TILE_WIDTH]
            changed[TileId(level, number + at // TILE_WIDTH)] = b"".join(tile)
            if len(tile) == TILE_WIDTH:
                roots.append(root_of(tile))
        level, size, leaves = level + 1, number, roots
    return changed


def tiles_of(spans: Iterable[Span]) -> set[TileId]:
    """Return the tiles that the hashes of `spans` are computed from."""
    return {TileId(level, first // TILE_WIDTH) for span in spans for level, first, _ in _runs(span)}


def hash_of(span: Span, tiles: Tiles) -> bytes:
    """Return the hash of a subtree. Raises ValueError if a tile lacks a hash that it takes."""
    peaks = [
        root
        for level, first, last in _runs(span)
        for root in _roots(_hashes(tiles.get(TileId(level, first // TILE_WIDTH), b""), first, last))
    ]
    return _join(peaks)


def root_from_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> bytes:
    """Return the root that a tree of `size` has if `leaf` is at `index`. RFC 9162, 2.1.3.2.

    Raises ValueError for a proof of another length, or an index that is not in the tree.
    """
    spans = inclusion_spans(index, size)
    if len(spans) != len(proof):
        raise ValueError(f"the proof has {len(proof)} hashes, not {len(spans)}")
    for span, sibling in zip(spans, proof, strict=True):
        leaf = node_hash(sibling, leaf) if span.stop <= index else node_hash(leaf, sibling)
    return leaf


def roots_from_consistency(
    old: int, new: int, old_root: bytes, proof: Sequence[bytes]
) -> tuple[bytes, bytes]:
    """Return the roots of both sizes that follow from the proof. RFC 9162, section 2.1.4.2.

    The tree only grew if they are the roots that were signed. Raises ValueError for a proof of
    another length, and where there is nothing to prove: a size of 0 is continued by anything.
    """
    spans = consistency_spans(old, new)
    if len(spans) != len(proof) or not old:
        raise ValueError(f"no proof of {len(proof)} hashes leads from {old} to {new}")
    pairs = list(zip(spans, proof, strict=True))
    older = newer = old_root
    if spans and spans[0].stop == old:
        older = newer = pairs.pop(0)[1]
    for span, sibling in pairs:
        if span.start < old:
            older, newer = node_hash(sibling, older), node_hash(sibling, newer)
        else:
            newer = node_hash(newer, sibling)
    return older, newer


def _split(size: int) -> int:
    """Return the largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def _join(peaks: Sequence[bytes]) -> bytes:
    if not peaks:
        return EMPTY_ROOT
    *rest, joined = peaks
    for peak in reversed(rest):
        joined = node_hash(peak, joined)
    return joined


def _runs(span: Span) -> Iterator[tuple[int, int, int]]:
    """Cut a subtree into runs of one tile each, left to right: level of the tile, first, last.

    A span begins where a subtree of at least its size may begin, so that all of it but its right
    edge is whole tiles, and the edge of each level follows in the tile of the level below.
    """
    start, stop = span
    level = max((stop - start).bit_length() - 1, 0) // TILE_HEIGHT
    while start < stop:
        scale = TILE_HEIGHT * level
        last = stop >> scale
        first = start >> scale
        if first < last:
            yield level, first, last
            start = last << scale
        level -= 1


def _hashes(tile: bytes, first: int, last: int) -> list[bytes]:
    offset = first % TILE_WIDTH
    begin, end = offset * HASH_BYTES, (offset + last - first) * HASH_BYTES
    if len(tile) < end:
        raise ValueError("the tree does not hold what the proof needs")
    return [tile[at : at + HASH_BYTES] for at in range(begin, end, HASH_BYTES)]


def _roots(hashes: list[bytes]) -> Iterator[bytes]:
    """Yield the roots of the perfect subtrees that neighbouring hashes make, left to right."""
    at = 0
    while at < len(hashes):
        width = 1 << (len(hashes) - at).bit_length() - 1
        yield root_of(hashes[at : at + width])
        at += width
