"""What can be opened as a log, and what a user is told about everything else."""

import asyncio
import contextlib
import hashlib
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from eventlog import (
    BusyError,
    EventLog,
    ItemsAdded,
    PostgresOptions,
    SqliteOptions,
    UnavailableError,
)
from eventlog.errors import (
    InvalidAddressError,
    InvalidOptionError,
    NotAnEventLogError,
    SchemaTooNewError,
)
from eventlog.operations import migrate
from tests.backends import Backend
from tests.faults.silent import Silent
from tests.options import grouped
from tests.waiting import PATIENCE


@pytest.fixture
def backend(blank: Backend) -> Backend:
    """A database without a log, on every backend."""
    return blank


async def test_an_empty_database_becomes_a_log_at_first_use(backend: Backend) -> None:
    """Nothing has to be prepared, and opening alone touches nothing."""
    log = backend.open()
    if backend.name == "sqlite":
        assert not Path(backend.url).exists()
    assert await log.version("chat") == 0
    await log.append("chat", ItemsAdded(["a"]))
    assert await log.version("chat") == 1


@pytest.mark.parametrize("call", ["version", "append", "streams", "verify", "read"])
async def test_any_call_may_be_the_first(backend: Backend, call: str) -> None:
    """Reading an empty database is no error."""
    log = backend.open()
    if call == "version":
        assert await log.version("chat") == 0
    elif call == "append":
        assert (await log.append("chat", ItemsAdded(["a"]))).last == 1
    elif call == "verify":
        assert (await log.verify()).ok
    else:
        found: Any = log.streams() if call == "streams" else log.read("chat")
        assert [row async for row in found] == []


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "names no database"),
        ("  ", "names no database"),
        ("a\x00b", "names no database"),
        ("redis://localhost:6379/0", "cache"),
        ("rediss://localhost", "cache"),
        ("mysql://localhost/db", "not a store"),
        ("http://localhost/db", "not a store"),
        ("postgresql://user:p@ss word@:bad/db", "URL cannot be read"),
    ],
)
def test_an_address_that_is_none_is_refused_at_once(url: str, message: str) -> None:
    """The constructor says what is wrong with it and what to give instead."""
    with pytest.raises(InvalidAddressError, match=message):
        EventLog(url)


def test_the_real_redis_is_no_store_either(redis_url: str) -> None:
    """A cache may forget: it is never taken for a log."""
    with pytest.raises(InvalidAddressError, match="cache"):
        EventLog(redis_url)


