"""What `verify` tells of contents and snapshots, and what others tell of content that is gone."""

import json
from pathlib import Path
from typing import Any

from eventlog import ItemsAdded, Signer
from eventlog_projections.items.segments import SCHEMA
from tests.adapters.cli.conftest import Eventlog
from tests.backends import Backend


async def test_content_that_is_gone_is_not_said_to_be_erased(
    filled: Backend, eventlog: Eventlog
) -> None:
    """Nobody erased it: whoever shows it says so, and verify names it."""
    await filled.tamper(
        "UPDATE {}events SET salt = NULL, context = NULL, body = NULL WHERE version = 1"
        " AND stream_id = (SELECT stream_id FROM {}streams WHERE name = 'order-1041')"
    )
    for command in (("show", "order-1041"), ("log", "order-1041"), ("tail",), ("--json", "tail")):
        result = eventlog(*command)
        assert result.exit_code != 0
        said = " ".join(result.output.split())
        assert "its content is gone, and no event says that it was erased" in said, said
        assert "was erased. The log shows by whom" not in said
        assert "its content was erased" not in said
    result = eventlog("verify")
    assert result.exit_code == 1
    assert "order-1041, version 1: missing" in " ".join(result.output.replace("'", "").split())


async def test_what_was_erased_is_counted(filled: Backend, eventlog: Eventlog) -> None:
    """In the verdict, in JSON, and nowhere where nothing was."""
    assert "erased" not in eventlog("verify").output
    assert "erased" not in json.loads(eventlog("--json", "verify").output)
    asked = ("erase", "order-1041", "--by", "office", "--reason", "code", "--yes")
    assert eventlog(*asked).exit_code == 0
    told: dict[str, Any] = json.loads(eventlog("--json", "verify").output)
    assert told["erased"] > 0
    counted = f"{told['events']} events, {told['erased']} of them erased; the others are as they"
    assert counted in " ".join(eventlog("verify").output.split())


async def test_contents_are_opened_and_snapshots_compared_when_asked(
    filled: Backend, eventlog: Eventlog
) -> None:
    """Each with an option; a conversation, or all."""
    for name in ((), ("order-1041",)):
        assert eventlog("verify", *name, "--open", "--snapshots").exit_code == 0
    await filled.execute(
        "INSERT INTO {}snapshots (stream_id, schema, version, hash, pieces)"
        f" SELECT stream_id, {SCHEMA}, version"
        ", head_hash, '{\"pieces\": []}' FROM {}streams"
        " WHERE name = 'order-1041' AND branch = ''"
    )
    assert eventlog("verify", "--open").exit_code == 0
    result = eventlog("verify", "--snapshots")
    assert (result.exit_code, "a snapshot is stored" in result.output) == (1, True)
    assert eventlog("verify", "--snapshots", "--all-tenants").exit_code == 2
    assert eventlog("rebuild", "snapshots").exit_code == 0
    assert eventlog("verify", "--snapshots").exit_code == 0


async def test_a_nightly_check_costs_what_is_new(
    filled: Backend, eventlog: Eventlog, tmp_path: Path
) -> None:
    """From a head that is kept, which the next one replaces; and never from a changed log."""
    key, kept = str(tmp_path / "signing.key"), str(tmp_path / "head.txt")
    made = eventlog("--json", "keys", "signing", "example.com/log", "--to", key)
    since = ("--since-head", kept, "--key", json.loads(made.output)["verifier"])
    sign = ("head", "--key-file", key, "--to", kept)
    assert eventlog(*sign).exit_code == 0
    before = Path(kept).read_text("utf-8")
    async with filled.open(create=False) as log:
        await log.append("order-1041", ItemsAdded(["more"]))
    result = eventlog("verify", *since)
    assert (result.exit_code, "1 event since position" in result.output) == (0, True)
    told = json.loads(eventlog("--json", "verify", *since).output)
    assert (told["events"], told["since"]) == (1, int(before.split("\n")[1]))
    assert eventlog(*sign, "--since-head", kept).exit_code == 0
    assert Path(kept).read_text("utf-8") != before
    assert "0 events since position" in eventlog("verify", *since).output
    await filled.tamper(
        "UPDATE {}streams SET head_at = head_at + 1 WHERE name = 'order-1041' AND branch = ''"
    )
    Path(kept).write_text(before, "utf-8")
    assert eventlog("verify", *since).exit_code == 1
    assert eventlog(*sign, "--since-head", kept).exit_code == 1
    assert Path(kept).read_text("utf-8") == before


def test_a_check_since_a_head_takes_its_key_and_no_other_head(
    filled: Backend, eventlog: Eventlog, tmp_path: Path
) -> None:
    """A head of another key, beside another head, or of nobody, is exit code 2 and says why."""
    assert filled.name
    key, kept = str(tmp_path / "signing.key"), str(tmp_path / "head.txt")
    made = eventlog("--json", "keys", "signing", "example.com/log", "--to", key)
    mine = ("--key", json.loads(made.output)["verifier"])
    assert eventlog("head", "--key-file", key, "--to", kept).exit_code == 0
    other = ("--key", str(Signer("example.com/log", bytes(32)).verifier))
    since = ("verify", "--since-head", kept)
    assert eventlog(*since, *mine).exit_code == 0
    for asked in (since, (*since, *other), (*since, *mine, "--against", kept)):
        assert eventlog(*asked).exit_code == 2
    assert eventlog(*since, *mine, "order-1041").exit_code == 2
    assert eventlog("head", "--since-head", kept).exit_code == 2
