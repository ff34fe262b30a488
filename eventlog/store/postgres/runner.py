"""Running work on PostgreSQL: statement by statement, on a connection of a pool."""

import functools
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar

import asyncpg

from eventlog.store.addresses.log import PostgresAddress
from eventlog.store.contract.options import Options
from eventlog.store.nouns.work import Ask, Each, Repeat, Rows, Step, Work, is_refused
from eventlog.store.postgres.errors import translated
from eventlog.store.postgres.opening import prepare
from eventlog.store.postgres.pool import LOST, Connection
from eventlog.store.postgres.pools import Pools
from eventlog.store.sql.statement import Statement

_T = TypeVar("_T")
_Use = Callable[["Connection[Any]"], Awaitable[_T]]


class PostgresRunner:
    """A Runner over the pools of one address."""

    def __init__(self, address: PostgresAddress, options: Options) -> None:
        self._address = address
        self.pools = Pools(address, options, functools.partial(prepare, address, options))

    async def fetch(
        self,
        statement: Statement,
        values: dict[str, Any],
        *,
        again: bool = True,
        untouched: tuple[type[Exception], ...] = (),
    ) -> Rows:
        """Fetch the rows of one statement; errors that are `untouched` come as they are.

        With `again`, a second time on a new connection if the first one broke.
        """
        args = statement.args(values)

        async def use(connection: "Connection[Any]") -> Rows:
            return await connection.fetch(statement.text, *args)

        with translated(self._address, *untouched):
            return await (self._again(use) if again else self.pools.run(use))

    async def read(self, begin: Callable[[], Work[_T]]) -> _T:
        with translated(self._address):
            return await self._again(lambda connection: _answer(connection, begin()))

    async def read_at_once(self, begin: Callable[[], Work[_T]]) -> _T:
        return await self._transact(begin, "repeatable_read")

    async def write(self, begin: Callable[[], Work[_T]]) -> _T:
        return await self.read(begin)

    async def transact(self, begin: Callable[[], Work[_T]]) -> _T:
        return await self._transact(begin, "read_committed")

    async def _again(self, use: "_Use[_T]") -> _T:
        try:
            return await self.pools.run(use)
        except LOST:
            return await self.pools.run(use)

    async def _transact(
        self,
        begin: Callable[[], Work[_T]],
        isolation: Literal["read_committed", "repeatable_read"],
    ) -> _T:
        async def use(connection: "Connection[Any]") -> _T:
            transaction = connection.transaction(isolation=isolation)
            await transaction.start()
            try:
                done = await _answer(connection, begin())
            except BaseException:
                await transaction.rollback()
                raise
            await (transaction.rollback() if is_refused(done) else transaction.commit())
            return done

        with translated(self._address):
            return await self.pools.run(use)


async def _answer(connection: "asyncpg.Connection[Any]", work: Work[_T]) -> _T:
    try:
        step = next(work)
        while True:
            step = work.send(await _rows(connection, step))
    except StopIteration as end:
        done: _T = end.value
        return done


async def _rows(connection: "asyncpg.Connection[Any]", step: Step) -> Rows:
    if isinstance(step, Ask):
        return await connection.fetch(step.text, *step.args)
    if isinstance(step, Each):
        return await _fetch_each(connection, step)
    if isinstance(step, Repeat):
        await connection.executemany(step.text, step.every)
    return []  # The heads that are remembered here may be wrong, so nothing has to be evicted.


async def _fetch_each(connection: "asyncpg.Connection[Any]", step: Each) -> Rows:
    if not step.every:
        return []
    arrays = {f"every_{name}": [one[name] for one in step.every] for name in step.every[0]}
    args = step.statement.args({**arrays, **step.alike, "limit": step.limit})
    return await connection.fetch(step.statement.text, *args)
