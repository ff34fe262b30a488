"""Whatever the database does, its error names the conversation that is concerned: each its own."""

import asyncio
import contextlib
import sqlite3
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest

from eventlog import BusyError, EventLog, ItemsAdded, PostgresOptions, SqliteOptions, StoreError
from eventlog.errors import FileReplacedError, UnavailableError
from eventlog.keys import new_key, parse_keyring
from eventlog.operations import rekey
from eventlog.store.nouns.outcomes import UnansweredError
from eventlog_projections import Conversation, erase
from tests import distributing
from tests.backends import Backend, PostgresBackend
from tests.elsewhere import open_elsewhere

Work = Callable[[EventLog, str], Awaitable[object]]


async def read(log: EventLog, name: str) -> None:
    await log.read(name).all()


async def branches(log: EventLog, name: str) -> None:
    await log.branches(name).all()


READS: Final[dict[str, Work]] = {
    "items": lambda log, name: Conversation(log, name).items(),
    "as of": lambda log, name: Conversation(log, name).items(as_of=1),
    "read": read,
    "version": lambda log, name: log.version(name),
    "stream": lambda log, name: log.stream(name),
    "history": lambda log, name: Conversation(log, name).history().all(),
}
CHANGES: Final[dict[str, Work]] = {
    "append": lambda log, name: log.append(name, ItemsAdded(["more"])),
    "append with an id": lambda log, name: Conversation(log, name).add(["more"]),
    "pop": lambda log, name: Conversation(log, name).pop(),
    "clear": lambda log, name: Conversation(log, name).clear(),
    "rekey": rekey,
    "erase": lambda log, name: erase(log, name, reason="why", by="me"),
}


async def told(log: EventLog, work: Work, name: str) -> StoreError:
    """Return the error of one call, which names what it is of."""
    with pytest.raises(StoreError) as caught:
        await work(log, name)
    error = caught.value
    assert error.stream == name, str(error)
    assert str(error).count(repr(name)) == 1, str(error)
    assert not isinstance(error.__cause__, UnansweredError)
    return error


async def told_together(log: EventLog, names: list[str]) -> None:
    """Have several be appended at once; each hears its own name and no other."""
    tries = [log.append(name, ItemsAdded(["more"])) for name in names]
    errors = await asyncio.gather(*tries, return_exceptions=True)
    for name, error in zip(names, errors, strict=True):
        assert isinstance(error, StoreError)
        assert error.stream == name
        assert [other for other in names if repr(other) in str(error)] == [name]
    assert len({id(error) for error in errors}) == len(names)


NAMES: Final = ["one", "two", "three"]

LIMIT: Final = 0.2 if distributing.kind() is None else 1.5
"""Seconds of a statement. The first ones of a session open others, to each node they concern."""


async def fill(backend: Backend) -> None:
    backend.keyring = parse_keyring(new_key("kek"))
    async with open_elsewhere(backend) as log:
        for name in NAMES:
            await log.append(name, [ItemsAdded([1]), ItemsAdded([2])])


@contextlib.asynccontextmanager
async def locked(backend: Backend) -> AsyncGenerator[EventLog]:
    """Have somebody keep everything locked, from reads too where the database can."""
    await fill(backend)
    if isinstance(backend, PostgresBackend):
        options = PostgresOptions(schema=backend.schema, statement_timeout=LIMIT)
        log = EventLog(backend.url, keyring=backend.keyring, postgres=options)
        await log.position()
        connection = await asyncpg.connect(backend.url)
        async with connection.transaction():
            for table in ("events", "streams", "keys", "snapshots"):
                await connection.execute(f"LOCK TABLE {backend.schema}.{table}")
            yield log
        await connection.close()
    else:
        log = EventLog(
            backend.url, keyring=backend.keyring, sqlite=SqliteOptions(busy_timeout=0.05)
        )
        await log.position()
        with contextlib.closing(sqlite3.connect(backend.url, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield log
    await log.close()


@pytest.mark.parametrize("what", [*READS, *CHANGES])
async def test_what_is_locked_names_the_conversation(backend: Backend, what: str) -> None:
    """Of whatever call, once; SQLite locks no reader."""
    async with locked(backend) as log:
        if what in CHANGES or backend.name != "sqlite":
            error = await told(log, {**READS, **CHANGES}[what], "one")
            assert isinstance(error, BusyError)


async def test_of_a_group_that_is_locked_each_hears_its_own_name(backend: Backend) -> None:
    """They waited together, for one lock."""
    async with locked(backend) as log:
        await told_together(log, NAMES)


@pytest.mark.parametrize("what", [*READS, *CHANGES])
async def test_a_file_that_is_gone_names_the_conversation(tmp_path: Path, what: str) -> None:
    """The typed error keeps what else it says."""
    path = tmp_path / "log.db"
    async with EventLog(path, keyring=parse_keyring(new_key("kek"))) as log:
        await log.append("one", [ItemsAdded([1]), ItemsAdded([2])])
        path.unlink()
        error = await told(log, {**READS, **CHANGES}[what], "one")
        assert isinstance(error, FileReplacedError)
        assert error.path == str(path)
        await told_together(log, NAMES)


@pytest.mark.parametrize("what", [*READS, *CHANGES])
async def test_a_server_that_nobody_reaches_names_the_conversation(what: str) -> None:
    """Whether it was ever reached or not."""
    url = "postgresql://user@127.0.0.1:9/db"
    schema = f"s{uuid.uuid4().hex[:8]}"
    options: dict[str, Any] = {"postgres": PostgresOptions(schema=schema, connect_timeout=0.2)}
    async with EventLog(url, keyring=parse_keyring(new_key("kek")), **options) as log:
        error = await told(log, {**READS, **CHANGES}[what], "one")
        assert isinstance(error, UnavailableError)
        await told_together(log, NAMES)


async def test_what_concerns_no_conversation_names_none() -> None:
    """The feed, the list of conversations."""
    url = "postgresql://user@127.0.0.1:9/db"
    options = PostgresOptions(schema="nobody", connect_timeout=0.2)
    async with EventLog(url, postgres=options) as log:
        for work in (log.position, log.feed().all, log.streams().all, log.latest):
            with pytest.raises(UnavailableError) as caught:
                await work()
            assert caught.value.stream is None
            assert "onversation" not in str(caught.value)
