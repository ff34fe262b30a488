"""The library proves itself on the vectors of docs/vectors, and they never change silently."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from eventlog import EventLog, EventLogError, Signer, Verifier
from eventlog.errors import CorruptEventError, ErasedError, InvalidEvidenceError, SchemaTooNewError
from eventlog.format import chain
from eventlog.format.codec import decode_json, decompress, encode_json
from eventlog.format.encryption import BODY, CONTEXT, DataKey, DecryptionError, key_aad
from eventlog.format.inflating import MAX_INFLATED
from eventlog.format.records import FoldInput
from eventlog.keys.ring import LocalKeyRing, NotOpenedError
from eventlog.operations.bundles import check_evidence
from eventlog.operations.receipts import read_receipt
from eventlog.proof import merkle
from eventlog.verify.structure import Structure
from eventlog.verify.walk import Walk
from eventlog_projections import Conversation
from tests.vectors.generate import FOLDER, MADE, text
from tests.vectors.making import START, Vector, stream_of
from tests.vectors.proofs import data_of
from tests.vectors.reading import FILES, each

FIELDS: Final = {"body": BODY, "context": CONTEXT}


def unhex(vector: Vector, *names: str) -> list[bytes]:
    return [bytes.fromhex(vector[name]) for name in names]


@pytest.mark.parametrize("name", MADE)
def test_a_vector_does_not_change_silently(name: str) -> None:
    """What the code makes today is what is there: else `python -m tests.vectors.generate`."""
    assert (FOLDER / f"{name}.json").read_text("utf-8") == text(name)


def test_every_file_is_one_that_is_made() -> None:
    """None is left behind, and the page names each."""
    assert {path.stem for path in FOLDER.iterdir()} == set(MADE)
    page = (FOLDER.parent / "format.md").read_text("utf-8")
    assert all(f"`{name}.json`" in page for name in MADE)


@each("hash", "sound")
def test_a_sound_chain_is_followed_to_its_end(vector: Vector) -> None:
    """Identity, hashes and digests."""
    stream, walk = stream_of(vector), Walk(Structure())
    assert stream.stream_id.hex() == vector["stream_id"]
    assert walk.follow(stream.events) is None
    assert walk.sound == stream.head
    assert stream.events[0].recorded_at == START


@each("hash", "unsound")
def test_an_unsound_chain_is_followed_to_its_first_fault(vector: Vector) -> None:
    """And no further."""
    walk = Walk(Structure())
    assert walk.follow(stream_of(vector).events) is not None
    assert walk.sound.version + 1 == vector["version"]


@each("bodies", "sound")
def test_a_body_opens(vector: Vector) -> None:
    """To the JSON that it was made of, which is encoded to the same again."""
    packed, expected = unhex(vector, "stored", "json")
    body = decompress(vector["codec"], packed)
    assert body == expected
    assert encode_json(decode_json(body), max_depth=901) == expected


@each("bodies", "refused")
def test_a_body_that_does_not_open_is_refused(vector: Vector) -> None:
    """As what it is, a ValueError."""
    with pytest.raises(ValueError, match=r"inflate|compressed bytes|codec"):
        decompress(
            vector["codec"], bytes.fromhex(vector["stored"]), vector.get("largest", MAX_INFLATED)
        )


async def test_lists_are_what_the_vectors_say(lists: Path) -> None:
    """At every version that is there, through forks, rewinds and erasures."""
    async with EventLog(lists) as log:
        for vector in FILES["lists"]["lists"]:
            chat = Conversation(log, vector["name"], vector["branch"])
            assert await chat.items(as_of=vector["version"]) == vector["items"], vector


@each("lists", "unreadable")
async def test_a_list_that_cannot_be_read_is_refused(lists: Path, vector: Vector) -> None:
    """In the place of one with a hole."""
    async with EventLog(lists, tenant=vector["tenant"]) as log:
        with pytest.raises((CorruptEventError, ErasedError, SchemaTooNewError)):
            await Conversation(log, vector["name"]).items(as_of=vector["version"])


@each("encryption", "keys", "opened")
def test_a_wrapped_key_opens(vector: Vector) -> None:
    """With the AAD that the page defines."""
    stream_id, aad, kek = unhex(vector, "stream_id", "aad", "key_encryption_key")
    wrapped, key = unhex(vector, "wrapped_key", "key")
    assert key_aad(stream_id, vector["key_id"], vector["kek_id"]) == aad
    ring = LocalKeyRing({vector["kek_id"]: kek}, vector["kek_id"])
    assert ring.unwrap(vector["kek_id"], wrapped, aad) == key


@each("encryption", "keys", "refused")
def test_a_wrapped_key_opens_in_its_place_only(vector: Vector) -> None:
    """For its stream, its number and its key-encryption key."""
    stream_id, kek, wrapped = unhex(vector, "stream_id", "key_encryption_key", "wrapped_key")
    ring = LocalKeyRing({vector["kek_id"]: kek}, vector["kek_id"])
    aad = key_aad(stream_id, vector["key_id"], vector["kek_id"])
    with pytest.raises(NotOpenedError):
        ring.unwrap(vector["kek_id"], wrapped, aad)


def decrypted(vector: Vector) -> bytes:
    """Open the content of a vector."""
    stream_id, key, header, encrypted = unhex(vector, "stream_id", "key", "header", "stored")
    place = (vector["version"], vector["kind"], vector["schema"])
    sealed_by = (vector["codec"], vector["key_id"])
    event = FoldInput(*place, header, *sealed_by, body=encrypted, hash=b"")
    return DataKey(stream_id, vector["key_id"], key).decrypt_field(
        event, encrypted, FIELDS[vector["field"]]
    )


@each("encryption", "contents", "opened")
def test_an_encrypted_content_opens(vector: Vector) -> None:
    """As the library opens it, and as AES-256-GCM does with the nonce and the AAD that are told."""
    key, nonce, aad, encrypted, plain = unhex(vector, "key", "nonce", "aad", "stored", "plain")
    assert decrypted(vector) == plain
    assert AESGCM(key).decrypt(nonce, encrypted[len(nonce) :], aad) == plain
    assert encrypted.startswith(nonce)


@each("encryption", "contents", "refused")
def test_an_encrypted_content_opens_in_its_place_only(vector: Vector) -> None:
    """And under its own header."""
    with pytest.raises(DecryptionError):
        decrypted(vector)


@each("encryption", "beside", "opened")
def test_what_is_kept_beside_opens(vector: Vector) -> None:
    """Under its name."""
    stream_id, key, encrypted, plain = unhex(vector, "stream_id", "key", "stored", "plain")
    found = DataKey(stream_id, vector["key_id"], key)
    assert found.decrypt_derived(encrypted, vector["name"]) == plain


@each("encryption", "beside", "refused")
def test_what_is_kept_beside_opens_under_its_name_only(vector: Vector) -> None:
    """And in its stream."""
    stream_id, key, encrypted = unhex(vector, "stream_id", "key", "stored")
    with pytest.raises(DecryptionError):
        DataKey(stream_id, vector["key_id"], key).decrypt_derived(encrypted, vector["name"])


def test_the_tree_is_that_of_the_vectors() -> None:
    """Leaves, nodes, roots, and the rows that are stored."""
    tree = FILES["tree"]
    for leaf in tree["leaves"]:
        assert leaf["data"] == data_of(leaf["index"]).hex()
        assert merkle.leaf_hash(bytes.fromhex(leaf["data"])).hex() == leaf["hash"]
    for node in tree["nodes"]:
        assert merkle.node_hash(*unhex(node, "left", "right")).hex() == node["hash"]
    sizes = [each_root["size"] for each_root in tree["roots"]]
    leaves = [merkle.leaf_hash(data_of(index)) for index in range(max(sizes))]
    tiles = merkle.grow(0, {}, leaves)
    for found in tree["roots"]:
        (whole,) = merkle.whole_tree(found["size"])
        edge = {**tiles, **merkle.grow(0, {}, leaves[: found["size"]])}
        assert merkle.hash_of(whole, edge).hex() == found["root"]
    assert [(row["level"], row["number"]) for row in tree["rows"]] == sorted(tiles)


def included(vector: Vector) -> bool:
    (leaf, root), proof = unhex(vector, "hash", "root"), list(map(bytes.fromhex, vector["proof"]))
    index, size = vector["position"] - 1, vector["size"]
    return merkle.root_from_inclusion(index, size, merkle.leaf_hash(leaf), proof) == root


def continued(vector: Vector) -> bool:
    roots, proof = unhex(vector, "old_root", "new_root"), list(map(bytes.fromhex, vector["proof"]))
    found = merkle.roots_from_consistency(vector["old"], vector["new"], roots[0], proof)
    return list(found) == roots


CHECKS: Final[dict[str, Callable[[Vector], bool]]] = {
    "inclusion": included,
    "consistency": continued,
}
VALID: Final = [(kind, v) for kind in CHECKS for v in FILES["proofs"][kind]["valid"]]
INVALID: Final = [(kind, v) for kind in CHECKS for v in FILES["proofs"][kind]["invalid"]]


@pytest.mark.parametrize(("kind", "vector"), VALID)
def test_a_proof_proves(kind: str, vector: Vector) -> None:
    """That an event is in the tree; that one tree continues another."""
    assert CHECKS[kind](vector)


@pytest.mark.parametrize(
    ("kind", "vector"), INVALID, ids=[f"{k}, {v['about']}" for k, v in INVALID]
)
def test_another_proof_proves_nothing(kind: str, vector: Vector) -> None:
    """It leads elsewhere, or nowhere."""
    try:
        assert not CHECKS[kind](vector)
    except ValueError:
        return


def test_keys_are_read_as_they_are_written() -> None:
    """In both forms, with their id."""
    told = FILES["notes"]["key"]
    signer, verifier = Signer.load(told["private"]), Verifier.load(told["verifier"])
    assert (signer.name, signer.private_key.hex()) == (told["name"], told["seed"])
    assert signer.verifier == verifier
    assert (verifier.public_key.hex(), verifier.key_id.hex()) == (told["public_key"], told["id"])


@each("notes", "heads")
def test_a_note_is_opened(vector: Vector) -> None:
    """By the key that signed it."""
    head = Verifier.load(FILES["notes"]["key"]["verifier"]).open(vector["note"])
    assert (head.origin, head.size, head.root.hex()) == tuple(
        vector[name] for name in ("origin", "size", "root")
    )


@each("notes", "refused")
def test_a_note_that_is_no_head_of_this_key_is_refused(vector: Vector) -> None:
    """Whatever is wrong with it."""
    with pytest.raises(EventLogError):
        Verifier.load(FILES["notes"]["key"]["verifier"]).open(vector["note"])


@each("receipts", "receipts")
def test_a_receipt_says_what_was_erased(vector: Vector) -> None:
    """And the stream beside it says the same."""
    verifier = Verifier.load(FILES["receipts"]["key"]["verifier"])
    receipt = read_receipt(vector["note"], verifier)
    assert msgspec.to_builtins(receipt) == vector["receipt"]
    (erased,), stream = receipt.streams, stream_of(vector)
    gone = [event.version for event in stream.events if event.body is None]
    assert gone == list(range(erased.first, erased.last + 1))
    said = stream.events[erased.version - 1]
    assert (said.hash.hex(), said.recorded_at) == (erased.hash, erased.at)


@each("receipts", "refused")
def test_a_note_that_is_no_receipt_of_this_key_is_refused(vector: Vector) -> None:
    """Whatever is wrong with it."""
    with pytest.raises(EventLogError):
        read_receipt(vector["note"], Verifier.load(FILES["receipts"]["key"]["verifier"]))


def checked(bundle: Any) -> list[tuple[str, str, int]]:
    verifier = Verifier.load(FILES["evidence"]["key"]["verifier"])
    return check_evidence(json.dumps(bundle).encode(), verifier)


@each("evidence", "sound")
def test_evidence_proves_what_it_shows(vector: Vector) -> None:
    """Each conversation, up to its last event."""
    assert checked(vector["bundle"]) == [
        (shown["name"], shown["branch"], shown["events"][-1]["version"])
        for shown in vector["bundle"]["conversations"]
    ]


@each("evidence", "unsound")
def test_what_was_changed_is_no_evidence(vector: Vector) -> None:
    """Whatever was changed."""
    with pytest.raises(InvalidEvidenceError):
        checked(vector["bundle"])


@each("evidence", "no_bundle")
def test_what_is_no_bundle_is_no_evidence(vector: Vector) -> None:
    """Said as such, whatever it is."""
    verifier = Verifier.load(FILES["evidence"]["key"]["verifier"])
    with pytest.raises(InvalidEvidenceError):
        check_evidence(vector["text"].encode(), verifier)


def test_the_vectors_of_chains_begin_at_genesis() -> None:
    """A hash of zeros, at time 0."""
    assert (0, bytes(32), 0) == chain.GENESIS
