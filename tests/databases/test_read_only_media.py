"""A log that nobody can write is verified and read by every command; what it cannot do, it says."""

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
    "usage": "model",
    "tools": "tool",
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
from typer.testing import CliRunner
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
    for parent in path.parent.parents[:3]:
        parent.chmod(0o755)
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
def folder(tmp_path: Path) -> Any:
    place = tmp_path / "media"
    place.mkdir()
    yield place
    place.chmod(0o755)


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
