"""What a user can cause is a line and an exit code, never a traceback, and changes nothing."""

import contextlib
import sqlite3
from pathlib import Path

import pytest

from tests.adapters.cli.conftest import Eventlog
from tests.backends import Backend


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("show", "nobody"), 2, "There is no conversation 'nobody'"),
        (("show", ""), 2, "is the beginning of several names"),
        (("show", "latest", "--as-of", "soon"), 2, "is no version and no time"),
        (("show", "latest", "--as-of", "99"), 2, "has no version 99"),
        (("show", "latest", "--as-of", "-1"), 2, "has no version -1"),
        (("show", "latest", "--as-of=--5"), 2, "is no version and no time"),
        (("show", "latest", "--as-of", "5" * 5000), 2, "is no version and no time"),
        (("show", "latest", "--as-of", str(2**63)), 2, "as_of is a number from 0"),
        (("show", "latest", "--as-of", "9" * 18), 2, "has no version"),
        (("show", "latest", "--as-of", "\udcff"), 2, "is no version and no time"),
        (("show", "latest", "--limit", "5" * 5000), 2, "--limit"),
        (("show", "latest", "--limit", str(2**63)), 2, "limit is a number"),
        (("show", "\udcff"), 2, "lone surrogate"),
        (("show", "latest", "--branch", "a\0b"), 2, "NUL"),
        (("sessions", "--owner", "\udcff"), 2, "lone surrogate"),
        (("search", "a\0b"), 2, "NUL"),
        (("search", "\udcff"), 2, "lone surrogate"),
        (("search", "w " * 200), 2, "at most 64"),
        (("undo", "latest", "--turns", str(2**63)), 2, "turns is a number"),
        (("prune", "--older-than", "5" * 5000 + "d", "--dry-run"), 2, "is no version and no time"),
        (("prune", "--older-than=--5", "--dry-run"), 2, "is no version and no time"),
        (
            ("erase", "latest", "--event", str(2**63), "--reason", "r", "--yes"),
            2,
            "is a number from 0",
        ),
        (("show", "latest", "--limit", "0"), 2, "--limit"),
        (("restore", "latest", "99"), 2, "has no version 99"),
        (("undo", "latest", "--turns", "9"), 2, "cannot be undone"),
        (("redo", "latest"), 2, "Nothing can be redone"),
        (("fork", "latest", "order-1041"), 1, "has already been used"),
        (("fork", "latest", "a\0b"), 2, "NUL"),
        (("label", "latest"), 2, "Give a title"),
        (("export",), 2, "Export either"),
        (("export", "--owner", "ada"), 2, "Export either"),
        (("export", "--owner", "ada", "--to", "/dev/null/x"), 1, "/dev/null"),
        (("rebuild", "nothing"), 2, "conversations, turns"),
        (("sesions",), 2, "Did you mean sessions?"),
        (("show",), 2, "Missing argument"),
        (("search", "x", "--in", "nobody"), 2, "no conversation 'nobody'"),
        (("sessions", "--db", "nothing.db"), 1, "does not exist"),
        (("sessions", "--db", "no/folder/x.db"), 1, "does not exist"),
        (("sessions", "--db", "."), 1, "is a folder"),
        (("sessions", "--db", "redis://localhost"), 2, "names a cache"),
        (("sessions", "--db", "postgresql://nobody@127.0.0.1:1/x"), 1, "Is the server running"),
        (("backup", "no/folder/copy.db"), 1, "does not exist"),
        (("backup", "copy.db", "--db", "nothing.db"), 1, "does not exist"),
        (("tail", "--tenant", ""), 2, "tenant is empty"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    db: str, eventlog: Eventlog, arguments: tuple[str, ...], code: int, says: str
) -> None:
    """With what to do, and without a file or a folder that was not there."""
    before = sorted(path.name for path in Path().iterdir() if "-" not in path.suffix)
    result = eventlog(*arguments)
    assert (result.exit_code, "Traceback" in result.output) == (code, False), result.output
    assert says in result.output
    assert sorted(path.name for path in Path().iterdir() if "-" not in path.suffix) == before


