"""Vectors of what proves: the tree, proofs, signed notes, receipts."""

import base64
import hashlib
from collections.abc import Iterable
from typing import Final

import msgspec

from eventlog import Signer
from eventlog.operations.receipts import RECEIPT, ErasedVersions, Receipt
from eventlog.proof import merkle
from eventlog.proof.merkle import Span
from tests.vectors.making import Stream, Vector, fixed
from tests.vectors.streams import erased_stream

SIGNER: Final = Signer("example.com/log", fixed("signing key", 32))
OTHER: Final = Signer("example.com/log", fixed("another signing key", 32))
WITNESS: Final = Signer("witness.example", fixed("key of a witness", 32))
LARGEST: Final = 600


def data_of(index: int) -> bytes:
    """Return the data of a leaf: SHA-256 of its index in decimal digits."""
    return hashlib.sha256(str(index).encode()).digest()


LEAVES: Final = [merkle.leaf_hash(data_of(index)) for index in range(LARGEST)]


def root_of(size: int) -> bytes:
    """Return the root over the first leaves."""
    return merkle.root_of(LEAVES[:size])


def tree() -> Vector:
    """Return leaves, nodes, roots, and the rows that a log of 600 positions stores."""
    sizes = [*range(10), 255, 256, 257, 511, 512, 513, LARGEST]
    tiles = merkle.grow(0, {}, LEAVES)
    return {
        "leaves": [
            {"index": index, "data": data_of(index).hex(), "hash": LEAVES[index].hex()}
            for index in range(8)
        ],
        "nodes": [
            {
                "left": LEAVES[index].hex(),
                "right": LEAVES[index + 1].hex(),
                "hash": merkle.node_hash(*LEAVES[index : index + 2]).hex(),
            }
            for index in range(0, 4, 2)
        ],
        "roots": [{"size": size, "root": root_of(size).hex()} for size in sizes],
        "rows": [
            {
                "level": tile.level,
                "number": tile.number,
                "hashes": len(tiles[tile]) // merkle.HASH_BYTES,
                "sha256": hashlib.sha256(tiles[tile]).hexdigest(),
            }
            for tile in sorted(tiles)
        ],
    }


def _hashes(spans: Iterable[Span]) -> list[bytes]:
    return [merkle.root_of(LEAVES[start:stop]) for start, stop in spans]


def inclusion(position: int, size: int) -> list[bytes]:
    """Return the proof of a position."""
    return _hashes(merkle.inclusion_spans(position - 1, size))


def _included(place: int, size: int, /, **changes: object) -> Vector:
    vector: Vector = {
        "size": size,
        "position": place,
        "hash": data_of(place - 1).hex(),
        "proof": [each.hex() for each in inclusion(place, size)],
        "root": root_of(size).hex(),
    }
    return vector | changes


def _consistent(older: int, newer: int, /, **changes: object) -> Vector:
    vector: Vector = {
        "old": older,
        "old_root": root_of(older).hex(),
        "new": newer,
        "new_root": root_of(newer).hex(),
        "proof": [each.hex() for each in _hashes(merkle.consistency_spans(older, newer))],
    }
    return vector | changes


def proofs() -> Vector:
    """Return proofs of both kinds, and such as prove nothing."""
    places = [
        (1, 1),
        (1, 2),
        (2, 2),
        (3, 3),
        (1, 7),
        (4, 7),
        (5, 7),
        (7, 7),
        (8, 8),
        (300, LARGEST),
    ]
    grown = [(1, 1), (1, 2), (3, 7), (4, 7), (6, 7), (7, 8), (8, 8), (256, LARGEST), (257, LARGEST)]
    good = [each.hex() for each in inclusion(5, 7)]
    proof = [each.hex() for each in _hashes(merkle.consistency_spans(3, 7))]
    return {
        "inclusion": {
            "valid": [_included(*place) for place in places],
            "invalid": [
                _included(5, 7, about="a hash is missing", proof=good[:-1]),
                _included(5, 7, about="a hash too many", proof=[*good, good[0]]),
                _included(5, 7, about="two hashes changed places", proof=good[::-1]),
                _included(5, 7, about="another position", position=6),
                _included(5, 7, about="a position before the first", position=0),
                _included(7, 7, about="a position behind the end", position=8),
                _included(5, 7, about="another event", hash=data_of(5).hex()),
                _included(5, 7, about="the root of another size", root=root_of(6).hex()),
                _included(1, 1, about="a proof where none is needed", proof=[good[0]]),
            ],
        },
        "consistency": {
            "valid": [_consistent(*sizes) for sizes in grown],
            "invalid": [
                _consistent(3, 7, about="a hash is missing", proof=proof[1:]),
                _consistent(3, 7, about="a hash too many", proof=[*proof, proof[0]]),
                _consistent(3, 7, about="two hashes changed places", proof=proof[::-1]),
                _consistent(3, 7, about="another old size", old=4),
                _consistent(3, 7, about="another old root", old_root=root_of(4).hex()),
                _consistent(3, 7, about="another new root", new_root=root_of(8).hex()),
                _consistent(7, 7, about="other roots of one size", old_root=root_of(6).hex()),
            ],
        },
    }


