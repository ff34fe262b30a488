"""Pools of connections to PostgreSQL: one for each event loop, closed with the loop."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, TypeVar

import asyncpg

from eventlog.addresses.log import PostgresAddress
from eventlog.errors import UnavailableError
from eventlog.loops import PerLoop
from eventlog.store.contract.options import Options
from eventlog.store.postgres.pool import FAREWELL, LOST, Connection, Pool, closed
from eventlog.store.sql.session import SETTINGS

_T = TypeVar("_T")
_Use = Callable[["Connection[Any]"], Awaitable[_T]]


class _Mine:
    """The pool of one loop; opened by the first who needs it."""

    def __init__(self) -> None:
        self.opening = asyncio.Lock()
        self.pool: Pool | None = None
        self.end: AsyncGenerator[None, None] | None = None

    @property
    def usable(self) -> Pool | None:
        """The pool, unless its loop has closed it."""
        return None if self.pool is None or self.pool.is_closed else self.pool


class Pools:
    """Lends connections to whatever loop is running. `prepare` runs once, before the first use."""

    def __init__(self, address: PostgresAddress, options: Options, prepare: "_Use[None]") -> None:
        self._address = address
        self._options = options
        self._prepare = prepare
        self._prepared = False
        self._closed = False
        self._pools: PerLoop[_Mine] = PerLoop()

    async def run(self, use: "_Use[_T]") -> _T:
        """Call `use` with a connection that nobody else has meanwhile.

        What raises one of LOST may be tried again: the next connection is a new one.
        """
        mine = self._pools.peek()
        pool = None if mine is None else mine.usable
        if pool is None:
            pool = await self._open_pool()
        connection = pool.take() or await self._acquire(pool)
        try:
            return await use(connection)
        except asyncpg.PostgresError as error:
            if isinstance(error, LOST):
                connection.terminate()
                pool.drop_idle()  # Whatever broke this one has probably broken those too.
            raise
        except BaseException as error:
            connection.terminate()  # Who knows what it still has to say: nobody else shall hear it.
            if isinstance(error, LOST):
                pool.drop_idle()
            if isinstance(error, asyncpg.InternalClientError):
                raise ConnectionResetError(f"{self._address} ended the connection.") from error
            raise
        finally:
            pool.release(connection)

    def lent(self) -> int:
        """Return how many connections are in use just now."""
        return sum(len(mine.pool.lent) for mine in self._pools.values() if mine.pool is not None)

    async def close(self) -> None:
        """Close every pool, in the loop that it belongs to. For good."""
        loop = asyncio.get_running_loop()
        self._closed = True
        for owner, mine in self._pools.pop_all().items():
            if mine.pool is None:
                continue
            if owner is loop:
                await mine.pool.close(self._options.postgres.statement_timeout)
            elif owner.is_running():
                owner.call_soon_threadsafe(mine.pool.terminate)
            elif not owner.is_closed():
                # The SDK's run_sync leaves its loop open and idle; only that loop can close these.
                with contextlib.suppress(RuntimeError):
                    await asyncio.to_thread(owner.run_until_complete, mine.pool.close(FAREWELL))

    async def _acquire(self, pool: Pool) -> "Connection[Any]":
        patience = self._options.postgres.connect_timeout
        try:
            async with asyncio.timeout(patience):
                return await pool.acquire()
        except (OSError, TimeoutError) as error:
            raise UnavailableError(
                f"No connection to {self._address} within {patience:g} s:"
                f" {str(error) or 'the server does not answer, or the pool is in use'}."
                " Is the server running, and are host and port right?"
            ) from error

    async def _open_pool(self) -> Pool:
        mine = self._pools.get(self._new)
        async with mine.opening:
            pool = mine.usable
            if pool is None:
                pool = mine.pool = await self._open(mine)
        return pool

    def _new(self) -> _Mine:
        if self._closed:
            raise closed()
        return _Mine()

    async def _open(self, mine: _Mine) -> Pool:
        pool = Pool(self._connect, self._options.postgres.pool_size)
        try:
            await self._prepare_once(pool)
        except BaseException:
            pool.terminate()
            raise
        # Runner.run_sync ends a loop's generators after each run and goes on using the loop, which
        # then warns of new ones: there the pool lives as long as its thread.
        if not getattr(asyncio.get_running_loop(), "_asyncgens_shutdown_called", False):
            mine.end = _closing(pool)
            await anext(mine.end)
        return pool

    async def _connect(self) -> "Connection[Any]":
        connection: Connection[Any] = await asyncpg.connect(
            self._address.dsn,
            timeout=self._options.postgres.connect_timeout,
            command_timeout=self._options.postgres.statement_timeout,
            **_session(self._options),
        )
        return connection

    async def _prepare_once(self, pool: Pool) -> None:
        if self._prepared:
            return
        connection = await self._acquire(pool)
        try:
            if self._options.postgres.pgbouncer:
                await _check_durability(self._address, connection)
            await self._prepare(connection)
        finally:
            pool.release(connection)
        self._prepared = True


def _session(options: Options) -> dict[str, Any]:
    """Say what a connection is opened with.

    PgBouncer in transaction mode refuses settings of a session that it does not track, and a
    statement that was named on one server connection is unknown on the next
    (https://www.pgbouncer.org/features.html).
    """
    settings = {"application_name": "eventlog"}
    if options.postgres.pgbouncer:
        return {"server_settings": settings, "statement_cache_size": 0}
    commit = "on" if options.durability == "full" else "off"
    return {"server_settings": {**settings, **SETTINGS, "synchronous_commit": commit}}


async def _check_durability(address: PostgresAddress, connection: "Connection[Any]") -> None:
    if await connection.fetchval("SHOW synchronous_commit") == "off":
        raise UnavailableError(
            f"{address} has synchronous_commit off, and PgBouncer lets no session change it:"
            " acknowledged events could be lost. Turn it on for this role or database."
        )


async def _closing(pool: Pool) -> AsyncGenerator[None, None]:
    """Close the pool when the loop ends: asyncio.run closes every generator that has begun."""
    try:
        yield
    finally:
        await pool.close(FAREWELL)
