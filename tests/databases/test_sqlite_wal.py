"""The write-ahead log is bounded, whoever reads; what nobody can write is read all the same."""

import asyncio
import contextlib
import errno
import itertools
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Generator
from pathlib import Path
from typing import Any

import pytest

from eventlog import EventLog, ItemsAdded, SqliteOptions
from eventlog.errors import InvalidOptionError
from eventlog.store.sqlite import wal
from eventlog.store.sqlite.beside import AHEAD

MIB = 1024 * 1024
PAGE = 4096
LIMIT = SqliteOptions(journal_size_limit=MIB)


def wal_of(path: Path) -> int:
    return Path(f"{path}-wal").stat().st_size


async def add(log: EventLog, mib: int = 1) -> None:
    """Append what does not compress."""
    for _ in range(mib):
        await log.append("chat", ItemsAdded([os.urandom(MIB // 2).hex()]))


class Readers:
    """Two readers of another program whose transactions always overlap."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stop = threading.Event()
        self._turns = [threading.Event(), threading.Event()]
        self._threads = [threading.Thread(target=self._read, args=(n,)) for n in range(2)]

    def _read(self, me: int) -> None:
        with contextlib.closing(sqlite3.connect(self._path, isolation_level=None)) as db:
            while not self._stop.is_set():
                db.execute("BEGIN")
                db.execute("SELECT count(*) FROM streams").fetchone()
                self._turns[me].set()
                # The other one has begun by the time that this one ends.
                self._turns[1 - me].wait(0.05)
                self._turns[1 - me].clear()
                db.execute("COMMIT")

    @contextlib.contextmanager
    def running(self) -> Generator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()


async def test_readers_that_always_overlap_do_not_let_it_grow(tmp_path: Path) -> None:
    """SQLite alone would never begin it anew: a checkpoint that waits for them does."""
    path = tmp_path / "log.db"
    async with EventLog(path, sqlite=LIMIT) as log:
        await add(log)
        with Readers(path).running():
            await add(log, 40)
            assert wal_of(path) < 12 * MIB
        await add(log, 8)
        assert wal_of(path) < 8 * MIB
        assert (await log.verify()).ok


async def test_what_was_long_once_is_shortened(tmp_path: Path) -> None:
    """One large batch: the limit is what stays on disk afterwards."""
    path = tmp_path / "log.db"
    async with EventLog(path, sqlite=LIMIT) as log:
        await log.append("chat", [ItemsAdded([os.urandom(MIB // 2).hex()]) for _ in range(10)])
        await log.append("chat", ItemsAdded(["a"]))
        await log.append("chat", ItemsAdded(["a"]))
        assert wal_of(path) <= MIB


async def test_a_reader_that_does_not_end_is_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It keeps the log from being begun anew: a warning, not one for each append; appends go on."""
    monkeypatch.setattr(wal, "PATIENCE", 0.01)
    path = tmp_path / "log.db"
    async with EventLog(path, sqlite=LIMIT) as log:
        await add(log)
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("BEGIN")
            db.execute("SELECT count(*) FROM streams").fetchone()
            with caplog.at_level(logging.WARNING, "eventlog"):
                await add(log, 10)
            told = [each for each in caplog.messages if "reads the file without a pause" in each]
            assert 1 <= len(told) <= 10
            assert str(path) in told[0]
            db.execute("COMMIT")
        await add(log, 3)
        assert wal_of(path) <= 4 * MIB
        assert await log.version("chat") == 14


@pytest.mark.parametrize("limit", [-1, 1.5, True, "64", None])
def test_a_limit_that_is_none_is_refused(limit: Any) -> None:
    """At once, with what it means."""
    with pytest.raises(InvalidOptionError, match="journal_size_limit"):
        SqliteOptions(journal_size_limit=limit)


async def test_a_log_that_grows_is_filled_ahead(tmp_path: Path) -> None:
    """Most commits then write within the file; what was filled is no more than that ahead."""
    path = tmp_path / "log.db"
    async with EventLog(path) as log:
        lengths = [await length_after_append(log, path) for _ in range(100)]
        grown = [after - before for before, after in itertools.pairwise(lengths) if after > before]
        assert AHEAD in grown
        assert len(grown) < 20
        assert max(grown) <= AHEAD + 10 * PAGE


async def test_what_is_filled_ahead_is_none_of_the_log(tmp_path: Path) -> None:
    """A copy taken at any commit, as a crash would leave it, holds every event and no other."""
    path = tmp_path / "log.db"
    async with EventLog(path) as log:
        for number in range(1, 41):
            await log.append("chat", ItemsAdded([f"{number}"]))
            copy = tmp_path / f"copy-{number}.db"
            shutil.copyfile(path, copy)
            shutil.copyfile(f"{path}-wal", f"{copy}-wal")
    for number in range(1, 41, 3):
        async with EventLog(tmp_path / f"copy-{number}.db") as log:
            assert await log.version("chat") == number
            assert (await log.verify()).ok


async def test_two_processes_fill_ahead_of_each_other(tmp_path: Path) -> None:
    """Only with the write lock: what the other one has committed is never filled over."""
    path = tmp_path / "log.db"
    async with EventLog(path) as log:
        await log.append("0", ItemsAdded(["x"]))
        others = [
            await asyncio.create_subprocess_exec(sys.executable, "-c", APPENDER, path, str(number))
            for number in (1, 2)
        ]
        for _ in range(100):
            await log.append("0", ItemsAdded(["x"]))
        assert [await other.wait() for other in others] == [0, 0]
        assert [await log.version(name) for name in "012"] == [101, 100, 100]
        assert (await log.verify()).ok


@pytest.mark.parametrize("limit", [0, AHEAD])
async def test_no_more_is_filled_than_may_stay(tmp_path: Path, limit: int) -> None:
    """journal_size_limit bounds what is filled, too."""
    path = tmp_path / "log.db"
    async with EventLog(path, sqlite=SqliteOptions(journal_size_limit=limit)) as log:
        lengths = [await length_after_append(log, path) for _ in range(60)]
        assert all(after - before < AHEAD for before, after in itertools.pairwise(lengths))


async def test_a_disk_without_room_ahead_takes_what_still_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be filled ahead is not missed."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    path = tmp_path / "log.db"
    async with EventLog(path) as log:
        lengths = [await length_after_append(log, path) for _ in range(10)]
        assert lengths == sorted(set(lengths))
        assert await log.version("chat") == 10


async def length_after_append(log: EventLog, path: Path) -> int:
    await log.append("chat", ItemsAdded(["text"]))
    return wal_of(path)


APPENDER = """
import asyncio, sys
from eventlog import EventLog, ItemsAdded

async def main(path, name):
    async with EventLog(path) as log:
        for _ in range(100):
            await log.append(name, ItemsAdded(["x"]))

asyncio.run(main(*sys.argv[1:]))
"""

READER = """
import asyncio, os, sys
import eventlog.store.sqlite.store, eventlog.verify.log  # While Python's files can be read.
from eventlog import EventLog, EventLogError, ItemsAdded

async def main(path):
    log = EventLog(path)
    for line in sys.stdin:
        try:
            if line == "append\\n":
                print((await log.append("chat", ItemsAdded(["x"]))).last, flush=True)
            elif line == "verify\\n":
                print((await log.verify()).ok, flush=True)
            else:
                print(await log.version("chat"), flush=True)
        except EventLogError as error:
            print(type(error).__name__, flush=True)

os.chdir("/")
if os.geteuid() == 0:
    os.setuid(65534)  # Root may write what is read-only.
asyncio.run(main(sys.argv[1]))
"""


class Reader:
    """A program of somebody who may write neither the file nor its folder, asked line by line."""

    def __init__(self, path: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", READER, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    async def __call__(self, what: str) -> str:
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(f"{what}\n")
        stdin.flush()
        return (await asyncio.to_thread(stdout.readline)).strip()

    def close(self) -> None:
        self.process.communicate(timeout=60)


@pytest.fixture
async def path() -> AsyncIterator[Path]:
    """A log of one event in a folder that all may read and nobody may write."""
    with tempfile.TemporaryDirectory() as folder:  # Those of pytest are private.
        path = Path(os.path.realpath(folder)) / "log.db"
        async with EventLog(path) as log:
            await log.append("chat", ItemsAdded(["a"]))
        path.chmod(0o444)
        path.parent.chmod(0o555)
        yield path


@pytest.fixture
def reader(path: Path) -> Generator[Reader]:
    opened = Reader(path)
    yield opened
    path.parent.chmod(0o777)
    opened.close()


async def test_a_log_on_read_only_media_is_read(path: Path, reader: Reader) -> None:
    """Nothing is made beside it; to write it is an error that says so."""
    assert await reader("version") == "1"
    assert await reader("verify") == "True"
    assert await reader("append") == "ReadOnlyError"
    assert await reader("version") == "1"
    assert [each.name for each in path.parent.iterdir()] == ["log.db"]


async def test_what_the_owner_writes_meanwhile_is_seen(path: Path, reader: Reader) -> None:
    """The file is immutable to the reader only: it looks whether that still holds."""
    assert await reader("version") == "1"
    path.chmod(0o644)
    path.parent.chmod(0o755)
    async with EventLog(path) as log:
        await log.append("chat", ItemsAdded(["b"]))
    path.chmod(0o444)
    path.parent.chmod(0o555)
    assert await reader("version") == "2"


async def test_a_file_that_can_be_written_later_is_written(path: Path, reader: Reader) -> None:
    """No process is read-only for ever because it was so once."""
    assert await reader("version") == "1"
    assert await reader("append") == "ReadOnlyError"
    path.parent.chmod(0o777)
    path.chmod(0o666)
    assert await reader("append") == "2"
    assert await reader("version") == "2"
