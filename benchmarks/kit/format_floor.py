"""The floor of the format: an event of ours made and stored with nothing around it.

One encode, one seal, one link and the statements, on a connection that nobody else uses: no
session, no queue, no retry, no idempotency. What the log takes above it is the log's own.
"""

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import asyncpg

from benchmarks.kit.floor import Hop
from eventlog import EventLog, ItemsAdded, PostgresOptions
from eventlog.format import requests
from eventlog.format.chain import GENESIS, link
from eventlog.format.events import NewEvent
from eventlog.format.preparing import prepare
from eventlog.format.records import AppendRequest, Head, StoredEvent
from eventlog.log import DEFAULT_TENANT
from eventlog.store.contract.options import MAX_ITEM_BYTES
from eventlog.store.postgres.statements import of
from eventlog.store.sqlite.statements import LOG

FORMAT_SQLITE: Final = "our rows alone, one hop"
FORMAT_POSTGRES: Final = "our rows alone, one statement"

STREAM: Final = "floor"


class _Chain:
    """One stream, and the head that the next event is linked to."""

    def __init__(self, name: str = STREAM) -> None:
        self._name: Final = name
        self.head: Head = GENESIS

    def link(self, items: list[Any]) -> tuple[AppendRequest, StoredEvent, Head]:
        news = NewEvent(ItemsAdded(items))
        at = time.time_ns() // 1000
        request = requests.build(DEFAULT_TENANT, self._name, news, None, at, MAX_ITEM_BYTES)
        before = self.head
        prepared = [prepare(event) for event in request.events]
        (row,), self.head = link(request.stream_id, before, prepared, at)
        return request, row, before


def _stream(request: AppendRequest, after: Head) -> dict[str, Any]:
    """Return the row of the stream."""
    return {
        "stream_id": request.stream_id,
        "tenant": request.tenant,
        "name": request.name,
        "version": after.version,
        "head_hash": after.hash,
        "head_at": after.at,
        "parent_id": None,
        "parent_version": None,
        "created_at": after.at,
        "branch": request.branch,
        "key_id": None,
    }


async def rows_in_file(
    stack: AsyncExitStack, path: str, streams: Sequence[str] = (STREAM,)
) -> "SqliteRows":
    """Make a log's file for some streams."""
    async with EventLog(path) as log:
        await log.version(STREAM)
    hop = Hop(Path(path))
    stack.callback(hop.close)
    return SqliteRows(hop, streams)


async def rows_in_schema(
    connection: "asyncpg.Connection[Any]", url: str, schema: str
) -> "PostgresRows":
    """Make a log's schema for it."""
    async with EventLog(url, postgres=PostgresOptions(schema=schema)) as log:
        await log.version(STREAM)
    return PostgresRows(connection, schema)


class SqliteRows:
    """Stores events in a log's file through a hop of its own."""

    def __init__(self, hop: Hop, streams: Sequence[str]) -> None:
        self._hop = hop
        self._chains = [_Chain(name) for name in streams]

    def append(self, items: list[Any]) -> "asyncio.Future[Any]":
        """Append one event to each stream, in one transaction, committed and flushed."""

        def transaction(db: sqlite3.Connection) -> None:
            linked = [chain.link(items) for chain in self._chains]
            db.execute("BEGIN IMMEDIATE")
            db.executemany(LOG.insert_event.text, [row for _, row, _ in linked])
            for chain, (request, _, before) in zip(self._chains, linked, strict=True):
                after = chain.head
                if before.version == 0:
                    first = LOG.insert_stream.args(_stream(request, after))
                    db.execute(LOG.insert_stream.text, first)
                else:
                    db.execute(LOG.update_stream.text, (*after, request.stream_id))
            db.execute("COMMIT")

        return self._hop.run(transaction)


class PostgresRows:
    """Stores events in a log's schema on a connection of its own."""

    def __init__(self, connection: "asyncpg.Connection[Any]", schema: str) -> None:
        self._connection = connection
        self._sql = of(schema).log
        self._chain = _Chain()

    async def append(self, items: list[Any]) -> None:
        """Append one event, committed and flushed."""
        request, row, before = self._chain.link(items)
        after = self._chain.head
        statement = self._sql.append_next if before.version else self._sql.append_first
        values: dict[str, Any] = {
            **{f"event_{name}": value for name, value in row._asdict().items()},
            **_stream(request, after),
            "of_stream": request.stream_id,
            "linked_version": before.version,
            "linked_hash": before.hash,
            "at": request.at,
        }
        await self._connection.fetch(statement.text, *statement.args(values))
