"""A log that is opened for reading alone: everything can be read, and nothing is changed."""

import hashlib
import json
from pathlib import Path

import pytest

from eventlog import ItemsAdded, StoreError
from eventlog.errors import InvalidOptionError, NotAnEventLogError
from eventlog_projections import Conversation
from eventlog_projections.views import Views, conversations
from tests import processes
from tests.backends import Backend

_APPEND = """
import asyncio, json, sys
from eventlog import EventLog, ItemsAdded, PostgresOptions
async def main():
    url, schema = sys.argv[1:]
    async with EventLog(url, postgres=PostgresOptions(schema=schema)) as log:
        await log.append("chat", ItemsAdded(["new"]))
asyncio.run(main())
"""


async def test_everything_can_be_read(backend: Backend) -> None:
    """Items, history, feed, verification, views that somebody else keeps."""
    async with backend.open() as log:
        await Conversation(log, "chat").add([{"role": "user", "content": "hi"}])
        await Views(log).catch_up()
    async with backend.open(read_only=True) as log:
        assert len(await Conversation(log, "chat").items()) == 1
        assert len(await Conversation(log, "chat").history().all()) == 1
        assert len(await log.feed().all()) == 1
        assert (await log.verify()).ok
        assert [each.name for each in await conversations(Views(log))] == ["chat"]


async def test_nothing_can_be_appended(backend: Backend) -> None:
    """Whoever tries is told so, and nothing is stored."""
    async with backend.open(read_only=True) as log:
        with pytest.raises(StoreError):
            await log.append("chat", ItemsAdded(["a"]))
        assert await log.version("chat") == 0
    async with backend.open() as log:
        assert await log.version("chat") == 0


async def test_nothing_is_kept_beside_the_events(backend: Backend) -> None:
    """Not even what reading could leave there: snapshots, views, tiles of the tree."""
    async with backend.open() as log:
        chat = Conversation(log, "chat")
        for batch in range(30):
            await chat.add([batch] * 50)
    before = await _rows(backend)
    async with backend.open(read_only=True) as log:
        await Conversation(log, "chat").read(as_of=20)
        await Conversation(log, "chat").items()
        assert await log.tree.extend() == 0
    assert await _rows(backend) == before


async def test_what_others_append_is_seen(backend: Backend) -> None:
    """Another process goes on writing, and is neither hindered nor missed."""
    async with backend.open(read_only=True) as log:
        assert await log.version("chat") == 0
        schema = backend.options.get("schema", "eventlog")
        code, said = await processes.output_of("-c", _APPEND, backend.url, schema)
        assert code == 0, said
        assert await Conversation(log, "chat").items() == ["new"]


async def test_no_log_is_made(blank: Backend) -> None:
    """Where there is none, that is said."""
    async with blank.open(read_only=True) as log:
        with pytest.raises(NotAnEventLogError):
            await log.version("chat")
    if blank.name == "sqlite":
        assert not Path(blank.url).exists()


async def test_upgrading_is_no_reading(backend: Backend) -> None:
    """Options that contradict each other are refused."""
    with pytest.raises(InvalidOptionError):
        backend.open(read_only=True, migrate=True)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_bytes_of_a_file_stay_as_they_are(backend: Backend) -> None:
    """A copy that is kept as evidence is not touched by looking at it."""
    async with backend.open() as log:
        await log.append("chat", ItemsAdded([json.loads("1")]))
    before = hashlib.sha256(Path(backend.url).read_bytes()).digest()
    async with backend.open(read_only=True) as log:
        assert (await log.verify()).ok
    assert hashlib.sha256(Path(backend.url).read_bytes()).digest() == before


async def _rows(backend: Backend) -> list[int]:
    tables = ("events", "snapshots", "tree", "checkpoints")
    return [(await backend.execute(f"SELECT count(*) FROM {{}}{each}"))[0][0] for each in tables]
