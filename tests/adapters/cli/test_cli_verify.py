"""`eventlog verify`, as a cron job runs it: 0 sound, 1 broken, 2 could not be checked."""

import json
from pathlib import Path
from typing import Final

import pytest

from eventlog import Signer
from tests.adapters.cli.conftest import Eventlog
from tests.backends import Backend

SIGNER: Final = Signer("example.com/log", bytes(range(32)))
KEY: Final = str(SIGNER.verifier)


async def test_a_changed_event_is_named(filled: Backend, eventlog: Eventlog) -> None:
    """For people and for programs; a conversation that is sound is called so."""
    assert eventlog("verify").exit_code == 0
    await filled.tamper("UPDATE {}events SET kind = 'cleared' WHERE kind = 'popped'")
    result = eventlog("verify")
    assert result.exit_code == 1
    assert "TAMPERED  conversation 'order-1042', version 6" in " ".join(result.output.split(" "))
    found = eventlog("--json", "verify", "latest")
    assert found.exit_code == 1
    assert json.loads(found.output)["faults"][0]["version"] == 6
    assert eventlog("verify", "order-1041").exit_code == 0


async def test_a_log_that_was_cut_off_is_shorter_than_its_head(
    filled: Backend, eventlog: Eventlog, tmp_path: Path
) -> None:
    """Which is only seen with a head that was kept, from whom it should be."""
    path = tmp_path / "head.txt"
    async with filled.open() as log:
        path.write_text((await log.tree.head(SIGNER)).note, "utf-8")
    assert eventlog("verify", "--against", str(path), "--key", KEY).exit_code == 0
    path.write_text(SIGNER.sign(9, bytes(32)), "utf-8")
    result = eventlog("verify", "--against", str(path), "--key", KEY)
    assert (result.exit_code, "position 9 of the feed" in result.output) == (1, True)
    other = str(Signer.generate("example.com/log").verifier)
    result = eventlog("verify", "--against", str(path), "--key", other)
    assert (result.exit_code, "not signed by" in result.output) == (2, True)


async def test_a_log_of_a_later_format_could_not_be_checked(
    filled: Backend, eventlog: Eventlog
) -> None:
    """It is not called broken."""
    await filled.tamper("UPDATE {}events SET format = 2 WHERE version = 2")
    result = eventlog("verify")
    assert (result.exit_code, result.output.count("UNKNOWN"), "TAMPERED" in result.output) == (
        2,
        2,
        False,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("--key", KEY),
        ("--against", "head.txt"),
        ("--against", "nothing.txt", "--key", KEY),
        ("--against", "head.txt", "--key", "x"),
        ("--against", "head.txt", "--key", KEY),
        ("--db", "nothing.db"),
        ("--db", "postgresql://ana:s3cret@127.0.0.1:1/db"),
        ("nobody",),
    ],
)
def test_what_cannot_be_checked_ends_with_2(
    db: str, eventlog: Eventlog, arguments: tuple[str, ...]
) -> None:
    """Nothing is known then: not that it is sound, not that it is broken."""
    Path("head.txt").write_bytes(b"\xff")
    result = eventlog("verify", *arguments)
    assert (result.exit_code, result.output.count("\n")) == (2, 1), result.output
    assert "s3cret" not in result.output
