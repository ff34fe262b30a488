"""One event that was changed hides no other: all that is intact is shown; the exit code tells."""

import contextlib
import json
import sqlite3
from pathlib import Path

import pytest

from eventlog import EventLog, ItemsAdded
from eventlog_projections import Conversation
from tests.adapters.cli.conftest import Eventlog
from tests.adapters.cli.shop import user

BODY = "UPDATE events SET body = x'7b' WHERE version = 150 AND stream_id = ?"
HEADER = "UPDATE events SET header = x'7b' WHERE version = 150 AND stream_id = ?"
GONE = "DELETE FROM events WHERE version = 150 AND stream_id = ?"


async def damage(db: str, statement: str) -> None:
    """Make a conversation of 250 events, with a fork, and damage number 150 of it."""
    async with EventLog(db, create=False) as log:
        for begin in range(0, 250, 50):
            events = [ItemsAdded([user(f"said {n}")]) for n in range(begin + 1, begin + 51)]
            await log.append("long", events)
        await Conversation(log, "long").fork("forked", at=200)
        identity = log.spi.stream_id("long")
    with contextlib.closing(sqlite3.connect(db)) as own:
        own.execute("PRAGMA ignore_check_constraints = ON")
        for (name,) in own.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            own.execute(f"DROP TRIGGER {name}")
        own.execute(statement, (identity,))
        own.commit()


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        (BODY, "its content does not decode"),
        (HEADER, "its header does not decode"),
        (GONE, "it is missing from the log"),
    ],
    ids=["body", "header", "gone"],
)
async def test_log_shows_all_that_is_intact(
    db: str, eventlog: Eventlog, statement: str, why: str
) -> None:
    """249 events and a line that says what is wrong with the one; exit code 1."""
    await damage(db, statement)
    result = eventlog("log", "long")
    assert (result.exit_code, "Traceback" in result.output) == (1, False), result.output
    for number in (1, 149, 151, 250):
        assert f"user: said {number}\n" in result.output, number
    assert result.output.count("said ") == 249
    told = [json.loads(line) for line in eventlog("log", "long", "--json").stdout.splitlines()]
    assert [each["version"] for each in told] == list(range(1, 251))
    (bad,) = [each for each in told if each["error"]]
    assert (bad["version"], why in bad["error"], bad["items"]) == (150, True, [])


async def test_show_and_tail_show_all_that_is_intact(db: str, eventlog: Eventlog) -> None:
    """Of the list too, also of a fork of it and as it was, with a line in the place."""
    await damage(db, BODY)
    for arguments, count in (
        (("show", "long", "--all"), 249),
        (("show", "long", "--all", "--as-of", "160"), 159),
        (("show", "forked", "--all"), 199),
        (("tail", "-n", "300"), 249),
    ):
        result = eventlog(*arguments)
        assert result.exit_code == 1, result.output
        assert result.output.count("said ") == count, arguments
        assert result.output.count("Version 150 of conversation 'long'") == 1
    told = json.loads(eventlog("show", "long", "--all", "--json").stdout)
    assert (len(told["items"]), told["total"], told["unreadable"][0]["items"]) == (249, 250, 1)
    assert eventlog("show", "long", "--limit", "50").exit_code == 0


@pytest.mark.parametrize("statement", [BODY, HEADER, GONE], ids=["body", "header", "gone"])
async def test_diff_and_export_give_all_that_is_intact(
    db: str, eventlog: Eventlog, statement: str
) -> None:
    """Each other item once, and one line that names the version; exit code 1."""
    await damage(db, statement)
    await answer(db)
    for arguments in (("diff", "long", "0"), ("export", "long"), ("export", "long", *OTEL)):
        result = eventlog(*arguments)
        assert (result.exit_code, "Traceback" in result.output) == (1, False), result.output
        assert result.stdout.count("said ") == 249, arguments
        assert result.output.count("of conversation 'long'") == 1
        assert "Version 150" in result.output
    told = json.loads(eventlog("diff", "long", "140", "--json").stdout)
    assert (told["common"], len(told["unreadable"])) == (140, 1)
    assert eventlog("diff", "long", "10", "100").exit_code == 0
    assert eventlog("export", "long", "--as-of", "149").exit_code == 0


OTEL = ("--format", "otel")


async def answer(db: str) -> None:
    """Have a model answer what was said: until then there is no call to export."""
    async with EventLog(db, create=False) as log:
        await log.append("long", ItemsAdded([{"role": "assistant", "content": "answered"}]))


@pytest.mark.parametrize("options", [(), OTEL], ids=["items", "otel"])
async def test_a_file_that_lacks_something_says_so_in_its_name(
    db: str, eventlog: Eventlog, tmp_path: Path, options: tuple[str, ...]
) -> None:
    """What is intact of it is there; the others are as ever; the command says what is not."""
    await damage(db, BODY)
    await answer(db)
    async with EventLog(db, create=False) as log:
        await log.append("fine", ItemsAdded([user("all well")]))
        for name in ("long", "fine"):
            await Conversation(log, name).label(owner="ana")
    for _ in range(2):
        result = eventlog("export", "--owner", "ana", "--to", str(tmp_path / "out"), *options)
        assert result.exit_code == 3, result.output
        assert "long was not exported: only what is intact" in " ".join(result.output.split())
        assert "Version 150" in result.output
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    kind = ".otel" if options else ""
    assert names == [f"fine.v2{kind}.jsonl", f"long.v252{kind}.incomplete.jsonl"]
    assert (tmp_path / "out" / names[1]).read_text().count("said ") == 249
