"""Whatever bytes a path has: one function tells SQLite which file is meant."""

import os
import sqlite3
from pathlib import Path

import pytest

from eventlog import EventLog, ItemsAdded
from eventlog.errors import InvalidAddressError
from eventlog.files import sqlite_uri
from eventlog.operations import backup, migrate, recover
from eventlog_importing import SQLiteSource, import_sessions
from tests.processes import output_of

NAMES = [
    b"\xff\xfe.db",
    b"latin-\xe9.db",
    "ünï-𝄞.db".encode(),
    b"a?b=c&mode=ro.db",
    b"a#b.db",
    b"a%20b%.db",
    b"a b\n\t.db",
    b"file:log.db",
    b"dots...",
    b"..log",
    b"-wal",
    b"quote'\"`.db",
    b"back\\slash.db",
    b"semi;colon:.db",
    b"%00.db",
    b":memory:.db",
    b"x" * 200,
]


@pytest.mark.parametrize("name", NAMES, ids=repr)
async def test_a_log_of_any_name_does_all_that_a_log_does(tmp_path: Path, name: bytes) -> None:
    """Append, read beside a write-ahead log, back up, recover, verify, migrate; nothing else."""
    path = os.fsdecode(os.path.join(os.fsencode(tmp_path), name))
    copy = os.fsdecode(os.path.join(os.fsencode(tmp_path), b"copy-" + name))
    async with EventLog(path) as log:
        await log.append("chat", ItemsAdded(["a"]))
        await log.append("chat", ItemsAdded(["b"]))
        assert repr(log).isprintable()
        assert await log.version("chat") == 2
        async with EventLog(path, tenant="t") as other:
            assert await other.version("chat") == 0
        await backup(path, copy)
        assert (await log.verify()).ok
    await migrate(path)
    async with EventLog(path, create=False) as log:
        assert [event.event for event in await log.read("chat").all()] != []
    assert await recover(copy, path, keep=False) is None
    async with EventLog(Path(path), create=False) as log:
        assert await log.version("chat") == 2
    assert sorted(os.listdir(os.fsencode(tmp_path))) == sorted([name, b"copy-" + name])


@pytest.mark.parametrize("name", [b"\xff.db", b"a?b#c%.db"], ids=repr)
async def test_the_commands_take_any_path(tmp_path: Path, name: bytes) -> None:
    """Also where the name cannot be printed."""
    path = os.fsdecode(os.path.join(os.fsencode(tmp_path), name))
    async with EventLog(path) as log:
        await log.append("chat", ItemsAdded(["a"]))
    for command in (["verify"], ["log", "chat"], ["stats"], ["backup", f"{path}.copy"]):
        for form in ([], ["--json"]):
            status, output = await output_of("-m", "eventlog_cli", "--db", path, *command, *form)
            if command[0] != "backup" or not form:
                assert status == 0, output
            assert "Traceback" not in output


async def test_a_url_escapes_what_a_path_may_have(tmp_path: Path) -> None:
    """Percent signs stand for bytes, whether they are UTF-8 or not."""
    path = os.fsencode(tmp_path) + b"/a\xff?b.db"
    async with EventLog(f"sqlite:///{tmp_path}/a%FF%3Fb.db") as log:
        await log.append("chat", ItemsAdded(["a"]))
    assert os.path.exists(path)
    async with EventLog(path, create=False) as log:  # type: ignore[arg-type]
        assert await log.version("chat") == 1


@pytest.mark.parametrize("url", ["a\ud800.db", "sqlite://log.db", "sqlite://host/log.db", 7, None])
def test_what_names_no_file_is_refused_at_once(url: str) -> None:
    """By the constructor: a host was taken for a log in memory."""
    with pytest.raises(InvalidAddressError):
        EventLog(url)


async def test_an_import_reads_a_file_of_any_name(tmp_path: Path) -> None:
    """The SDK's sessions are opened by the same function."""
    path = os.fsdecode(os.fsencode(tmp_path) + b"/th\xffeirs?#%.db")
    db = sqlite3.connect(path)
    db.executescript(
        "CREATE TABLE agent_sessions (session_id TEXT PRIMARY KEY, created_at TIMESTAMP,"
        " updated_at TIMESTAMP);"
        "CREATE TABLE agent_messages (id INTEGER PRIMARY KEY, session_id TEXT"
        " REFERENCES agent_sessions (session_id), message_data TEXT,"
        " created_at TIMESTAMP);"
        "INSERT INTO agent_sessions VALUES ('chat', '2026-01-01 00:00:00', '2026-01-01 00:00:00');"
        "INSERT INTO agent_messages VALUES (1, 'chat', '{\"a\": 1}', '2026-01-01 00:00:00');"
    )
    db.close()
    async with EventLog(":memory:") as log:
        report = await import_sessions(log, SQLiteSource(path))
        assert report.items == 1


def test_a_uri_is_absolute_and_escaped() -> None:
    """A path that begins with two slashes has no host either."""
    assert sqlite_uri("/a b?#%/ü", "ro") == "file:///a%20b%3F%23%25/%C3%BC?mode=ro"
    assert sqlite_uri("//a", "rw", "immutable=1") == "file:////a?mode=rw&immutable=1"
    assert sqlite_uri("a", "ro") == f"file://{os.getcwd()}/a?mode=ro"
