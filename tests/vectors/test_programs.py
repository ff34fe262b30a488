"""The programs of the documents prove themselves on the vectors of docs/vectors."""

import base64
import hashlib
import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from eventlog.format.dictionary import DICTIONARY
from eventlog.proof.checkpoint import Verifier
from tests.docs.programs import DOCUMENT, READER, VERIFIER, dictionary, run
from tests.vectors.evidence import Log
from tests.vectors.generate import FOLDER
from tests.vectors.making import Stream, Vector, event, stream_of
from tests.vectors.proofs import SIGNER
from tests.vectors.reading import FILES, each
from tests.vectors.storing import store

PROGRAM: Final = FOLDER.parent / "verify_evidence.py"
EVIDENCE: Final = runpy.run_path(str(PROGRAM))
"""What the verifier of evidence defines."""

BROKEN: Final = (EVIDENCE["Broken"], EVIDENCE["InvalidSignature"], *EVIDENCE["MALFORMED"])

Check = Callable[[Any], tuple[int, str]]


@pytest.fixture
def check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Check:
    """Return what checks a bundle, an object or text, with the key of the vectors."""

    def checked(bundle: Any) -> tuple[int, str]:
        path = tmp_path / "bundle.json"
        path.write_text(bundle if isinstance(bundle, str) else json.dumps(bundle), "utf-8")
        status: int = EVIDENCE["main"]([str(path), str(SIGNER.verifier)])
        said = capsys.readouterr()
        return status, said.out + said.err

    return checked


@each("hash", "sound")
async def test_both_verifiers_accept_a_sound_chain(
    tmp_path: Path, check: Check, vector: Vector
) -> None:
    """In a file, and as evidence."""
    stream = stream_of(vector)
    await store(tmp_path / "log.db", stream)
    answer = run(VERIFIER, tmp_path / "log.db")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert f"version {stream.head.version}, hash {stream.head.hash.hex()}" in answer.stdout
    log = Log(stream)
    status, said = check(log.bundle(log.shown(stream)))
    assert status == 0, said
    assert stream.stream_id.hex() in said


@each("hash", "unsound")
async def test_both_verifiers_name_the_first_fault_of_a_chain(
    tmp_path: Path, check: Check, vector: Vector
) -> None:
    """In a file, and as evidence."""
    stream = stream_of(vector)
    await store(tmp_path / "log.db", stream)
    answer = run(VERIFIER, tmp_path / "log.db")
    assert answer.returncode == 1
    (line,) = answer.stderr.splitlines()
    assert line.startswith(f"default/chat version {vector['version']}: ")
    log = Log(stream)
    status, said = check(log.bundle(log.shown(stream)))
    assert status == 1
    assert f"default/chat version {vector['version']}: " in said


@each("bodies", "sound")
async def test_a_body_is_read(tmp_path: Path, check: Check, vector: Vector) -> None:
    """By the reader, item for item as it is written, and by the verifier of evidence."""
    packed, plain = bytes.fromhex(vector["stored"]), bytes.fromhex(vector["json"])
    items = json.JSONDecoder(parse_int=str).decode(plain.decode())
    header = b'{"items":%d}' % len(items)
    stream = Stream("chat", event(header=header, body=packed, codec=vector["codec"]))
    await store(tmp_path / "log.db", stream)
    answer = run(READER, tmp_path / "log.db", "default", "chat")
    assert (answer.returncode, answer.stderr) == (0, "")
    lines = answer.stdout.splitlines()
    again = [json.JSONDecoder(parse_int=str).decode(line) for line in lines]
    assert repr(again) == repr(items)
    log = Log(stream)
    assert check(log.bundle(log.shown(stream)))[0] == 0


def test_every_program_has_the_dictionary_of_the_vectors() -> None:
    """And the library has the same: a body that was stored with it opens everywhere."""
    everywhere = {DICTIONARY, EVIDENCE["DICTIONARY"], bytes.fromhex(FILES["bodies"]["dictionary"])}
    assert {dictionary()} == everywhere
    assert f"dictionary of codec 2 is {len(DICTIONARY)} bytes" in DOCUMENT
    assert hashlib.sha256(DICTIONARY).hexdigest() in DOCUMENT


@each("bodies", "refused")
async def test_a_body_that_does_not_open_is_refused(
    tmp_path: Path, check: Check, vector: Vector
) -> None:
    """By both, in one line."""
    packed = bytes.fromhex(vector["stored"])
    stream = Stream(
        "chat", event(header=b'{"items":1}', body=packed or b" ", codec=vector["codec"])
    )
    await store(tmp_path / "log.db", stream)
    largest = vector.get("largest")
    code = READER if largest is None else READER.replace("256 * 1024 * 1024", str(largest))
    answer = run(code, tmp_path / "log.db", "default", "chat")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert len(answer.stderr.splitlines()) == 1
    if largest is not None:
        with pytest.raises(EVIDENCE["Unshown"]):
            EVIDENCE["inflate"](vector["codec"], packed, "here", largest)
        return
    log = Log(stream)
    assert check(log.bundle(log.shown(stream)))[0] in (1, 2)


async def test_the_reader_prints_the_lists_of_the_vectors(lists: Path) -> None:
    """At every version that is there, through forks, rewinds and erasures."""
    for vector in FILES["lists"]["lists"]:
        place = [vector[name] for name in ("tenant", "name", "version", "branch")]
        answer = run(READER, lists, *place)
        assert (answer.returncode, answer.stderr) == (0, ""), vector
        assert [json.loads(line) for line in answer.stdout.splitlines()] == vector["items"], vector


