"""SQLite tells the truth too: a disk that does not take it, a thread that does not start."""

import asyncio
import contextlib
import functools
import resource
import sqlite3
import threading
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from eventlog import (
    BusyError,
    EventLog,
    InDoubtError,
    ItemsAdded,
    SqliteOptions,
    UnavailableError,
)
from eventlog.addresses.log import SqliteAddress
from eventlog.errors import ReadOnlyError
from eventlog.keys import new_key, parse_keyring
from eventlog.operations import rekey
from eventlog.store.sqlite.errors import is_unfit
from eventlog.store.sqlite.file import LogConnection, connect
from eventlog.store.sqlite.worker import Worker
from eventlog_projections import Conversation, erase
from tests.faults.ledger import Ledger


@contextlib.contextmanager
def full(path: Path) -> Generator[None]:
    """Have the system refuse to write more to the log's write-ahead log (EFBIG)."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = path.with_name(f"{path.name}-wal").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_commit_that_the_disk_refuses_is_in_doubt_and_settled_by_its_event_id(
    tmp_path: Path,
) -> None:
    """Each of a group is told so, by name; nobody is left waiting, and the log goes on."""
    path = tmp_path / "log.db"
    ledger = Ledger()
    async with EventLog(path) as log:
        await ledger.append(log, "chat-0", "first")
        with full(path):
            names = [f"chat-{number}" for number in range(5)]
            await asyncio.gather(*[ledger.append(log, n, "x", event_id="once") for n in names])
            assert ledger.in_doubt.keys() == {(name, "x") for name in names}
        await ledger.check(log)
        for name in names:
            await ledger.append(log, name, "x", event_id="once")
        assert ledger.stored["chat-0", "x"] == 2
        await ledger.check(log)
    async with EventLog(path) as log:
        await ledger.check(log)


async def test_erasures_pops_and_key_changes_that_the_disk_refuses_are_in_doubt(
    tmp_path: Path,
) -> None:
    """All of them change something: the same error, and each can be done again."""
    path = tmp_path / "log.db"
    async with EventLog(path, keyring=parse_keyring(new_key("kek"))) as log:
        chat = Conversation(log, "chat")
        await chat.add(["a", "b"])
        with full(path):
            with pytest.raises(InDoubtError, match=r"'chat'.*in doubt"):
                await chat.pop()
            with pytest.raises(InDoubtError, match=r"'chat'.*data key"):
                await rekey(log, "chat")
            with pytest.raises(InDoubtError, match=r"'chat'.*erasure"):
                await erase(log, "chat", by="a", reason="b")
            assert await chat.items() == ["a", "b"]
        assert await chat.pop() == "b"
        await rekey(log, "chat")
        await chat.add(["c"])
        assert await chat.items() == ["a", "c"]
        await erase(log, "chat", by="a", reason="b")
        assert (await log.verify()).ok


async def test_an_append_whose_thread_cannot_start_is_not_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is it later, together with the next one."""
    ledger = Ledger()
    log = EventLog(tmp_path / "log.db")

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        for number in range(3):
            answer = await ledger.append(log, "chat", number)
            assert isinstance(answer, UnavailableError)
            assert "Nothing was stored" in str(answer)
    assert len(ledger.not_stored) == 3
    await ledger.append(log, "chat", "next")
    await ledger.check(log)
    await log.close()


async def test_a_connection_that_cannot_write_is_opened_anew(tmp_path: Path) -> None:
    """It was opened while the file was read-only, or the disk failed: the next call looks again."""
    opened: list[LogConnection] = []

    def again(current: LogConnection | None) -> LogConnection:
        if current is None:
            opened.append(connect(SqliteAddress(None), 0.0))
        return opened[-1]

    def fail(error: Exception, _: sqlite3.Connection) -> object:
        raise error

    worker = Worker(again, lambda _, requests: [ValueError()] * len(requests), is_unfit)
    for error in (ReadOnlyError("0444"), UnavailableError("EIO"), BusyError("locked")):
        with pytest.raises(type(error)):
            await worker.run(functools.partial(fail, error))
    assert await worker.run(lambda db: db is opened[-1])
    assert len(opened) == 3  # A lock is nothing that another connection would not meet.
    worker.close()


@pytest.mark.parametrize("state", ["new", "there", "with a -wal"])
async def test_busy_timeout_bounds_the_opening_too(tmp_path: Path, state: str) -> None:
    """Another process holds the file when it is opened: one second is one second."""
    path = tmp_path / "log.db"
    if state != "new":
        async with EventLog(path) as log:
            await log.append("chat", ItemsAdded(["a"]))
    other = sqlite3.connect(path, isolation_level=None)
    if state == "with a -wal":
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("CREATE TABLE IF NOT EXISTS alembic_version (version_num TEXT)")
    elif state == "there":
        other.execute("PRAGMA journal_mode = DELETE")
    other.execute("BEGIN EXCLUSIVE")
    log = EventLog(path, sqlite=SqliteOptions(busy_timeout=0.5))
    began = time.monotonic()
    with pytest.raises(BusyError, match="Nothing was stored"):
        await log.append("chat", ItemsAdded(["b"]))
    assert time.monotonic() - began < 3.0
    other.execute("ROLLBACK")
    other.close()
    assert (await log.append("chat", ItemsAdded(["b"]))).first == (1 if state == "new" else 2)
    await log.close()
