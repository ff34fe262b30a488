"""SQLite: the files of a log and of its backups are their owner's alone, and nobody else's."""

import contextlib
import errno
import os
import sqlite3
import stat
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from eventlog import EventLog, ItemsAdded
from eventlog.errors import InvalidOptionError, NotAnEventLogError
from eventlog.operations import backup, migrate


@pytest.fixture(autouse=True)
def no_umask() -> Generator[None]:
    before = os.umask(0)
    try:
        yield
    finally:
        os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


async def test_a_new_log_is_its_owners_alone(tmp_path: Path) -> None:
    """With the files that SQLite keeps beside it, whoever makes it."""
    async with EventLog(tmp_path / "log.db") as log:
        await log.append("a", ItemsAdded(["secret"]))
        assert modes(tmp_path) == dict.fromkeys(("log.db", "log.db-wal", "log.db-shm"), 0o600)
    await migrate(tmp_path / "made.db")
    assert modes(tmp_path)["made.db"] == 0o600


async def test_a_log_that_was_opened_to_a_group_stays_so(tmp_path: Path) -> None:
    """Whoever makes the file, or changes its mode, has told so."""
    path = tmp_path / "log.db"
    path.touch(0o660)
    async with EventLog(path) as log:
        await log.append("a", ItemsAdded(["for the group"]))
        assert modes(tmp_path) == dict.fromkeys(("log.db", "log.db-wal", "log.db-shm"), 0o660)


async def filled(path: Path) -> None:
    async with EventLog(path) as log:
        await log.append("a", ItemsAdded(["secret"]))


async def test_a_backup_is_its_owners_alone_and_removes_nobodys_file(tmp_path: Path) -> None:
    """Unless it is told otherwise; a file or a link beside it stays."""
    await filled(tmp_path / "log.db")
    (tmp_path / "copy.db.unfinished").write_bytes(b"somebody's")
    (tmp_path / "copy.db.new").symlink_to(tmp_path / "victim")
    await backup(tmp_path / "log.db", tmp_path / "copy.db")
    await backup(tmp_path / "log.db", tmp_path / "shared.db", mode=0o640)
    assert (tmp_path / "copy.db.unfinished").read_bytes() == b"somebody's"
    assert not (tmp_path / "victim").exists()
    (tmp_path / "copy.db.new").unlink()
    found = modes(tmp_path)
    assert (found["copy.db"], found["shared.db"]) == (0o600, 0o640)
    assert {name.partition("-")[0] for name in found} == {
        "log.db",
        "copy.db",
        "copy.db.unfinished",
        "shared.db",
    }
    async with EventLog(tmp_path / "copy.db", create=False) as log:
        assert (await log.verify()).events == 1


async def test_a_backup_needs_no_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And replaces nothing there either, not even a link that leads nowhere."""

    def refused(*_: Any, **__: Any) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    await filled(tmp_path / "log.db")
    await backup(tmp_path / "log.db", tmp_path / "copy.db")
    async with EventLog(tmp_path / "copy.db", create=False) as log:
        assert (await log.verify()).events == 1
    with pytest.raises(InvalidOptionError, match="there already"):
        await backup(tmp_path / "log.db", tmp_path / "copy.db")


async def test_a_backup_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """Neither under its name nor under another."""
    await filled(tmp_path / "log.db")
    with contextlib.closing(sqlite3.connect(tmp_path / "other.db")) as db:
        db.execute("CREATE TABLE mine (text)")
    with pytest.raises(NotAnEventLogError):
        await backup(tmp_path / "other.db", tmp_path / "copy.db")

    def interrupted(done: int, _: int) -> None:
        raise LookupError("interrupted")

    with pytest.raises(LookupError):
        await backup(tmp_path / "log.db", tmp_path / "copy.db", progress=interrupted)
    assert {name.partition("-")[0] for name in modes(tmp_path)} == {"log.db", "other.db"}
