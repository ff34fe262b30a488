"""Running work on PostgreSQL: statement by statement, on a connection of a pool."""

import functools
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal, TypeVar

import asyncpg
from asyncpg.transaction import Transaction

from eventlog.addresses.log import PostgresAddress
from eventlog.paging import PAGE_BYTES
from eventlog.store.contract.options import Options
from eventlog.store.nouns.outcomes import UnansweredError, answered
from eventlog.store.nouns.work import Ask, AskPage, Each, Repeat, Rows, Step, Work, is_refused
from eventlog.store.postgres.errors import LOOK_AGAIN, translated
from eventlog.store.postgres.opening import prepare
from eventlog.store.postgres.pool import LOST, Connection
from eventlog.store.postgres.pools import Pools
from eventlog.store.sql.statement import Statement

_T = TypeVar("_T")
_Use = Callable[["Connection[Any]"], Awaitable[_T]]


class PostgresRunner:
    """A Runner over the pools of one address."""

    def __init__(
        self, address: PostgresAddress, options: Options, distribute: Callable[[], None]
    ) -> None:
        """Call `distribute` before anything is run on a log whose tables are on many nodes."""
        self._address = address
        self._distribute = distribute
        self._but_look_again: Final = translated(address, *LOOK_AGAIN)
        opening = functools.partial(prepare, address, options, self._is_distributed)
        self.pools = Pools(address, options, opening)

    def _is_distributed(self) -> None:
        self.pools.is_distributed = True
        self._distribute()

    async def fetch(self, statement: Statement, values: dict[str, Any]) -> Rows:
        """Fetch the rows of one statement, on a new connection if the first one broke."""
        text, args = statement.text, statement.args(values)
        return await self._ask(lambda connection: connection.fetch(text, *args))

    async def send(self, statement: Statement, values: dict[str, Any]) -> Rows:
        """Run one statement that appends, once, and return its rows; LOOK_AGAIN comes as it is.

        Raises UnansweredError.
        """
        text, args = statement.text, statement.args(values)
        with self._but_look_again:
            return await self.pools.run(lambda connection: connection.fetch(text, *args))

    async def store(self, statement: Statement, values: dict[str, Any]) -> int:
        """Run one that returns no rows, and return how many it has stored; errors as `send`."""
        text, args = statement.text, statement.args(values)
        with self._but_look_again:
            done = await self.pools.run(lambda connection: connection.execute(text, *args))
        return int(done.rpartition(" ")[2])  # "INSERT 0 1"

    async def read(self, begin: Callable[[], Work[_T]]) -> _T:
        def use(connection: "Connection[Any]") -> Awaitable[_T]:
            return _answer(connection, begin())

        return await self._ask(use)

    async def examine(self, begin: Callable[[], Work[_T]]) -> _T:
        return await self.read(begin)

    async def read_at_once(self, begin: Callable[[], Work[_T]]) -> _T:
        return await self._transact(begin, "repeatable_read")

    async def write(self, begin: Callable[[], Work[_T]]) -> _T:
        def use(connection: "Connection[Any]") -> Awaitable[_T]:
            return _answer(connection, begin())

        with translated(self._address):
            try:
                return await self.pools.run(use)
            except UnansweredError as lost:
                if not lost.is_cut:
                    raise
                first = lost
            with first.known_no_better():
                return await self.pools.run(use)

    async def transact(self, begin: Callable[[], Work[_T]]) -> _T:
        return await self._transact(begin, "read_committed")

    async def _ask(self, use: "_Use[_T]") -> _T:
        with translated(self._address):
            try:
                return await self.pools.run(use)
            except UnansweredError as lost:
                if not lost.is_cut:
                    raise lost.error from lost.error.__cause__
            with answered():
                return await self.pools.run(use)

    async def _transact(
        self,
        begin: Callable[[], Work[_T]],
        isolation: Literal["read_committed", "repeatable_read"],
    ) -> _T:
        is_committing = False

        async def use(connection: "Connection[Any]") -> _T:
            nonlocal is_committing
            is_committing = False
            transaction = connection.transaction(isolation=isolation)
            await transaction.start()
            try:
                done = await _answer(connection, begin())
            except BaseException:
                await _roll_back(connection, transaction)
                raise
            if is_refused(done):
                await transaction.rollback()
            else:
                is_committing = True
                await transaction.commit()
            return done

        with translated(self._address):
            try:
                return await self.pools.run(use)
            except UnansweredError as lost:
                if is_committing:
                    raise
                raise lost.not_stored from lost  # It has no COMMIT, and never will.


async def _roll_back(connection: "Connection[Any]", transaction: Transaction) -> None:
    try:
        await transaction.rollback()
    except (asyncpg.PostgresError, *LOST, TimeoutError):
        connection.terminate()  # What failed before is what is told.


async def _answer(connection: "Connection[Any]", work: Work[_T]) -> _T:
    try:
        step = next(work)
        while True:
            step = work.send(await _rows(connection, step))
    except StopIteration as end:
        done: _T = end.value
        return done


def _rows(connection: "Connection[Any]", step: Step) -> Awaitable[Rows]:
    if isinstance(step, (Ask, AskPage)):
        return connection.fetch(step.text, *step.args)
    if isinstance(step, Each) and step.every:
        return _fetch_each(connection, step)
    return _without_rows(connection, step)


def _fetch_each(connection: "Connection[Any]", step: Each) -> Awaitable[Rows]:
    arrays = {f"every_{name}": [one[name] for one in step.every] for name in step.every[0]}
    args = step.statement.args({**arrays, **step.alike, "limit": step.limit, "bytes": PAGE_BYTES})
    return connection.fetch(step.statement.text, *args)


async def _without_rows(connection: "Connection[Any]", step: Step) -> Rows:
    if isinstance(step, Repeat):
        await connection.executemany(step.text, step.every)
    return []  # Heads that are remembered may be wrong here: nothing has to be evicted.
