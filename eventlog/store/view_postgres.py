"""Views in PostgreSQL: rows go in as one statement for each table."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal

import asyncpg

from eventlog.records import Entry
from eventlog.store import view_work
from eventlog.store.pool import Connection
from eventlog.store.statement import Statement
from eventlog.store.view_base import (
    Aside,
    Batch,
    Checkpoint,
    Compared,
    Search,
    Selection,
    TableSpec,
    ViewRow,
)
from eventlog.store.view_sql import ViewStatements
from eventlog.store.view_work import Work

Isolation = Literal["read_committed", "repeatable_read"]
_Fetch = Callable[[Statement, dict[str, Any]], Awaitable[list[Any]]]
_Borrow = Callable[[Callable[["Connection[Any]"], Awaitable[Any]]], Awaitable[Any]]


class PostgresViews:
    """A ViewSource; `fetch` sends a statement, `borrow` lends a connection for a transaction."""

    batch = 2000

    def __init__(self, sql: ViewStatements, fetch: _Fetch, borrow: _Borrow) -> None:
        self._sql = sql
        self._fetch = fetch
        self._borrow = borrow

    async def checkpoints(self) -> list[Checkpoint]:
        return [Checkpoint.load(row) for row in await self._fetch(self._sql.checkpoints, {})]

    async def begin(
        self, projection: str, schema: int, tables: Sequence[TableSpec], *, beside: bool
    ) -> int:
        generation: int = await self._do(
            lambda: view_work.begin(self._sql, projection, schema, tables, beside=beside)
        )
        return generation

    async def take_over(self, new: Checkpoint, tables: Sequence[TableSpec]) -> bool:
        return await self._do(lambda: view_work.take_over(self._sql, new, tables)) is not None

    async def drop(self, projection: str, generation: int, tables: Sequence[TableSpec]) -> None:
        await self._do(lambda: view_work.drop(self._sql, projection, generation, tables))

    async def headers(self, stream_id: bytes, until: int) -> list[Entry]:
        values = {"stream_id": stream_id, "until": until}
        return [Entry._make(row) for row in await self._fetch(self._sql.headers, values)]

    async def held(
        self, table: TableSpec, generation: int, partitions: Sequence[Any], tenant: str | None
    ) -> list[ViewRow]:
        statement = self._sql.held(table, generation, of_tenant=tenant is not None)
        return await self._fetch(statement, {"partitions": list(partitions), "of_tenant": tenant})

    async def apply(self, batch: Batch) -> bool:
        return await self._do(lambda: view_work.apply(self._sql, batch)) is not None

    async def select(self, selection: Selection) -> list[ViewRow]:
        return await self._fetch(self._sql.select(selection), selection.values())

    async def search(self, search: Search) -> list[ViewRow]:
        phrases = {f"phrase_{number}": text for number, text in enumerate(search.phrases)}
        return await self._fetch(self._sql.search(search), {**search.values(), **phrases})

    async def asides(
        self, projection: str, generation: int, tenant: str, limit: int
    ) -> list[Aside]:
        of = {"of_projection": projection, "of_generation": generation, "of_tenant": tenant}
        rows = await self._fetch(self._sql.asides, {**of, "limit": limit})
        return [Aside._make(row) for row in rows]

    async def compare(
        self, table: TableSpec, first: Checkpoint, second: Checkpoint, limit: int
    ) -> Compared | None:
        found: Compared | None = await self._do(
            lambda: view_work.compare(self._sql, table, first, second, limit),
            isolation="repeatable_read",
        )
        return found

    async def show(self, table: TableSpec, generation: int, *, shown: bool) -> None:
        await self._do(lambda: view_work.show(self._sql, table, generation, shown=shown))

    async def _do(self, begin: Callable[[], Work], isolation: Isolation = "read_committed") -> Any:
        async def run(connection: "asyncpg.Connection[Any]") -> Any:
            transaction = connection.transaction(isolation=isolation)
            await transaction.start()
            try:
                done = await _answer(connection, begin())
            except BaseException:
                await transaction.rollback()
                raise
            await (transaction.rollback() if done is None else transaction.commit())
            return done

        return await self._borrow(run)


async def _answer(connection: "asyncpg.Connection[Any]", work: Work) -> Any:
    try:
        ask = next(work)
        while True:
            if ask.many is not None:
                await connection.executemany(ask.text, ask.many)
                ask = work.send([])
            else:
                ask = work.send(await connection.fetch(ask.text, *ask.args))
    except StopIteration as end:
        return end.value