@pytest.mark.parametrize(
    "options", [{"durability": "none"}, {"pool_size": 0}, {"tenant": ""}, {"schema": ""}], ids=str
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    """They are the caller's mistake, told before anything is opened."""
    with pytest.raises(ValueError, match=r"durability|pool_size|tenant|schema"):
        EventLog(":memory:", **grouped(**options))


async def test_handles_on_one_database_must_agree_on_options(backend: Backend) -> None:
    """They share connections; another durability for the second would be a lie to one of them."""
    log = backend.open()
    await log.version("chat")
    with pytest.raises(InvalidOptionError, match="other options"):
        backend.open(durability="normal")
    await log.close()
    async with backend.open(durability="normal") as other:
        assert await other.version("chat") == 0


async def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    """The message says where it looked, and keeps the secret."""
    log = EventLog(
        "postgresql://ana:s3cret@127.0.0.1:1/db", postgres=PostgresOptions(connect_timeout=5)
    )
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:1") as caught:
        await log.version("chat")
    assert "s3cret" not in str(caught.value)
    await log.close()


async def test_a_server_that_does_not_answer_times_out() -> None:
    """Nothing hangs: the timeout ends it, and the connection."""
    async with Silent() as server:
        url = f"postgresql://ana@127.0.0.1:{server.port}/db"
        async with EventLog(url, postgres=PostgresOptions(connect_timeout=0.3)) as log:
            with pytest.raises(UnavailableError):
                await log.append("chat", ItemsAdded(["a"]))
        await asyncio.wait_for(server.left.wait(), PATIENCE)


async def test_a_database_that_does_not_exist_says_so(postgres_url: str) -> None:
    """The server's own words are kept."""
    url = make_url(postgres_url).set(database="no_such_database")
    log = EventLog(url.render_as_string(hide_password=False))
    with pytest.raises(UnavailableError, match="no_such_database"):
        await log.version("chat")
    await log.close()


def checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


async def test_a_file_that_is_not_sqlite_is_left_alone(tmp_path: Path) -> None:
    """A letter is a letter, before and after."""
    path = tmp_path / "letter.txt"
    path.write_text("Dear Ana, " * 100)
    before = checksum(path)
    log = EventLog(path)
    with pytest.raises(NotAnEventLogError, match="not a SQLite database"):
        await log.append("chat", ItemsAdded(["a"]))
    assert checksum(path) == before
    await log.close()


async def test_a_database_of_somebody_else_is_left_alone(backend: Backend) -> None:
    """Tables that are not ours are a reason to stop; the error names them."""
    if backend.name == "postgres":
        await backend.execute(f"CREATE SCHEMA {backend.options['schema']}")
    await backend.execute("CREATE TABLE {}events (id integer, payload text)")
    log = backend.open()
    with pytest.raises(NotAnEventLogError, match="events") as caught:
        await log.version("chat")
    assert caught.value.tables == {"events": ["id", "payload"]}
    assert await backend.execute("SELECT * FROM {}events") == []


async def test_a_log_can_be_created_beside_other_tables_on_purpose(backend: Backend) -> None:
    """migrate(beside=True) says that it is meant, and touches nothing that was there."""
    if backend.name == "postgres":
        await backend.execute(f"CREATE SCHEMA {backend.options['schema']}")
    await backend.execute("CREATE TABLE {}customers (id integer)")
    with pytest.raises(NotAnEventLogError):
        await migrate(backend.url, **backend.options)
    await migrate(backend.url, beside=True, **backend.options)
    async with backend.open() as log:
        assert (await log.append("chat", ItemsAdded(["a"]))).last == 1
    assert await backend.execute("SELECT * FROM {}customers") == []


async def test_a_log_of_the_future_is_refused(backend: Backend) -> None:
    """A newer release may have meant more than this one can see."""
    async with backend.open() as log:
        await log.append("chat", ItemsAdded(["a"]))
    await backend.execute("UPDATE {}eventlog_version SET version_num = '9999'")
    log = backend.open()
    with pytest.raises(SchemaTooNewError, match="9999"):
        await log.version("chat")
    with pytest.raises(SchemaTooNewError):
        await migrate(backend.url, **backend.options)


async def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """The folder is not created behind the user's back."""
    log = EventLog(tmp_path / "nowhere" / "log.db")
    with pytest.raises(UnavailableError, match="nowhere does not exist"):
        await log.version("chat")
    await log.close()


async def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    """It says so, and suggests a file in it."""
    log = EventLog(tmp_path)
    with pytest.raises(UnavailableError, match="is a folder"):
        await log.version("chat")
    await log.close()


READ_ONLY = """
import asyncio, os, sys
import eventlog.store.sqlite.store  # While Python's own files can still be read.
from eventlog import EventLog, ItemsAdded, PostgresOptions, SqliteOptions
from eventlog.errors import ReadOnlyError

async def main(path: str) -> None:
    log = EventLog(path)
    for call in (log.append("chat", ItemsAdded(["b"])), log.version("chat")):
        try:
            print("answer", await call)
        except ReadOnlyError as error:
            print("refused", error)

if os.geteuid() == 0:
    os.setuid(65534)  # Root may write what is read-only.
asyncio.run(main(sys.argv[1]))
"""


async def read_only_log(folder: Path, mode: int) -> tuple[str, str]:
    """Return what a user hears who appends to, and then reads, a read-only file in a folder."""
    path = folder / "log.db"
    async with EventLog(path) as log:
        await log.append("chat", ItemsAdded(["a"]))
    path.chmod(0o444)
    folder.chmod(mode)
    before = checksum(path)
    script = [sys.executable, "-c", READ_ONLY, str(path)]
    run = subprocess.run(script, capture_output=True, text=True, check=False, cwd="/")
    assert run.returncode == 0, run.stderr
    assert checksum(path) == before
    append, version = run.stdout.splitlines()
    return append, version


async def test_a_read_only_file_cannot_be_written_but_read(public_folder: Path) -> None:
    """The message says that the file is read-only; the file is as it was."""
    append, version = await read_only_log(public_folder, 0o777)
    assert append.startswith("refused")
    assert "read-only" in append
    assert version == "answer 1"


async def test_a_read_only_folder_is_named_with_a_way_out(public_folder: Path) -> None:
    """Nobody can write there, so that it can be read; to write, a copy is what helps."""
    append, version = await read_only_log(public_folder, 0o555)
    assert append.startswith("refused")
    assert "Copy it" in append
    assert version == "answer 1"


async def test_a_locked_file_gives_up_after_the_timeout(tmp_path: Path) -> None:
    """Somebody else's long transaction is named as the cause; later it works."""
    path = tmp_path / "log.db"
    async with EventLog(path, sqlite=SqliteOptions(busy_timeout=0.2)) as log:
        await log.append("chat", ItemsAdded(["a"]))
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as rival:
            rival.execute("BEGIN IMMEDIATE")
            with pytest.raises(BusyError, match="locked"):
                await log.append("chat", ItemsAdded(["b"]))
            assert await log.version("chat") == 1
        assert (await log.append("chat", ItemsAdded(["b"]))).last == 2


async def test_memory_is_private_to_its_handle() -> None:
    """Two handles on :memory: are two logs."""
    async with EventLog(":memory:") as one, EventLog(":memory:") as other:
        await one.append("chat", ItemsAdded(["a"]))
        assert await other.version("chat") == 0
        assert (await one.verify()).events == 1
