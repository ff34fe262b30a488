"""Heads, evidence, keys, holds and erasures from the command line."""

import json
import re
import runpy
import shlex
from pathlib import Path

import pytest

from eventlog import Verifier
from eventlog.keys import keyring_from_file, new_key
from eventlog.operations import read_receipt
from eventlog_projections.conversation import Conversation
from tests.adapters.cli.conftest import ROOT, Eventlog, just_now
from tests.adapters.cli.shop import user
from tests.backends import Backend


def key_of(eventlog: Eventlog, path: Path) -> str:
    result = eventlog("keys", "signing", "example.com/log", "--to", str(path))
    assert result.exit_code == 0, result.output
    return result.output.strip()


async def test_what_a_head_and_a_bundle_say_is_checked_without_us(
    filled: Backend, eventlog: Eventlog, tmp_path: Path
) -> None:
    """The key is made here, its secret part is its owner's; a head is kept and checked against."""
    secret, kept, bundle = (tmp_path / name for name in ("s.key", "head.txt", "evidence.json"))
    assert eventlog("head").exit_code == 2
    verifier = key_of(eventlog, secret)
    assert secret.stat().st_mode & 0o777 == 0o600
    before = secret.read_text()
    assert eventlog("keys", "signing", "x", "--to", str(secret)).exit_code == 2
    assert secret.read_text() == before
    signed = eventlog("head", "--key-file", str(secret), "--to", str(kept))
    assert "commits to the first 8 events" in " ".join(signed.output.split())
    assert Verifier.load(verifier).open(kept.read_text("utf-8")).size == 8
    assert eventlog("head").output == kept.read_text("utf-8")
    assert json.loads(eventlog("--json", "head").output)["size"] == 8
    assert eventlog("verify", "--against", str(kept), "--key", verifier).exit_code == 0
    assert eventlog("evidence", "latest", "order-1041", "--to", str(bundle)).exit_code == 0
    checks = runpy.run_path(str(ROOT / "docs" / "verify_evidence.py"))
    assert checks["main"]([str(bundle), verifier]) == 0
    printed = json.loads(eventlog("evidence", "latest").output)
    assert printed["conversations"] == [json.loads(bundle.read_text())["conversations"][0]]


async def test_what_is_signed_says_how_it_is_checked(
    filled: Backend, eventlog: Eventlog, tmp_path: Path
) -> None:
    """The command that is printed runs as it stands; of a file that was changed it is 1."""
    secret, verifier = tmp_path / "s.key", key_of(eventlog, tmp_path / "s.key")
    for command in (("head",), ("evidence", "order-1042")):
        kept = tmp_path / f"{command[0]}.txt"
        made = eventlog(*command, "--key-file", str(secret), "--to", str(kept))
        (typed,) = re.findall("`eventlog (.*)` checks it", made.stderr)
        assert typed.endswith(f"--key {verifier}")
        assert eventlog(*shlex.split(typed)).stdout.startswith("VERIFIED")
    checked = json.loads(eventlog("--json", *shlex.split(typed)).stdout)
    assert checked["conversations"] == [{"conversation": "order-1042", "branch": "", "version": 6}]
    kept.write_text(kept.read_text().replace("order-1042", "order-1043"))
    assert eventlog(*shlex.split(typed)).stdout.startswith("TAMPERED")
    assert eventlog(*shlex.split(typed)).exit_code == 1
    assert eventlog("verify", "--evidence", str(kept)).exit_code == 2
    assert eventlog("verify", "latest", *shlex.split(typed)[1:]).exit_code == 2