def key_of(signer: Signer) -> Vector:
    """Return a key in all its forms."""
    verifier = signer.verifier
    return {
        "name": signer.name,
        "seed": signer.private_key.hex(),
        "public_key": verifier.public_key.hex(),
        "id": verifier.key_id.hex(),
        "verifier": str(verifier),
        "private": signer.dump(),
    }


def notes() -> Vector:
    """Return heads that are signed by `key`, and notes that are none."""
    plain = SIGNER.sign(7, root_of(7))
    text, _, signature = plain.rpartition("\n\n")
    longer = SIGNER.sign_text(f"{text}\nan extension\nanother one\n")
    good = {
        "a head": plain,
        "a head of nothing": SIGNER.sign(0, root_of(0)),
        "lines behind the third are signed and mean nothing": longer,
        "a witness signed it too": plain + _signature(WITNESS, text),
        "a key of the same name signed it too": f"{text}\n\n{_signature(OTHER, text)}{signature}",
    }
    return {
        "key": key_of(SIGNER),
        "heads": [{"about": about, "note": note, **_head(note)} for about, note in good.items()],
        "refused": [{"about": about, "note": note} for about, note in _bad_notes(plain).items()],
    }


def _signature(signer: Signer, text: str) -> str:
    return signer.sign_text(text + "\n").rpartition("\n\n")[2]


def _head(note: str) -> Vector:
    origin, size, root = note.split("\n")[:3]
    return {"origin": origin, "size": int(size), "root": base64.b64decode(root).hex()}


def _bad_notes(good: str) -> dict[str, str]:
    text, _, signature = good.rpartition("\n\n")
    origin, _, root = text.split("\n")
    short = base64.b64encode(root_of(7)[:31]).decode()

    def signed(size: str = "7", root: str = root) -> str:
        return SIGNER.sign_text(f"{origin}\n{size}\n{root}\n")

    return {
        "the size was changed": good.replace("\n7\n", "\n8\n"),
        "another key of the same name signed it": OTHER.sign(7, root_of(7)),
        "a witness alone signed it": f"{text}\n\n{_signature(WITNESS, text)}",
        "one of two signatures of the key is false": good
        + signature.replace(signature[40:44], "AAAA"),
        "it is not signed": f"{text}\n\n",
        "no line is empty": f"{text}\n{signature}",
        "the last line does not end": good[:-1],
        "lines end as on Windows": good.replace("\n", "\r\n"),
        "a signature begins with a hyphen": good.replace("\u2014", "-"),
        "base64 without padding": good.replace("=", ""),
        "a size with a leading zero": signed("07"),
        "a negative size": signed("-7"),
        "a size in other digits": signed("\u0667"),
        "a size of 5000 digits": signed("9" * 5000),
        "a size that no log can have": signed(str(2**63)),
        "the origin of another log": SIGNER.sign_text(
            text.replace(origin, "example.com/other") + "\n"
        ),
        "a root of 31 bytes": signed(root=short),
        "a root that is not canonical": signed(root=root[:-2] + "B="),
        "an empty line among those that are signed": SIGNER.sign_text(f"{text}\n\nmore\n"),
        "fewer than three lines": SIGNER.sign_text(f"{origin}\n7\n"),
        "a receipt is no head": receipts()["receipts"][0]["note"],
    }


def receipts() -> Vector:
    """Return receipts of what was erased in streams of vectors."""
    found: list[Vector] = []
    for only in (None, 1):
        stream = erased_stream(only)
        receipt = Receipt("default", "erased", [_erased(stream, only)])
        note = SIGNER.sign_text(f"{RECEIPT}\n{msgspec.json.encode(receipt).decode()}\n")
        found.append({"note": note, "receipt": msgspec.to_builtins(receipt), **stream.vector()})
    good: str = found[0]["note"]
    line = good.split("\n")[1]
    refused = {
        "what it says was changed": good.replace("art-17", "art-18"),
        "another key signed it": OTHER.sign_text(f"{RECEIPT}\n{line}\n"),
        "another form": SIGNER.sign_text(f"{RECEIPT[:-1]}2\n{line}\n"),
        "it says nothing": SIGNER.sign_text(f"{RECEIPT}\n{{}}\n"),
        "a head is no receipt": SIGNER.sign(7, root_of(7)),
    }
    bad = [{"about": about, "note": note} for about, note in refused.items()]
    return {"key": key_of(SIGNER), "receipts": found, "refused": bad}


def _erased(stream: Stream, only: int | None) -> ErasedVersions:
    said = next(each for each in stream.events if each.kind in ("erased", "redacted"))
    first, last = (1, said.version - 1) if only is None else (only, only)
    return ErasedVersions(
        stream.names[1],
        stream.names[2],
        stream.stream_id.hex(),
        first,
        last,
        last - first + 1,
        said.version,
        said.hash.hex(),
        said.recorded_at,
        "office",
        "art-17",
    )