@pytest.mark.parametrize(
    "key",
    [
        "PRIVATE+KEY+example.com/log+1a2b3c4d+AXNlY3JldHNlY3JldHNlY3JldHNlY3JldHNlY3JldA==",
        "kek-1:3mfgrgH9By/mPdzSRICRVueU5BE14lAZGQlTEDvFy0Y=",
        "kek-2:c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U= kek-1:c2VjcmV0c2VjcmV0c2VjcmV0c2U=",
    ],
)
def test_a_key_that_is_given_for_its_file_is_not_printed(
    db: str, eventlog: Eventlog, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """Nor what the configuration says, wherever a file with a key is named."""
    commands: tuple[tuple[str, ...], ...] = (
        ("--keyring", key, "sessions"),
        ("--keyring", key, "config"),
        ("head", "--key-file", key),
        ("erase", "order-1041", "--reason", "x", "--yes", "--key-file", key),
        ("receipt", "order-1041", "--key-file", key),
        ("verify", "--against", key, "--key", "x"),
    )
    for command in commands:
        assert key not in eventlog(*command).output, command
        assert key[-30:] not in eventlog(*command).output, command
    monkeypatch.setenv("EVENTLOG_KEYRING", key)
    refused = eventlog("sessions")
    assert refused.exit_code == 2
    assert refused.output.startswith("eventlog: what was given, a key and no name of a file, can")


def test_what_is_refused_before_a_log_is_opened_is_a_line(db: str, eventlog: Eventlog) -> None:
    """As everything that cannot be done as it was typed."""
    for verb in ("undo", "redo", "clear"):
        refused = eventlog(verb, "order-1042", "--dry-run", "--reason", "x")
        told = "eventlog: --dry-run records nothing, so --reason says nothing.\n"
        assert (refused.exit_code, refused.output) == (2, told)


def test_without_a_log_it_says_how_to_name_one(eventlog: Eventlog) -> None:
    """And that is a misuse."""
    result = eventlog("sessions")
    assert result.exit_code == 2
    assert "EVENTLOG_DB" in result.output


def test_a_foreign_file_is_left_as_it_is(tmp_path: Path, eventlog: Eventlog) -> None:
    """A database of somebody else, and no database at all."""
    text, other = tmp_path / "notes.txt", tmp_path / "other.db"
    text.write_text("no database, but a text that is long enough to be taken for one" * 20)
    db = sqlite3.connect(other)
    db.execute("CREATE TABLE events (mine)")
    db.close()
    for path in (text, other):
        before = path.read_bytes()
        for command in ("sessions", "migrate", "verify"):
            result = eventlog(command, "--db", str(path))
            assert result.exit_code == (2 if command == "verify" else 1), result.output
            assert "left untouched" in result.output
        assert path.read_bytes() == before


async def test_an_older_log_says_how_to_migrate_it(filled: Backend, eventlog: Eventlog) -> None:
    """Checking tells by its exit code; reading fails."""
    await filled.execute("UPDATE {}eventlog_version SET version_num = '0001'")
    result = eventlog("sessions")
    assert result.exit_code == 1
    assert "`eventlog migrate`" in result.output
    assert eventlog("migrate", "--check").exit_code == 3


async def test_reading_an_empty_database_creates_nothing(
    blank: Backend, eventlog: Eventlog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither tables nor a schema; only `migrate` does."""
    place = ("--db", blank.url, "--schema", blank.options.get("schema", "eventlog"))
    for command in ("sessions", "stats", "tail"):
        assert eventlog(*place, command).exit_code == 1
    assert eventlog(*place, "migrate", "--check").exit_code == 1
    assert eventlog(*place, "migrate").exit_code == 0
    assert eventlog(*place, "sessions").exit_code == 0


def test_a_log_is_made_beside_other_tables_only_if_that_is_asked_for(
    tmp_path: Path, eventlog: Eventlog
) -> None:
    """They stay as they are."""
    path = tmp_path / "app.db"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executescript("CREATE TABLE mine (text); INSERT INTO mine VALUES ('kept')")
    place = ("--db", str(path))
    assert eventlog(*place, "migrate").exit_code == 1
    assert eventlog(*place, "migrate", "--beside").exit_code == 0
    assert eventlog(*place, "sessions").exit_code == 0
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT text FROM mine").fetchall() == [("kept",)]


async def test_a_new_log_is_split_as_it_is_asked_for(blank: Backend, eventlog: Eventlog) -> None:
    """On PostgreSQL; a file, and a log that is there, cannot be, and say so."""
    place = ("--db", blank.url, "--schema", blank.options.get("schema", "eventlog"))
    split = eventlog(*place, "migrate", "--partitions", "3")
    if blank.name == "sqlite":
        assert split.exit_code == 2
        assert "cannot be spread" in split.output
        return
    assert split.exit_code == 0
    names = await blank.execute(
        "SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace"
        f" WHERE nspname = '{place[3]}' AND relispartition AND relkind = 'r'"
    )
    assert {name for (name,) in names} >= {"events_0", "events_1", "events_2"}
    again = eventlog(*place, "migrate", "--partitions", "4")
    assert again.exit_code == 2
    assert "Only a new log" in again.output
