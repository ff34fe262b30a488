"""A log that nobody can write is verified and read by every command; what it cannot do, it says."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from eventlog import EventLog, ItemsAdded, Signer
from eventlog.addresses.log import SqliteAddress
from eventlog.errors import ReadOnlyError
from eventlog.store.sqlite.file import frozen, is_read_only

READING: Final[dict[str, str]] = {
    "verify": "VERIFIED",
    "verify --strict": "VERIFIED",
    "verify chat": "VERIFIED",
    "verify --all-tenants": "VERIFIED",
    "sessions": "chat",
    "show chat": "said last",
    "log chat": "said last",
    "diff chat 1 2": "hi 1",
    "turns chat": "said last",
    "usage": "Nothing was counted",
    "tools": "No tool was called",
    "search said": "said last",
    "stats": "is at position 4",
    "head": "example.com/log",
    "evidence chat": "conversation-eventlog evidence 1",
    "export chat": "said last",
    "views": "view",
}
"""A command, and a word of what it tells."""

REFUSED: Final = (
    "label chat --title x",
    "undo chat",
    "erase chat --reason x --yes",
    "rebuild",
    "migrate",
)

CHILD: Final = """
import json, os, sys
from click.testing import CliRunner
from eventlog_cli.app import app

commands, copy = json.loads(sys.argv[1]), sys.argv[2]
for command in commands:
    # Whoever may not read Python's own files needs all of them in memory.
    CliRunner().invoke(app, command.split(), env={"EVENTLOG_DB": copy})
if os.geteuid() == 0:
    os.setuid(65534)  # Root may write what is read-only.
os.chdir("/")
told = []
for command in commands:
    done = CliRunner().invoke(app, command.split())
    told.append([done.exit_code, done.output or repr(done.exc_info)])
print(json.dumps(told))
"""

LEFT: Final = """
import asyncio, os, signal, sys
from eventlog import EventLog, ItemsAdded

