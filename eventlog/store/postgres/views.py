"""Views in PostgreSQL: rows go in as one statement for each table."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal

import asyncpg

from eventlog.store.contract.views import Checkpoint, Compared, Search, TableSpec, ViewRow
from eventlog.store.nouns import views as view_work
from eventlog.store.nouns.stored_views import StoredViews
from eventlog.store.nouns.views import Work
from eventlog.store.postgres.pool import Connection
from eventlog.store.sql.statement import Statement
from eventlog.store.sql.view_rows import ViewStatements

Isolation = Literal["read_committed", "repeatable_read"]
_Fetch = Callable[[Statement, dict[str, Any]], Awaitable[list[Any]]]
_Borrow = Callable[[Callable[["Connection[Any]"], Awaitable[Any]]], Awaitable[Any]]


class PostgresViews(StoredViews):
    """A ViewSource; `fetch` sends a statement, `borrow` lends a connection for a transaction."""

    batch = 2000

    def __init__(self, sql: ViewStatements, fetch: _Fetch, borrow: _Borrow) -> None:
        super().__init__(sql)
        self._fetch = fetch
        self._borrow = borrow

    async def held(
        self, table: TableSpec, generation: int, partitions: Sequence[Any], tenant: str | None
    ) -> list[ViewRow]:
        statement = self._sql.held(table, generation, of_tenant=tenant is not None)
        return await self._rows(statement, {"partitions": list(partitions), "of_tenant": tenant})

    async def search(self, search: Search) -> list[ViewRow]:
        phrases = {f"phrase_{number}": text for number, text in enumerate(search.phrases)}
        return await self._rows(self._sql.search(search), {**search.values(), **phrases})

    async def compare(
        self, table: TableSpec, first: Checkpoint, second: Checkpoint, limit: int
    ) -> Compared | None:
        found: Compared | None = await self._do(
            lambda: view_work.compare(self._sql, table, first, second, limit),
            isolation="repeatable_read",
        )
        return found

    async def _rows(self, statement: Statement, values: dict[str, Any]) -> list[Any]:
        return await self._fetch(statement, values)

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
