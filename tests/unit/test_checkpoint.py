"""Heads are signed notes as C2SP defines them, to the byte."""

import base64
import copy
import subprocess
import sys
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.errors import InvalidHeadError, InvalidKeyError
from eventlog.proof.checkpoint import (
    Signer,
    TreeHead,
    Verifier,
    open_head,
    parse_head,
    signed_by,
)

# Published with Go's note package, whose notes those of C2SP are.
PETER: Final = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SAID: Final = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
SIGNED: Final = (
    "\N{EM DASH} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvq"
    "fqdngotpRZb6KE6RyyBwJnAM=\n"
)

SIGNER: Final = Signer("example.com/log", bytes(range(32)))
ROOT: Final = bytes(range(100, 132))
NOTE: Final = SIGNER.sign(20_852_163, ROOT)
HEAD: Final = TreeHead("example.com/log", 20_852_163, ROOT)


def test_a_published_note_verifies_under_its_published_key() -> None:
    """The key id and the signature are those of another implementation."""
    verifier = Verifier.load(PETER)
    assert str(verifier) == PETER
    assert verifier._has_signed(SAID, base64.b64decode(SIGNED.split(" ")[2])[4:])
    with pytest.raises(InvalidHeadError, match="no head"):
        verifier.open(f"{SAID}\n{SIGNED}")
    with pytest.raises(InvalidHeadError, match="not signed"):
        verifier.open(f"{SAID.upper()}\n{SIGNED}")


def test_a_head_has_the_lines_that_the_specification_names() -> None:
    """Origin, size, root, an empty line, a signature with the key's id in front."""
    origin, size, root, empty, signature, end = NOTE.split("\n")
    assert (origin, size, empty, end) == ("example.com/log", "20852163", "", "")
    assert base64.b64decode(root) == ROOT
    dash, name, encoded = signature.split(" ")
    assert (dash, name) == ("\N{EM DASH}", "example.com/log")
    assert base64.b64decode(encoded)[:4] == SIGNER.verifier.key_id
    assert len(base64.b64decode(encoded)) == 68
    assert SIGNER.verifier.open(NOTE) == HEAD


def test_signing_again_gives_the_same_note() -> None:
    """Two who sign one head write the same bytes."""
    assert SIGNER.sign(HEAD.size, HEAD.root) == NOTE


def test_signatures_of_others_are_left_alone() -> None:
    """Witnesses add theirs; a key that is not asked about proves and spoils nothing."""
    witness = Signer.generate("witness.example/w")
    stranger = witness.sign(HEAD.size, HEAD.root).rpartition("\n\n")[2]
    assert SIGNER.verifier.open(NOTE + stranger) == HEAD
    with pytest.raises(InvalidHeadError, match="not signed"):
        witness.verifier.open(NOTE)
    with pytest.raises(InvalidHeadError, match="not signed"):
        Signer.generate("example.com/log").verifier.open(NOTE)


def test_one_forged_signature_of_the_key_spoils_the_note() -> None:
    """Also beside a good one."""
    forged = SIGNER.sign(7, ROOT).rpartition("\n\n")[2]
    with pytest.raises(InvalidHeadError, match="not signed"):
        SIGNER.verifier.open(NOTE + forged)


@given(st.integers(0, len(NOTE) - 1), st.characters(codec="utf-8"))
def test_no_character_of_a_head_can_be_changed(at: int, character: str) -> None:
    """Whatever it is, the head is refused, with one kind of error."""
    changed = NOTE[:at] + character + NOTE[at + 1 :]
    if changed != NOTE:
        with pytest.raises(InvalidHeadError):
            SIGNER.verifier.open(changed)


def _signed(text: str) -> str:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    signature = Ed25519PrivateKey.from_private_bytes(SIGNER.private_key).sign(text.encode())
    encoded = base64.b64encode(SIGNER.verifier.key_id + signature).decode()
    return f"{text}\n\N{EM DASH} {SIGNER.name} {encoded}\n"


ENCODED: Final = base64.b64encode(ROOT).decode()