async def main(path):
    log = EventLog(path)
    await log.append("chat", ItemsAdded([{"role": "user", "content": "said last"}]))
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main(sys.argv[1]))
"""


async def fill(path: Path, *, beside: tuple[str, ...], kept: bool) -> None:
    """Make a log of four events; with files `beside` it, the last one is in its write-ahead log."""
    async with EventLog(path) as log:
        for number in range(3):
            await log.append("chat", ItemsAdded([{"role": "user", "content": f"hi {number}"}]))
        await log.tree.head(Signer("example.com/log", bytes(range(32))))
        if kept:
            await log.append("chat", ItemsAdded([{"role": "user", "content": "said last"}]))
    if kept:
        return
    killed = subprocess.run([sys.executable, "-c", LEFT, str(path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    for ending in ("-wal", "-shm"):
        if ending not in beside:
            os.unlink(f"{path}{ending}")


def freeze(path: Path) -> None:
    for each in path.parent.iterdir():
        each.chmod(0o444)
    path.parent.chmod(0o555)


def run(path: Path, *commands: str) -> list[tuple[int, str]]:
    env = {**os.environ, "EVENTLOG_DB": str(path), "TMPDIR": "/tmp", "COLUMNS": "200"}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    copy = shutil.copytree(path.parent, path.parent.parent / f"copy-{len(commands)}")
    for each in (copy, *copy.iterdir()):
        each.chmod(0o755)
    script = [sys.executable, "-c", CHILD, json.dumps(commands), str(copy / path.name)]
    done = subprocess.run(script, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout.splitlines()[-1])
    return [(code, output) for code, output in found]


@pytest.fixture
def folder(public_folder: Path) -> Path:
    return public_folder


@pytest.mark.parametrize("beside", ["nothing", "-wal", "-wal -shm", "stale -shm"])
async def test_every_reading_command_reads_it(folder: Path, beside: str) -> None:
    """With what a killed writer left beside it, too: what it was told is there is read."""
    path = folder / "log.db"
    await fill(path, beside=tuple(beside.split()), kept="-wal" not in beside)
    if beside == "stale -shm":
        Path(f"{path}-shm").write_bytes(bytes(32768))
    freeze(path)
    before = {each.name: each.read_bytes() for each in folder.iterdir()}
    for (command, word), (code, output) in zip(READING.items(), run(path, *READING), strict=True):
        assert code == 0, (command, output)
        assert word in output, (command, output)
    for command, (code, output) in zip(REFUSED, run(path, *REFUSED), strict=True):
        if command == "migrate":
            continue  # There is nothing to do.
        assert code in (1, 3), (command, output)
        assert "read-only" in output, (command, output)
    assert {each.name: each.read_bytes() for each in folder.iterdir()} == before


async def test_what_is_damaged_there_is_named(folder: Path) -> None:
    """Exit code 1, as anywhere."""
    path = folder / "log.db"
    await fill(path, beside=(), kept=True)
    path.write_bytes(path.read_bytes().replace(b"said last", b"said lies"))
    freeze(path)
    ((code, output),) = run(path, "verify")
    assert code == 1
    assert "'chat', version 4" in output


@pytest.mark.parametrize("mode", ["delete", "wal", "wal, killed"])
def test_sessions_of_the_sdk_are_imported_from_there(folder: Path, mode: str) -> None:
    """SQLite would make a file beside one in WAL mode, even to read it."""
    path = folder / "sessions.db"
    making = (
        f"import os, sqlite3; db = sqlite3.connect({str(path)!r}, isolation_level=None);"
        f"db.execute('PRAGMA journal_mode = {mode[:6].split(',', maxsplit=1)[0]}');"
        "db.execute('CREATE TABLE agent_sessions (session_id TEXT PRIMARY KEY, created_at TEXT,"
        " updated_at TEXT)');"
        "db.execute('CREATE TABLE agent_messages (id INTEGER PRIMARY KEY, session_id TEXT,"
        " message_data TEXT, created_at TEXT, FOREIGN KEY (session_id)"
        " REFERENCES agent_sessions (session_id))');"
        "now = '2026-01-01 00:00:00';"
        "db.execute('INSERT INTO agent_sessions VALUES (?, ?, ?)', ('chat', now, now));"
        "db.execute('INSERT INTO agent_messages VALUES (1, ?, ?, ?)', ('chat', '{\"a\": 1}', now));"
        f"{'os._exit(0)' if 'killed' in mode else 'db.close()'}"
    )
    subprocess.run([sys.executable, "-c", making], check=True)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(f"{path}-shm")
    freeze(path)
    ((code, output),) = run(path, f"import {path} --db :memory:")
    assert (code, "1 conversation copied, 1 item;" in output) == (0, True), output


def test_only_what_nobody_can_write_is_frozen(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that can be written, and an index of those who use it, are reasons to take locks."""
    path = folder / "log.db"
    address = SqliteAddress(str(path))
    assert (frozen(address), is_read_only(address)) == (None, False)
    path.write_bytes(b"x")
    assert (frozen(address), is_read_only(address)) == (None, False)
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    alone = frozen(address)
    assert alone is not None
    assert alone.option == "immutable=1"
    wal = Path(f"{path}-wal")
    wal.touch()
    empty = frozen(address)
    assert empty is not None
    assert (empty.option, empty != alone) == ("immutable=1", True)
    wal.write_bytes(b"x")
    left = frozen(address)
    assert left is not None
    assert (left.option, left != empty) == ("vfs=unix-none", True)
    Path(f"{path}-shm").touch()
    assert (frozen(address), is_read_only(address)) == (None, True)


async def test_a_program_reads_follows_and_writes_once_it_may(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One handle for all of it: each call looks what the file is like now."""
    path = folder / "log.db"
    await fill(path, beside=(), kept=True)
    with monkeypatch.context() as frozen_now:
        frozen_now.setattr(os, "access", lambda *_, **__: False)
        log = EventLog(path, poll_interval=0.01)
        async with contextlib.aclosing(log.subscribe()) as events:
            seen = [await anext(events) for _ in range(4)]
            with pytest.raises(ReadOnlyError, match="read-only"):
                await log.append("chat", ItemsAdded(["x"]))
            with pytest.raises(ReadOnlyError):
                await log.tree.head(Signer("example.com/log", bytes(range(32))))
            assert (await log.verify()).ok
            assert (await log.tree.prove_inclusion("chat", 3)).size == 3
            assert not [each for each in folder.iterdir() if each != path]
            frozen_now.undo()
            assert (await log.append("chat", ItemsAdded(["x"]))).last == 5
            seen.append(await anext(events))
        assert [event.version for event in seen] == [1, 2, 3, 4, 5]
        await log.close()
