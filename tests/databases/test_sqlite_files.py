"""A SQLite file is what it is: removed, moved, replaced or cut off, its log says so."""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from eventlog import EventLog, ItemsAdded
from eventlog.errors import FileReplacedError, UnavailableError
from eventlog.operations import backup
from eventlog.store.sqlite.beside import SETTLED
from eventlog.store.sqlite.store import SqliteStore


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """A folder with a log of four events, and a copy of it of when it had one."""
    path = tmp_path / "logs" / "log.db"
    path.parent.mkdir()
    async with EventLog(path) as log:
        await add(log)
        await backup(path, tmp_path / "older.db")
        for _ in range(3):
            await add(log)
    return path.parent


@pytest.fixture
async def log(folder: Path) -> AsyncIterator[EventLog]:
    """A log that has written and read already."""
    async with EventLog(folder / "log.db") as opened:
        await add(opened)
        assert await opened.version("chat") == 5
        yield opened


@pytest.fixture(params=["changing", "settled"])
async def folder_is(request: pytest.FixtureRequest, folder: Path, log: EventLog) -> None:
    """The folder of the log was changed just now, or has been as it is for a while.

    The last append is in the write-ahead log alone.
    """
    if request.param == "changing":
        return
    while age(folder) < 2 * SETTLED:
        await log.append("other", ItemsAdded(["x"]))
    with contextlib.closing(sqlite3.connect(folder / "log.db")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    await log.append("other", ItemsAdded(["x"]))


def age(folder: Path) -> int:
    """Return how many nanoseconds ago a name in the folder changed."""
    return time.time_ns() - folder.stat().st_ctime_ns


async def add(log: EventLog) -> None:
    await log.append("chat", ItemsAdded(["x" * 2000]))


def removed(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def only_the_database_removed(folder: Path) -> None:
    (folder / "log.db").unlink()


def renamed(folder: Path) -> None:
    (folder / "log.db").rename(folder / "elsewhere.db")


def folder_renamed(folder: Path) -> None:
    folder.rename(folder.parent / "elsewhere")


def folder_replaced(folder: Path) -> None:
    folder.rename(folder.parent / "elsewhere")
    folder.mkdir()
    shutil.copy(folder.parent / "older.db", folder / "log.db")


def replaced_by_an_older_copy(folder: Path) -> None:
    os.replace(shutil.copy(folder.parent / "older.db", folder / "new.db"), folder / "log.db")


def replaced_by_an_empty_file(folder: Path) -> None:
    (folder / "new.db").touch()
    os.replace(folder / "new.db", folder / "log.db")


def replaced_by_a_folder(folder: Path) -> None:
    (folder / "log.db").unlink()
    (folder / "log.db").mkdir()


def replaced_by_a_link(folder: Path) -> None:
    replaced_by_an_older_copy(folder)
    (folder / "log.db").rename(folder / "new.db")
    (folder / "log.db").symlink_to(folder / "new.db")


def cut_off(folder: Path) -> None:
    os.truncate(folder / "log.db", 8192)


def emptied(folder: Path) -> None:
    os.truncate(folder / "log.db", 0)


NEVER_READ = [
    removed,
    only_the_database_removed,
    renamed,
    folder_renamed,
    folder_replaced,
    replaced_by_an_older_copy,
    replaced_by_an_empty_file,
    replaced_by_a_folder,
    replaced_by_a_link,
    cut_off,
    emptied,
]


def wal_removed(folder: Path) -> None:
    (folder / "log.db-wal").unlink()


def wal_replaced(folder: Path) -> None:
    (folder / "new").touch()
    os.replace(folder / "new", folder / "log.db-wal")


def wal_cut_off(folder: Path) -> None:
    os.truncate(folder / "log.db-wal", 100)


def wal_emptied(folder: Path) -> None:
    os.truncate(folder / "log.db-wal", 0)


def index_removed(folder: Path) -> None:
    (folder / "log.db-shm").unlink()


NEVER_WRITTEN = [
    *NEVER_READ,
    wal_removed,
    wal_replaced,
    wal_cut_off,
    wal_emptied,
    index_removed,
]

Happening = Callable[[Path], None]


@pytest.mark.usefixtures("folder_is")
@pytest.mark.parametrize("happening", NEVER_WRITTEN)
async def test_an_append_finds_out(log: EventLog, folder: Path, happening: Happening) -> None:
    """It fails, names the path and says that nothing was stored; no file is made."""
    happening(folder)
    before = {path: path.stat().st_size for path in folder.parent.rglob("*") if path.is_file()}
    for _ in range(2):
        with pytest.raises(FileReplacedError, match="Nothing was stored") as caught:
            await add(log)
        assert str(folder) in caught.value.path
        assert "eventlog recover" in str(caught.value)
    after = {path: path.stat().st_size for path in folder.parent.rglob("*") if path.is_file()}
    assert after == before


@pytest.mark.parametrize("happening", NEVER_READ)
async def test_a_read_finds_out(log: EventLog, folder: Path, happening: Happening) -> None:
    """Neither what was there nor what is there now is an answer."""
    happening(folder)
    with pytest.raises(FileReplacedError):
        await log.version("chat")
    with pytest.raises(FileReplacedError):
        await log.feed().all()
    with pytest.raises(FileReplacedError):
        await log.verify()


@pytest.mark.parametrize("happening", [removed, only_the_database_removed, renamed])
async def test_a_reader_that_begins_later_makes_no_new_log(
    folder: Path, happening: Happening
) -> None:
    """The connection that reads is opened by the first read: the file is to be there by then."""
    async with EventLog(folder / "log.db") as log:
        await add(log)
        happening(folder)
        with pytest.raises(FileReplacedError):
            await log.version("chat")
        assert not (folder / "log.db").exists()


async def test_a_file_that_comes_back_is_gone_on_with(log: EventLog, folder: Path) -> None:
    """Nothing has happened to it: what was acknowledged is there, and so is what comes."""
    (folder / "log.db").rename(folder / "elsewhere.db")
    with pytest.raises(FileReplacedError):
        await add(log)
    (folder / "elsewhere.db").rename(folder / "log.db")
    await add(log)
    assert await log.version("chat") == 6
    assert (await log.verify()).ok


async def test_an_error_that_passes_leaves_a_log_that_can_be_written(folder: Path) -> None:
    """The last connection that is closed removes what SQLite kept beside the file."""
    async with EventLog(folder / "log.db") as log:
        for version in (5, 6, 7):
            await add(log)
            await lose_the_connections(log)
            assert not (folder / "log.db-wal").exists()
            assert await log.version("chat") == version
            await lose_the_connections(log)


async def test_a_missed_file_stays_missed_when_the_connection_is_another(
    log: EventLog, folder: Path
) -> None:
    """What was acknowledged was in it: nobody begins a new one in silence."""
    wal_removed(folder)
    for _ in range(2):
        with pytest.raises(FileReplacedError, match="-wal"):
            await add(log)
        await lose_the_connections(log)


async def lose_the_connections(log: EventLog) -> None:
    """Have an error that spoils both connections, as one of the disk does."""

    def fail() -> Iterator[None]:
        raise UnavailableError("The disk does not answer.")
        yield

    runner = cast(SqliteStore, log.spi.store).runner
    for call in (runner.transact, runner.read):
        with pytest.raises((UnavailableError, FileReplacedError)):
            await call(cast(Any, fail))


async def test_a_link_that_leads_elsewhere_is_noticed(folder: Path) -> None:
    """The name that was given counts, not only the file that it led to."""
    link, other = folder / "current.db", folder.parent / "older.db"
    link.symlink_to(folder / "log.db")
    async with EventLog(link) as log:
        await add(log)
        link.unlink()
        link.symlink_to(other)
        for call in (add(log), log.version("chat")):
            with pytest.raises(FileReplacedError, match=r"current\.db"):
                await call
    async with EventLog(link) as log:
        assert await log.version("chat") == 1


async def test_a_new_handle_opens_the_file_that_is_there_now(log: EventLog, folder: Path) -> None:
    """Somebody put a backup back: who opens the log anew reads that, who has it open is told."""
    removed(folder)
    shutil.copy(folder.parent / "older.db", folder / "log.db")
    async with EventLog(folder / "log.db") as anew:
        with pytest.raises(FileReplacedError):
            await log.version("chat")
        await log.close()
        assert await anew.version("chat") == 1
        await add(anew)
        assert (await anew.verify()).ok


async def test_a_new_handle_makes_no_new_log_while_another_one_is_open(
    log: EventLog, folder: Path
) -> None:
    """The file is missed by somebody: it is not for a second handle to replace it."""
    removed(folder)
    async with EventLog(folder / "log.db") as other:
        with pytest.raises(FileReplacedError):
            await add(other)
    assert not (folder / "log.db").exists()
    await log.close()
    async with EventLog(folder / "log.db") as new:
        assert await new.version("chat") == 0


async def test_what_is_written_over_with_an_older_copy_is_noticed(
    log: EventLog, folder: Path
) -> None:
    """`cp` keeps the inode. The write-ahead log was folded in: nothing else has what is missing."""
    with contextlib.closing(sqlite3.connect(folder / "log.db")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    await add(log)
    with contextlib.closing(sqlite3.connect(folder / "log.db")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    await add(log)
    with contextlib.closing(sqlite3.connect(folder / "log.db")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = (folder / "log.db").stat().st_size
    with open(folder / "log.db", "r+b") as file:
        file.write((folder.parent / "older.db").read_bytes())
        file.truncate(size)
    with pytest.raises(FileReplacedError, match="written over"):
        await add(log)


async def test_what_is_shortened_by_right_goes_on(log: EventLog, folder: Path) -> None:
    """VACUUM and a checkpoint shorten both files, and nothing is missing."""
    for _ in range(50):
        await add(log)
    with contextlib.closing(sqlite3.connect(folder / "log.db")) as db:
        db.execute("CREATE TABLE filler (x)")
        db.execute("INSERT INTO filler VALUES (zeroblob(1000000))")
        db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        await add(log)
        db.execute("DROP TABLE filler")
        db.execute("VACUUM")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    await add(log)
    assert await log.version("chat") == 57
    assert (await log.verify()).ok


CHILD = """
import asyncio, os, sys
from eventlog import EventLog, ItemsAdded
from eventlog.errors import FileReplacedError, UnavailableError

log = EventLog(sys.argv[1])
asyncio.run(log.append("chat", ItemsAdded(["parent"])))
if not (child := os.fork()):
    os.rename(sys.argv[1], sys.argv[1] + ".moved")
    try:
        asyncio.run(log.append("chat", ItemsAdded(["child"])))
    except FileReplacedError:
        os._exit(7)
    os._exit(1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), os.path.exists(sys.argv[1]))
"""


def test_a_child_process_goes_on_with_the_file_of_its_parent(tmp_path: Path) -> None:
    """What the parent had open is not created anew by the child."""
    script = [sys.executable, "-c", CHILD, str(tmp_path / "log.db")]
    run = subprocess.run(script, capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.split() == ["7", "False"]