async def test_an_encrypted_log_is_read_and_its_keys_are_rotated(
    backend: Backend, eventlog: Eventlog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a file or the environment; without the keys nothing is shown; the old key can go."""
    keyring = tmp_path / "keyring.txt"
    place = ("--db", backend.url, "--schema", backend.options.get("schema", "eventlog"))
    assert eventlog("keys", "new", "old", "--to", str(keyring)).exit_code == 0
    assert keyring.stat().st_mode & 0o777 == 0o600
    assert eventlog("migrate", *place).exit_code == 0
    monkeypatch.setenv("EVENTLOG_KEYS", keyring.read_text())
    assert eventlog("label", *place, "chat", "--title", "x").exit_code == 2  # Nobody is there yet.
    monkeypatch.delenv("EVENTLOG_KEYS")
    old = tmp_path / "old.txt"
    old.write_text(keyring.read_text())
    async with backend.open(keyring=keyring_from_file(old)) as log:
        await Conversation(log, "chat").add([user("secret")])
    assert "secret" in eventlog("show", *place, "latest", "--keyring", str(old)).output
    refused = eventlog("show", *place, "latest")
    assert (refused.exit_code, "secret" in refused.output) == (1, False)
    for command in (("rotate",), ("rekey", "chat")):
        refused = eventlog("keys", *command, *place)
        assert (refused.exit_code, "--keyring" in refused.output) == (2, True)
    assert eventlog("keys", "new", "new", "--to", str(keyring)).exit_code == 0
    for wrapped in (1, 0):
        done = eventlog("--json", "keys", "rotate", *place, "--keyring", str(keyring))
        assert json.loads(done.output) == {"wrapped": wrapped}
    assert eventlog("keys", "rekey", "chat", *place, "--keyring", str(keyring)).exit_code == 0
    keyring.write_text(keyring.read_text().splitlines()[0])
    monkeypatch.setenv("EVENTLOG_KEYRING", str(keyring))
    assert "secret" in eventlog("show", *place, "chat").output


def test_a_new_key_never_costs_an_old_one(db: str, eventlog: Eventlog) -> None:
    """A file that holds no keyring, or that name already, stays as it is."""
    for text in (new_key("a"), "notes"):
        Path("keys.txt").write_text(text)
        result = eventlog("keys", "new", "a", "--to", "keys.txt")
        assert result.exit_code == 2, result.output
        assert Path("keys.txt").read_text() == text
    assert eventlog("keys", "new", "a b").exit_code == 2
    assert eventlog("keys", "new", "a").output.startswith("a:")
    assert set(json.loads(eventlog("--json", "keys", "new", "a").output)) == {"name", "key", "file"}


async def test_what_is_held_is_not_erased(filled: Backend, eventlog: Eventlog) -> None:
    """Until the hold is lifted, by the code it was placed under."""
    held = {"conversation": "order-1042", "hold": "case-1"}
    assert json.loads(eventlog("--json", "hold", "place", "latest", "case-1").output) == held
    assert json.loads(eventlog("--json", "hold", "list").output) == held
    assert eventlog("--json", "hold", "list", "order-1041").output == ""
    erasing = ("erase", "order-1042", "--reason", "gdpr", "--by", "support", "--yes")
    refused = eventlog(*erasing)
    assert (refused.exit_code, "legal hold" in refused.output) == (1, True)
    assert eventlog("hold", "lift", "order-1042", "case-2").exit_code == 2
    assert eventlog("hold", "lift", "order-1042", "case-1").exit_code == 0
    done = json.loads(eventlog("--json", *erasing).output)
    assert (done["by"], done["reason"]) == ("support", "gdpr")
    assert "erased by support: gdpr" in eventlog("log", "order-1042").output
    assert eventlog("export", "order-1042").output == ""
    assert "order" not in eventlog("export", "order-1042", "--as-of", "1").output.replace(
        "'order-1042'", ""
    )
    assert eventlog("verify").exit_code == 0


@pytest.mark.parametrize(("answer", "erased"), [("y\n", True), ("\n", False), ("", False)])
def test_what_destroys_asks_first(
    db: str, eventlog: Eventlog, monkeypatch: pytest.MonkeyPatch, answer: str, erased: bool
) -> None:
    """Only a yes is one; where nobody is there to ask, it wants --yes."""
    command = ("erase", "order-1041", "--event", "1", "--reason", "gdpr")
    refused = eventlog(*command, input="y\n")
    assert (refused.exit_code, "--yes" in refused.output) == (2, True)
    monkeypatch.setattr("eventlog_cli.asking.is_somebody_there", lambda: True)
    result = eventlog(*command, input=answer)
    assert (result.exit_code, "[y/N]" in result.output) == (0 if erased else 2, True)
    assert (eventlog("export", "order-1041").output == "") is erased
    assert ("version 1 erased by" in eventlog("log", "order-1041").output) is erased


async def test_what_is_old_is_archived_and_erased(
    filled: Backend, eventlog: Eventlog, tmp_path: Path
) -> None:
    """Told first, then done; what goes verifies in a file; who keeps no archive has to say so."""
    key, folder = tmp_path / "s.key", tmp_path / "gone"
    verifier = key_of(eventlog, key)
    old = ("prune", "--older-than", just_now(), "--keep-latest", "1")
    told = [json.loads(line) for line in eventlog("--json", *old, "--dry-run").output.splitlines()]
    assert [(each["conversation"], each["became"]) for each in told] == [("order-1041", "chosen")]
    assert eventlog(*old, "--yes").exit_code == 2
    archiving = ("--archive", str(folder), "--key-file", str(key))
    refused = eventlog(*old, *archiving)
    assert (refused.exit_code, "--yes" in refused.output) == (2, True)
    assert eventlog("export", "order-1041").output
    assert eventlog(*old, *archiving, "--yes").exit_code == 0
    (bundle,) = folder.iterdir()
    checks = runpy.run_path(str(ROOT / "docs" / "verify_evidence.py"))
    assert checks["main"]([str(bundle), verifier]) == 0
    assert eventlog("export", "order-1041").output == ""
    assert eventlog("export", "order-1042").output


async def test_all_of_an_owner_goes_with_a_receipt(
    filled: Backend, eventlog: Eventlog, tmp_path: Path
) -> None:
    """What is held stays, and the exit code tells so."""
    key, folder = tmp_path / "s.key", tmp_path / "receipts"
    verifier = Verifier.load(key_of(eventlog, key))
    erasing = ("erase", "--owner", "ada", "--reason", "gdpr", "--by", "dpo", "--yes")
    assert eventlog("hold", "place", "order-1041", "case").exit_code == 0
    held = eventlog(*erasing)
    assert (held.exit_code, "held" in held.output) == (3, True)
    assert eventlog("hold", "lift", "order-1041", "case").exit_code == 0
    done = eventlog(*erasing, "--receipts", str(folder), "--key-file", str(key))
    assert done.exit_code == 0, done.output
    (file,) = folder.iterdir()
    receipt = read_receipt(file.read_text("utf-8"), verifier)
    assert (receipt.session_id, receipt.streams[0].by) == ("order-1041", "dpo")


@pytest.mark.parametrize(
    "arguments",
    [
        ("erase", "--reason", "x", "--yes"),
        ("erase", "order-1041", "--owner", "ada", "--reason", "x", "--yes"),
        ("erase", "order-1041", "--branch", "b", "--reason", "x", "--yes"),
        ("erase", "order-1041", "--reason", "x", "--yes", "--receipts", "r"),
        ("erase", "order-1041", "--yes"),
        ("prune", "--older-than", "soon", "--dry-run"),
        ("prune", "--older-than", "7", "--dry-run"),
        ("prune", "--older-than", "99999999999999y", "--dry-run"),
        ("prune", "--older-than", "0d", "--archive", "a", "--yes"),
    ],
)
def test_what_is_not_clear_destroys_nothing(
    db: str, eventlog: Eventlog, arguments: tuple[str, ...]
) -> None:
    """It is a misuse."""
    before = eventlog("export", "order-1041").output
    result = eventlog(*arguments)
    assert (result.exit_code, "Traceback" in result.output) == (2, False), result.output
    assert eventlog("export", "order-1041").output == before != ""