@pytest.mark.parametrize(
    "text",
    [
        f"\n5\n{ENCODED}\n",
        f"a\n05\n{ENCODED}\n",
        f"a\n-5\n{ENCODED}\n",
        f"a\n\u0665\n{ENCODED}\n",
        f"a\n\n{ENCODED}\n",
        f"a\n5\n{ENCODED[:-1]}\n",
        f"a\n5\n{ENCODED[:-4]}\n",
        "a\n5\n\n",
        "a\n5\n",
        "a\n",
        f"a\n5\n{ENCODED}\n\nx\n",
    ],
)
def test_what_is_signed_and_no_head_is_refused(text: str) -> None:
    """A signature does not make a head of a text."""
    with pytest.raises(InvalidHeadError, match="no head"):
        SIGNER.verifier.open(_signed(text))


@pytest.mark.parametrize("text", [f"a\n0\n{ENCODED}\n", f"a b\n7\n{ENCODED}\nmore\nlines\n"])
def test_what_the_specification_allows_is_read(text: str) -> None:
    """An empty tree, any origin, extension lines."""
    assert parse_head(_signed(text)).root == ROOT
    of_ours = text.replace(text.split("\n", maxsplit=1)[0], SIGNER.name, 1)
    assert SIGNER.verifier.open(_signed(of_ours)).root == ROOT


@pytest.mark.parametrize("origin", ["a", "example.com/log2", "EXAMPLE.com/log", "example.com/log "])
def test_the_head_of_another_log_is_refused(origin: str) -> None:
    """Whoever signs several logs with one key cannot pass one off as the other."""
    note = _signed(f"{origin}\n7\n{ENCODED}\n")
    with pytest.raises(InvalidHeadError, match="is of the log"):
        SIGNER.verifier.open(note)


@pytest.mark.parametrize("size", [str(2**63), "9" * 5000, "1" * 20, "9" * 4301])
def test_a_size_that_no_log_has_is_no_head(size: str) -> None:
    """However many digits it has."""
    note = _signed(f"{SIGNER.name}\n{size}\n{ENCODED}\n")
    for read in (parse_head, SIGNER.verifier.open):
        with pytest.raises(InvalidHeadError, match="no head"):
            read(note)
    largest = _signed(f"{SIGNER.name}\n{2**63 - 1}\n{ENCODED}\n")
    assert SIGNER.verifier.open(largest).size == 2**63 - 1


OTHER: Final = Signer("example.com/log", bytes(32))


def test_a_head_is_opened_by_any_of_several_keys() -> None:
    """A log that got a new key has heads of both; whose they are they say themselves."""
    keys = [OTHER.verifier, SIGNER.verifier]
    assert open_head(NOTE, keys) == open_head(NOTE, SIGNER.verifier) == HEAD
    assert signed_by(NOTE) == [f"example.com/log+{SIGNER.verifier.key_id.hex()}"]
    for none in (OTHER.verifier, [OTHER.verifier], []):
        with pytest.raises(InvalidHeadError, match="not signed by"):
            open_head(NOTE, none)


def test_a_signature_that_is_forged_refuses_the_note_whoever_else_signed() -> None:
    """Beside one that holds, and in any order of the keys."""
    text = HEAD.text()
    own, other = (signer.sign_text(text).split(" ")[-1] for signer in (SIGNER, OTHER))
    mixed = base64.b64encode(OTHER.verifier.key_id + base64.b64decode(own)[4:]).decode()
    assert other != mixed
    note = NOTE + f"\N{EM DASH} {OTHER.name} {mixed}\n"
    assert open_head(note, SIGNER.verifier) == HEAD
    for keys in ([SIGNER.verifier, OTHER.verifier], [OTHER.verifier, SIGNER.verifier]):
        with pytest.raises(InvalidHeadError, match="not signed"):
            open_head(note, keys)


def test_a_retired_key_names_the_one_that_follows() -> None:
    """Signed by both, so that who trusts the old one may trust the new one."""
    note = OTHER.retire(SIGNER)
    assert OTHER.verifier.successor(note) == SIGNER.verifier
    assert len(signed_by(note)) == 2
    for wrong in (
        SIGNER.retire(OTHER),
        NOTE,
        OTHER.sign(7, ROOT),
        note.rsplit("\N{EM DASH}", 1)[0],
        note.replace(str(SIGNER.verifier), str(Signer("evil", bytes(32)).verifier)),
    ):
        with pytest.raises(InvalidHeadError):
            OTHER.verifier.successor(wrong)