@each("lists", "unreadable")
async def test_the_reader_refuses_a_list_that_cannot_be_read(lists: Path, vector: Vector) -> None:
    """In one line, and prints nothing of it."""
    place = [vector[name] for name in ("tenant", "name", "version")]
    answer = run(READER, lists, *place)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert len(answer.stderr.splitlines()) == 1


def opened(vector: Vector) -> bytes:
    """Open a content of the vectors as the verifier of evidence opens what a bundle discloses."""
    sealed = base64.b64encode(bytes.fromhex(vector["stored"])).decode()
    header = base64.b64encode(bytes.fromhex(vector["header"])).decode()
    key = base64.b64encode(bytes.fromhex(vector["key"])).decode()
    row = {name: vector[name] for name in ("version", "schema", "codec", "kind", "key_id")}
    row |= {"header": header, "context": sealed, "body": sealed}
    cipher, found = EVIDENCE["AESGCM"], []

    class Noted:
        """Decrypts one field: a bundle has both."""

        def __init__(self, data: bytes) -> None:
            self.data = data

        def decrypt(self, nonce: bytes, data: bytes, aad: bytes) -> bytes:
            if aad[-1:] == vector["field"][:1].encode():
                found.append(cipher(self.data).decrypt(nonce, data, aad))
            return b""

    scope = EVIDENCE["opened"].__globals__
    scope["AESGCM"] = Noted
    try:
        row["codec"] = vector["codec"]
        EVIDENCE["opened"](row, bytes.fromhex(vector["stream_id"]), {row["key_id"]: key}, 0, None)
    finally:
        scope["AESGCM"] = cipher
    return b"".join(found)


@each("encryption", "contents", "opened")
def test_the_verifier_of_evidence_opens_a_content(vector: Vector) -> None:
    """With the AAD that the page defines."""
    assert opened(vector) == bytes.fromhex(vector["plain"])


@each("encryption", "contents", "refused")
def test_the_verifier_of_evidence_opens_it_in_its_place_only(vector: Vector) -> None:
    """And under its own header."""
    with pytest.raises((EVIDENCE["InvalidTag"], *BROKEN)):
        opened(vector)


@each("proofs", "inclusion", "valid")
def test_the_verifier_of_evidence_follows_a_proof(vector: Vector) -> None:
    """To the root."""
    assert reached(vector) == bytes.fromhex(vector["root"])


@each("proofs", "inclusion", "invalid")
def test_the_verifier_of_evidence_follows_no_other_proof(vector: Vector) -> None:
    """It leads elsewhere, or nowhere."""
    try:
        assert reached(vector) != bytes.fromhex(vector["root"])
    except EVIDENCE["Broken"]:
        return


def reached(vector: Vector) -> bytes:
    leaf = EVIDENCE["sha256"](b"\x00", bytes.fromhex(vector["hash"]))
    proof = [bytes.fromhex(each_hash) for each_hash in vector["proof"]]
    found: bytes = EVIDENCE["root_from"](vector["position"] - 1, vector["size"], leaf, proof)
    return found


KEY: Final[Any] = EVIDENCE["read_key"](FILES["notes"]["key"]["verifier"])


@each("notes", "heads")
def test_the_verifier_of_evidence_reads_a_head(vector: Vector) -> None:
    """Size and root, whatever else is signed or signs."""
    found = EVIDENCE["read_head"](vector["note"], *KEY)
    assert found == (vector["size"], bytes.fromhex(vector["root"]))


@each("notes", "refused")
def test_the_verifier_of_evidence_reads_no_other_note_as_a_head(vector: Vector) -> None:
    """Whatever is wrong with it."""
    with pytest.raises(BROKEN):
        EVIDENCE["read_head"](vector["note"], *KEY)


@each("receipts", "receipts")
def test_the_verifier_of_evidence_reads_the_lines_of_a_receipt(vector: Vector) -> None:
    """It is a signed note, too; the object in it says what was erased."""
    first, second = EVIDENCE["read_note"](vector["note"], *KEY)
    assert first == "conversation-eventlog erasure receipt 1"
    assert json.loads(second) == vector["receipt"]


@each("evidence", "sound")
def test_the_verifier_of_evidence_accepts_what_is_sound(check: Check, vector: Vector) -> None:
    """And says which versions of which conversations that is."""
    status, said = check(vector["bundle"])
    assert status == 0, said
    for shown in vector["bundle"]["conversations"]:
        assert f"is sound up to version {shown['events'][-1]['version']}, stream " in said


@each("evidence", "unsound")
def test_the_verifier_of_evidence_refuses_what_was_changed(check: Check, vector: Vector) -> None:
    """With status 1, and no traceback."""
    assert check(vector["bundle"])[0] == 1


@each("evidence", "no_bundle")
def test_the_verifier_of_evidence_could_not_check_what_is_none(
    check: Check, vector: Vector
) -> None:
    """With status 2."""
    assert check(vector["text"])[0] == 2


def test_the_key_of_the_vectors_is_read() -> None:
    """By both."""
    name, key_id, _ = KEY
    told = Verifier.load(FILES["notes"]["key"]["verifier"])
    assert (name, key_id) == (told.name, told.key_id)
    assert sys.version_info >= (3, 11)
