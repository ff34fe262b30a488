"""Putting a backup back: verified first, nothing lost by it, and whoever is there is told."""

import asyncio
import contextlib
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from eventlog import EventLog, ItemsAdded
from eventlog.errors import (
    BrokenBackupError,
    BusyError,
    FileReplacedError,
    InvalidOptionError,
    NotAnEventLogError,
)
from eventlog.operations import backup, recover
from tests.backends import SqliteBackend
from tests.processes import output_of, python


async def add(log: EventLog, text: str) -> None:
    await log.append("chat", ItemsAdded([text]))


async def version(path: str | Path) -> int:
    async with EventLog(path, create=False) as log:
        assert (await log.verify()).ok
        return await log.version("chat")


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """A log of three events in two tenants, and a backup of it of when it had one."""
    path = tmp_path / "log.db"
    async with EventLog(path) as log, EventLog(path, tenant="other") as other:
        await add(log, "a")
        await add(other, "a")
        await backup(path, tmp_path / "backup.db")
        await add(log, "b")
        await add(log, "c")
    return path


@pytest.fixture
def copy(path: Path) -> Path:
    return path.parent / "backup.db"


async def test_a_backup_takes_the_place_of_the_log(path: Path, copy: Path) -> None:
    """The log that was there is kept whole, and the backup stays as it is."""
    before = copy.read_bytes()
    kept = await recover(copy, path)
    assert await version(path) == 1
    assert kept is not None
    assert await version(kept) == 3
    assert copy.read_bytes() == before
    async with EventLog(path) as log:
        await add(log, "d")
        assert await log.version("chat") == 2
    assert sorted(each.name for each in path.parent.iterdir()) == sorted(
        [path.name, copy.name, Path(kept).name]
    )


async def test_what_a_killed_process_left_beside_the_log_is_not_mixed_with_it(
    path: Path, copy: Path
) -> None:
    """A write-ahead log of the old file would undo the backup, or destroy it: it is kept aside."""
    script = (
        "import asyncio, os, sys\nfrom eventlog import EventLog, ItemsAdded\n"
        "asyncio.run(EventLog(sys.argv[1]).append('chat', ItemsAdded(['late'])))\nos._exit(0)"
    )
    assert (await output_of("-c", script, str(path)))[0] == 0
    assert Path(f"{path}-wal").stat().st_size
    kept = await recover(copy, path)
    assert not Path(f"{path}-wal").exists()
    assert await version(path) == 1
    assert kept is not None
    assert await version(kept) == 4


async def test_a_log_that_is_lost_or_destroyed_is_recovered(path: Path, copy: Path) -> None:
    """That is when a backup is needed."""
    path.write_bytes(b"no database" * 1000)
    assert await recover(copy, path, keep=False) is None or await version(path) == 1
    assert await version(path) == 1
    path.unlink()
    assert await recover(copy, path) is None
    assert await version(path) == 1
    assert sorted(each.name for each in path.parent.iterdir()) == [copy.name, path.name]


async def test_a_log_in_use_is_left_alone(path: Path, copy: Path) -> None:
    """By this process, or by another one; an error says whose it is."""
    async with EventLog(path) as log:
        assert await log.version("chat") == 3
        with pytest.raises(BusyError, match="in this process"):
            await recover(copy, path)
    script = (
        "import asyncio, sys\nfrom eventlog import EventLog\nlog = EventLog(sys.argv[1])\n"
        "print(asyncio.run(log.version('chat')), flush=True)\nsys.stdin.read()"
    )
    async with python("-c", script, str(path), stdin=asyncio.subprocess.PIPE) as process:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"3\n"
        with pytest.raises(BusyError, match="another process"):
            await recover(copy, path)
    assert await version(path) == 3
    assert sorted(each.name for each in path.parent.iterdir()) == [copy.name, path.name]


async def test_a_backup_that_does_not_verify_is_refused(path: Path, copy: Path) -> None:
    """For any tenant of it, before anything has changed; it is taken on purpose only."""
    edited = SqliteBackend(copy)
    await edited.tamper("UPDATE {}events SET kind = 'x' WHERE position = 2")
    with pytest.raises(BrokenBackupError, match="Nothing was changed") as caught:
        await recover(copy, path)
    assert caught.value.faults
    assert await version(path) == 3
    await recover(copy, path, verify=False)
    async with EventLog(path) as log:
        assert await log.version("chat") == 1


async def test_what_is_no_backup_is_refused(path: Path, copy: Path, postgres_url: str) -> None:
    """Nothing has changed then."""
    letter = path.parent / "letter.txt"
    letter.write_text("Dear Ana, " * 100)
    for source, target, error in (
        (letter, path, NotAnEventLogError),
        (path.parent / "nowhere.db", path, NotAnEventLogError),
        (path, path, InvalidOptionError),
        (copy, ":memory:", InvalidOptionError),
        (":memory:", path, InvalidOptionError),
        (copy, postgres_url, InvalidOptionError),
        (postgres_url, path, InvalidOptionError),
    ):
        with pytest.raises(error):
            await recover(source, target)
    assert await version(path) == 3


async def test_who_has_the_old_file_open_finds_out(path: Path, copy: Path) -> None:
    """A process that had not read yet when the log was replaced, or on a system without locks."""
    async with EventLog(path) as log:
        assert await log.version("chat") == 3
        for ending in ("-wal", "-shm"):
            Path(f"{path}{ending}").unlink()
        os.replace(shutil.copy(copy, path.parent / "new"), path)
        with pytest.raises(FileReplacedError, match="open it anew"):
            await add(log, "lost")


async def test_the_command_says_where_the_old_log_is(path: Path, copy: Path) -> None:
    """And leaves with an error where it cannot."""
    command = ["-m", "eventlog_cli", "recover", str(copy), str(path)]
    status, output = await output_of(*command)
    assert status == 0, output
    assert "log.db.replaced-" in "".join(output.split())
    status, output = await output_of(*command, "--discard")
    assert (status, "replaced-" in "".join(output.split())) == (0, False)
    assert len(list(path.parent.glob("*replaced*"))) == 1
    status, output = await output_of("-m", "eventlog_cli", "recover", "nothing.db", str(path))
    assert status == 1
    assert "does not exist" in output
    assert await version(path) == 1


async def test_a_crash_in_the_middle_leaves_one_whole_log(
    path: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before the new file has the name: the old one is still there, or kept whole."""
    replace = os.replace

    def fail(*_args: object) -> None:
        raise OSError("the power went")

    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode=WAL")
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(Exception, match="the power went"):
        await recover(copy, path)
    monkeypatch.setattr(os, "replace", replace)
    (kept,) = path.parent.glob("*replaced*")
    assert await version(path) == 3
    assert await version(kept) == 3
