"""What forked processes do in the tests of this folder. Imports all that a log ever needs."""

import asyncio
import fcntl
import itertools
from typing import Any, Final

import alembic.command
import asyncpg
import sqlalchemy.ext.asyncio

from eventlog import EventLog, ItemsAdded
from eventlog.store.postgres import migration as migrate_postgres
from eventlog.store.postgres import store as postgres
from eventlog.store.sqlite import store as sqlite
from tests.options import grouped

PRELOADED = (alembic.command, asyncpg, sqlalchemy.ext.asyncio, migrate_postgres, postgres, sqlite)


def prepare(url: str, options: dict[str, Any]) -> None:
    """Compile what a log on this database needs; no connection is opened."""
    _opened[url] = EventLog(url, **grouped(**options))


_opened: Final[dict[str, EventLog]] = {}


def write_until_killed(url: str, options: dict[str, Any], number: int) -> None:
    """Append batches of two to three conversations, and say of each that it was acknowledged."""

    async def write() -> None:
        log = _opened.get(url) or EventLog(url, **grouped(**options))
        for step in itertools.count(number):
            stream = f"chat-{step % 3}"
            answer = await log.append(stream, [ItemsAdded([number]), ItemsAdded([step])])
            print(stream, answer.last, number, step, flush=True)

    asyncio.run(write())


def open_at_once(url: str, options: dict[str, Any], number: int, gate: str) -> None:
    """Use a log that may not exist yet, when the gate opens; even numbers write, all read."""

    async def use() -> None:
        log = EventLog(url, **grouped(**options))
        if number % 2 == 0:
            for step in range(3):
                await log.append("chat", ItemsAdded([number]))
                await log.append(f"own-{number}", ItemsAdded([step]), expected_version=step)
        async for event in log.read("chat"):
            assert event.version > 0
        await log.close()

    print("ready", flush=True)
    with open(gate, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
    asyncio.run(use())
