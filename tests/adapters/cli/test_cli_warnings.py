"""What `verify` warns of: apart from what was changed, and of heads that another key signed."""

import builtins
import json
from pathlib import Path
from typing import Any

import pytest

from eventlog import ItemsAdded, Signer, Verifier
from eventlog_cli import main
from tests.adapters.cli.conftest import Eventlog
from tests.backends import Backend


async def test_a_warning_is_no_fault_unless_it_is_to_be_one(
    filled: Backend, eventlog: Eventlog
) -> None:
    """Protection that is gone: 0, and 1 with --strict; `migrate` makes it anew."""
    assert eventlog("verify", "--strict").exit_code == 0
    await filled.drop_triggers()
    result = eventlog("verify")
    assert (result.exit_code, "VERIFIED" in result.output) == (0, True)
    assert "WARNING" in result.output
    assert "protection is missing: trigger events_" in " ".join(result.output.split())
    assert eventlog("verify", "--strict").exit_code == 1
    told = json.loads(eventlog("--json", "verify").output)
    assert (told["ok"], told["faults"], told["warnings"][0]["what"]) == (True, [], "protection")
    await filled.execute("UPDATE {}events SET kind = 'cleared' WHERE kind = 'popped'")
    result = eventlog("verify")
    assert result.exit_code == 1
    assert "TAMPERED" in result.output
    assert "WARNING" in result.output
    options = ("--schema", filled.options.get("schema", "eventlog"))
    assert eventlog("migrate", *options).exit_code == 0
    assert "WARNING" not in eventlog("verify").output


async def test_a_log_that_got_a_new_key_is_sound(
    filled: Backend, eventlog: Eventlog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the new key alone, with a warning; by both without one. The old one names the new one."""
    monkeypatch.chdir(tmp_path)
    old = eventlog("keys", "signing", "example.com/log", "--to", "old.key").output.strip()
    assert eventlog("head", "--key-file", "old.key", "--to", "old.head").exit_code == 0
    assert eventlog("label", "order-1041", "--title", "more").exit_code == 0
    asked = ("keys", "signing", "example.com/log", "--to", "new.key", "--retire", "old.key")
    new, empty, *lines = eventlog(*asked).output.split("\n")
    note = "\n".join(lines)
    assert (empty, str(Verifier.load(old).successor(note))) == ("", new)
    assert eventlog("head", "--key-file", "new.key", "--to", "new.head").exit_code == 0
    against = ("verify", "--against", "new.head")
    result = eventlog(*against, "--key", new)
    assert (result.exit_code, "VERIFIED" in result.output) == (0, True)
    assert "signed by another key" in " ".join(result.output.split())
    assert eventlog(*against, "--key", new, "--strict").exit_code == 1
    result = eventlog(*against, "--key", old, "--key", new, "--strict")
    assert (result.exit_code, "WARNING" in result.output) == (0, False)
    assert eventlog("verify", "--against", "old.head", "--key", old, "--key", new).exit_code == 0
    told = json.loads(eventlog("--json", "head").output)
    assert told["signed_by"] == ["+".join(new.split("+")[:2])]
    for other in (("keys", "signing", "another/log"), ("keys", "signing", "example.com/log")):
        result = eventlog(*other, "--to", "third.key", "--retire", "old.head")
        assert result.exit_code == 2
    result = eventlog("keys", "signing", "b", "--to", "third.key", "--retire", "old.key")
    assert (result.exit_code, "keeps its origin" in result.output) == (2, True)
    assert not Path("third.key").exists()


async def test_the_head_of_another_log_is_refused(
    filled: Backend, eventlog: Eventlog, tmp_path: Path
) -> None:
    """Signed by a key that is trusted; and a size of thousands of digits."""
    signer = Signer("example.com/log", bytes(range(32)))
    head = tmp_path / "head"
    for text in ("evil.example\n8\n{}\n", f"example.com/log\n{'9' * 5000}\n{{}}\n"):
        head.write_text(signer.sign_text(text.format("A" * 43 + "=")), "utf-8")
        result = eventlog("verify", "--against", str(head), "--key", str(signer.verifier))
        assert (result.exit_code, result.output.count("\n")) == (2, 1), result.output
    await filled.execute(
        "INSERT INTO {}tree_heads (size, root, note, signed_at) VALUES (8, ?, ?, 0)",
        bytes(32),
        head.read_text("utf-8"),
    )
    for command in (("verify",), ("evidence", "latest")):
        result = eventlog(*command)
        assert result.exit_code in (1, 2), result.output
        assert "head" in result.output
    assert eventlog("verify").exit_code == 1


async def test_all_tenants_are_verified_at_once(filled: Backend, eventlog: Eventlog) -> None:
    """A fault of another tenant's is told with whose it is."""
    async with filled.open(tenant="other") as log:
        await log.append("theirs", ItemsAdded(["x"]))
    assert eventlog("verify", "--all-tenants").exit_code == 0
    await filled.tamper("UPDATE {}events SET codec = 9 WHERE event_id IS NULL AND kind = 'added'")
    result = eventlog("verify", "--all-tenants")
    assert result.exit_code == 1
    assert "tenant 'other', conversation 'theirs', version 1" in " ".join(result.output.split())
    assert eventlog("verify", "order-1041", "--all-tenants").exit_code == 2


def test_a_package_that_is_missing_is_no_finding(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing could be checked without it: 2."""
    imported = builtins.__import__

    def without(name: str, *args: Any) -> Any:
        if name.startswith("eventlog_cli.app"):
            raise ModuleNotFoundError("No module named 'cryptography'", name="cryptography")
        return imported(name, *args)

    monkeypatch.setattr("sys.argv", ["eventlog", "verify"])
    monkeypatch.setattr(builtins, "__import__", without)
    assert main.main() == 2
    assert "conversation-eventlog[crypto]" in capsys.readouterr().err
