"""Every statement that a distributed log sends is held against what Citus refuses."""

import re
import uuid
from collections.abc import AsyncIterator
from typing import Any, Final

import asyncpg
import pytest

from eventlog.operations import migrate
from eventlog.store.postgres.distributed import DISTRIBUTED
from tests import distributing
from tests.backends import PostgresBackend
from tests.databases.citus.refusals import Catalog, refusals
from tests.databases.citus.trees import Node, parse
from tests.databases.citus.workload import use
from tests.databases.test_distributed_form import distribute

TAKEN: Final[dict[str, str]] = {}
"""Findings that Citus has nothing against after all, and why, by a part of the statement."""


class Heard:
    """The trees of whatever was sent to a database, each with a statement of it."""

    def __init__(self) -> None:
        self.trees: dict[str, str] = {}

    def hear(self, _connection: Any, message: Any) -> None:
        """Keep what the server says of a statement that it has rewritten."""
        if message.message.startswith("rewritten parse tree") and message.detail:
            self.trees.setdefault(
                re.sub(r":(location|stmt_len|stmt_location) -?\d+", "", message.detail),
                message.query,
            )


@pytest.fixture
async def heard(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Heard]:
    """What listens on every connection to a database that tells what it is sent."""
    heard = Heard()
    connect = asyncpg.connect

    async def connected(*args: Any, **options: Any) -> Any:
        connection = await connect(*args, **options)
        connection.add_log_listener(heard.hear)
        return connection

    monkeypatch.setattr(asyncpg, "connect", connected)
    yield heard


async def test_nothing_that_is_sent_is_refused(postgres_url: str, heard: Heard) -> None:
    """By whatever a log does: all that the server was sent, statements in functions too."""
    name = f"test_{uuid.uuid4().hex[:16]}"
    async with distributing.database(postgres_url, name) as url:
        backend = PostgresBackend(url)
        await migrate(url, **backend.options)
        await distribute(backend)
        for setting in (
            "debug_print_rewritten = on",
            "debug_pretty_print = off",
            "client_min_messages = log",
        ):
            await backend.execute(f"ALTER DATABASE {name} SET {setting}")
        await use(url, **backend.options)
        connection = await asyncpg.connect(url)
        catalog = await Catalog.read(connection, backend.schema, DISTRIBUTED)
        await connection.close()
    print(len(heard.trees))
    found = {}
    for text, statement in heard.trees.items():
        for tree in _trees(text):
            against = refusals(tree, catalog)
            if against:
                found[statement] = against
    for k, v in found.items():
        print(v, "|", k[:300])
    assert not found


def _trees(text: str) -> list[Node]:
    return [parse(text)] if text.count("{QUERY") else []
