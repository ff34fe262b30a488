"""What we sign and prove, an implementation that is not ours reads; what it makes, we read."""

from typing import Any, Final

import pytest

from eventlog import merkle
from eventlog.checkpoint import Signer, TreeHead, Verifier
from tests.unit.test_merkle import ALL_TILES, LEAVES, hashes_of

tlog: Any = pytest.importorskip("aics_tlog", reason="it needs Python 3.12")

SIGNER: Final = Signer("example.com/log", bytes(range(32)))
DATA: Final = [number.to_bytes(4) for number in range(600)]
SIZES: Final = (1, 2, 3, 255, 256, 257, 600)


def root_of(size: int) -> bytes:
    return hashes_of(merkle.whole_tree(size), ALL_TILES)[0]


def test_it_accepts_our_heads_under_our_key() -> None:
    """The key as text, the note as text."""
    note = tlog.parse_note(SIGNER.sign(600, root_of(600)))
    result = tlog.verify_checkpoint(note, tlog.parse_vkey(str(SIGNER.verifier)))
    assert result.ok
    assert tlog.parse_checkpoint(note.text) == tlog.Checkpoint(SIGNER.name, 600, root_of(600))


def test_we_accept_its_heads_under_its_key() -> None:
    """And they are the same bytes that we write."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.from_private_bytes(SIGNER.private_key)
    checkpoint = tlog.Checkpoint(SIGNER.name, 600, root_of(600))
    note = tlog.sign_checkpoint(checkpoint, key, SIGNER.name).serialise()
    vkey = tlog.format_vkey(tlog.vkey_from_ed25519(SIGNER.name, key.public_key()))
    assert Verifier.load(vkey).open(note) == TreeHead(SIGNER.name, 600, root_of(600))
    assert note == SIGNER.sign(600, root_of(600))


@pytest.mark.parametrize("size", SIZES)
def test_both_make_and_accept_the_same_proofs(size: int) -> None:
    """Of inclusion and of consistency."""
    tree = tlog.MerkleTree(DATA)
    assert tree.root(size) == root_of(size)
    for index in (0, size // 2, size - 1):
        proof = hashes_of(merkle.inclusion_spans(index, size), ALL_TILES)
        assert proof == list(tree.inclusion_proof(index, size))
        assert tlog.verify_inclusion(LEAVES[index], index, size, proof, root_of(size))
    grown = hashes_of(merkle.consistency_spans(size, 600), ALL_TILES)
    assert grown == list(tree.consistency_proof(size, 600))
    assert tlog.verify_consistency(size, 600, root_of(size), root_of(600), grown)


def test_it_writes_the_tiles_that_we_store() -> None:
    """Full tiles, whose layout is that of C2SP tlog-tiles."""
    reader = tlog.TileWriter(DATA).to_memory_reader()
    for number in (0, 1):
        tile = merkle.TileId(0, number)
        assert reader.read_tile(0, number, None) == ALL_TILES[tile]