@pytest.mark.parametrize("note", ["", "\n\n", NOTE.replace("\n\n", "\n"), NOTE[:-1], NOTE + "\n"])
def test_what_is_no_note_is_refused(note: str) -> None:
    """Nothing, no signatures, an unfinished line."""
    with pytest.raises(InvalidHeadError, match="no signed note"):
        SIGNER.verifier.open(note)


def test_what_a_note_says_can_be_read_without_a_key() -> None:
    """By whoever only wants to know which size it is of."""
    assert parse_head(NOTE) == HEAD
    with pytest.raises(InvalidHeadError):
        parse_head(SAID)


def test_a_signature_of_any_kind_and_length_is_left_alone() -> None:
    """Of five bytes at least: an id, and something."""
    for length in (5, 68, 3000):
        line = f"\N{EM DASH} other {base64.b64encode(bytes(length)).decode()}\n"
        assert SIGNER.verifier.open(NOTE + line) == HEAD
    with pytest.raises(InvalidHeadError, match="no signed note"):
        SIGNER.verifier.open(NOTE + f"\N{EM DASH} other {base64.b64encode(bytes(4)).decode()}\n")


@pytest.mark.parametrize("value", [HEAD, SIGNER, SIGNER.verifier])
def test_heads_and_keys_do_not_change(value: object) -> None:
    """They are values: they can be compared, hashed, and passed on."""
    assert hash(value) == hash(copy.copy(value))
    with pytest.raises(AttributeError):
        value.name = "another"  # type: ignore[attr-defined]


def test_a_note_that_is_too_long_is_refused_unread() -> None:
    """Whoever sends one cannot keep a verifier busy."""
    with pytest.raises(InvalidHeadError, match="no signatures follow"):
        SIGNER.verifier.open("x" * 1_000_000)
    with pytest.raises(InvalidHeadError, match="too long"):
        SIGNER.verifier.open("x" * 1_000_001)


def test_keys_come_back_from_text() -> None:
    """Both halves; the private one is shown by nothing but `dump`."""
    assert Signer.load(SIGNER.dump() + "\n") == SIGNER
    assert Verifier.load(str(SIGNER.verifier)) == SIGNER.verifier
    secret = base64.b64encode(b"\x01" + SIGNER.private_key).decode()
    assert secret in SIGNER.dump()
    assert secret not in repr(SIGNER) + str(SIGNER) + str(SIGNER.verifier)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PeterNeumann",
        PETER[:-1],
        PETER.replace("c74f20a3", "c74f20a4"),
        PETER.replace("Peter", "Paul"),
        PETER.replace("+AR", "+BR"),
        PETER.replace("PeterNeumann", "Peter Neumann"),
        PETER.replace("PeterNeumann", ""),
    ],
)
def test_a_mistyped_key_is_refused(text: str) -> None:
    """Its id tells."""
    with pytest.raises(InvalidKeyError):
        Verifier.load(text)
    with pytest.raises(InvalidKeyError):
        Signer.load(f"PRIVATE+KEY+{text}")
    with pytest.raises(InvalidKeyError):
        Signer.load(text)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u00a0b", "a\x00"])
def test_a_name_that_a_note_cannot_hold_is_refused(name: str) -> None:
    """Before anything is signed under it."""
    with pytest.raises(InvalidKeyError, match="name"):
        Signer.generate(name)


def test_a_key_of_another_length_is_refused() -> None:
    """Ed25519 keys have 32 bytes."""
    with pytest.raises(InvalidKeyError, match="32 bytes"):
        Signer("a", bytes(31))


def test_nothing_is_imported_for_signing_until_something_is_signed() -> None:
    """A log without heads needs no cryptography."""
    script = (
        "import sys, eventlog, eventlog.proof.checkpoint; assert 'cryptography' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
