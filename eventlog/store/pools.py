"""Connections to PostgreSQL: asyncpg's pool, one for each event loop, closed with the loop."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Final, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from eventlog.errors import UnavailableError
from eventlog.store.address import PostgresAddress
from eventlog.store.base import Options

_T = TypeVar("_T")
Lent = PoolConnectionProxy  # Only its pool may close it.
_Use = Callable[["Lent[Any]"], Awaitable[_T]]


class _Pool:
    """The pool of one loop; opened by the first who needs it."""

    def __init__(self) -> None:
        self.opening = asyncio.Lock()
        self.pool: asyncpg.Pool[Any] | None = None
        self.end: AsyncGenerator[None, None] | None = None


class Pools:
    """Lends connections to whatever loop is running. `prepare` runs once, before the first use."""

    def __init__(self, address: PostgresAddress, options: Options, prepare: "_Use[None]") -> None:
        self._address = address
        self._options = options
        self._prepare = prepare
        self._prepared = False
        self._pools: dict[asyncio.AbstractEventLoop, _Pool] = {}
        self._lock = threading.Lock()

    async def run(self, use: "_Use[_T]") -> _T:
        """Call `use` with a connection that nobody else has meanwhile."""
        pool = await self._pool()
        try:
            connection = await pool.acquire(timeout=self._options.connect_timeout)
        except (OSError, TimeoutError) as error:
            raise UnavailableError(
                f"No connection to {self._address} within {self._options.connect_timeout:g} s:"
                f" {str(error) or 'the server does not answer, or the pool is in use'}."
                " Is the server running, and are host and port right?"
            ) from error
        try:
            return await use(connection)
        finally:
            await pool.release(connection)

    async def close(self) -> None:
        """Close the pool of this loop, and drop those of others."""
        loop = asyncio.get_running_loop()
        with self._lock:
            pools, self._pools = self._pools, {}
        for owner, mine in pools.items():
            if mine.pool is None:
                continue
            if owner is loop:
                await mine.pool.close()
            elif not owner.is_closed():
                owner.call_soon_threadsafe(mine.pool.terminate)

    def forget(self) -> None:
        """Drop every pool without a word to the server: its sockets are another process's."""
        _of_another_process.append(self._pools)
        self._pools = {}

    async def _pool(self) -> "asyncpg.Pool[Any]":
        mine = self._of_this_loop()
        if mine.pool is None:
            async with mine.opening:
                if mine.pool is None:
                    mine.pool = await self._open(mine)
        return mine.pool

    def _of_this_loop(self) -> _Pool:
        loop = asyncio.get_running_loop()
        mine = self._pools.get(loop)
        if mine is None:
            with self._lock:
                for closed in [known for known in self._pools if known.is_closed()]:
                    del self._pools[closed]
                mine = self._pools.setdefault(loop, _Pool())
        return mine

    async def _open(self, mine: _Pool) -> "asyncpg.Pool[Any]":
        pool = await asyncpg.create_pool(
            self._address.dsn,
            min_size=0,
            max_size=self._options.pool_size,
            timeout=self._options.connect_timeout,
            command_timeout=self._options.statement_timeout,
            reset=_keep,
            server_settings=_settings(self._options),
        )
        try:
            await self._prepare_once(pool)
        except BaseException:
            await pool.close()
            raise
        mine.end = _closing(pool)
        await anext(mine.end)
        return pool

    async def _prepare_once(self, pool: "asyncpg.Pool[Any]") -> None:
        if not self._prepared:
            async with pool.acquire() as connection:
                await self._prepare(connection)
            self._prepared = True


_of_another_process: Final[list[object]] = []
"""Pools of the parent process, kept so that nobody closes their sockets here."""


def _settings(options: Options) -> dict[str, str]:
    commit = "on" if options.durability == "full" else "off"
    return {"application_name": "eventlog", "synchronous_commit": commit}


async def _keep(connection: "asyncpg.Connection[Any]") -> None:
    """Skip asyncpg's reset on release, a round trip: no statement of ours leaves a state behind."""


async def _closing(pool: "asyncpg.Pool[Any]") -> AsyncGenerator[None, None]:
    """Close the pool when the loop ends: asyncio.run closes every generator that has begun."""
    try:
        yield
    finally:
        await pool.close()
