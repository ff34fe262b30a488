"""Connections to PostgreSQL: asyncpg's pool, one for each event loop, closed with the loop."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Final, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from eventlog.errors import ClosedError, UnavailableError
from eventlog.store.address import PostgresAddress
from eventlog.store.base import Options

_T = TypeVar("_T")
Lent = PoolConnectionProxy  # Only its pool may close it.
_Use = Callable[["Lent[Any]"], Awaitable[_T]]

LOST: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    ConnectionError,
)
"""The connection broke: what was sent last may or may not have happened.

InternalClientError is what asyncpg raises on a connection whose server has said farewell while
nobody listened.
"""


class _Pool:
    """The pool of one loop; opened by the first who needs it."""

    def __init__(self) -> None:
        self.opening = asyncio.Lock()
        self.pool: asyncpg.Pool[Any] | None = None
        self.end: AsyncGenerator[None, None] | None = None

    @property
    def usable(self) -> "asyncpg.Pool[Any] | None":
        """The pool, unless its loop has closed it."""
        return None if self.pool is None or self.pool.is_closing() else self.pool


class Pools:
    """Lends connections to whatever loop is running. `prepare` runs once, before the first use."""

    def __init__(self, address: PostgresAddress, options: Options, prepare: "_Use[None]") -> None:
        self._address = address
        self._options = options
        self._prepare = prepare
        self._prepared = False
        self._closed = False
        self._pools: dict[asyncio.AbstractEventLoop, _Pool] = {}
        self._lock = threading.Lock()

    async def run(self, use: "_Use[_T]") -> _T:
        """Call `use` with a connection that nobody else has meanwhile.

        What raises one of LOST may be tried again: the next connection is a new one.
        """
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
        except LOST as error:
            # Whatever broke this connection has probably broken the idle ones too.
            connection.terminate()
            await pool.expire_connections()
            if isinstance(error, asyncpg.InternalClientError):
                raise ConnectionResetError(f"{self._address} ended the connection.") from error
            raise
        finally:
            await pool.release(connection)

    async def close(self) -> None:
        """Close every pool, in the loop that it belongs to. For good."""
        loop = asyncio.get_running_loop()
        with self._lock:
            self._closed = True
            pools, self._pools = self._pools, {}
        for owner, mine in pools.items():
            if mine.pool is None:
                continue
            if owner is loop:
                await mine.pool.close()
            elif owner.is_running():
                owner.call_soon_threadsafe(mine.pool.terminate)
            elif not owner.is_closed():
                # The SDK's run_sync leaves its loop open and idle; only that loop can close these.
                with contextlib.suppress(RuntimeError):
                    await asyncio.to_thread(owner.run_until_complete, mine.pool.close())

    def forget(self) -> None:
        """Drop every pool without a word to the server: its sockets are another process's."""
        _of_another_process.append(self._pools)
        self._pools = {}

    async def _pool(self) -> "asyncpg.Pool[Any]":
        mine = self._of_this_loop()
        pool = mine.usable
        if pool is None:
            async with mine.opening:
                pool = mine.usable
                if pool is None:
                    pool = mine.pool = await self._open(mine)
        return pool

    def _of_this_loop(self) -> _Pool:
        loop = asyncio.get_running_loop()
        mine = self._pools.get(loop)
        if mine is None:
            with self._lock:
                if self._closed:
                    raise ClosedError("The log was closed while a call on it was under way.")
                for closed in [known for known in self._pools if known.is_closed()]:
                    del self._pools[closed]
                mine = self._pools.setdefault(loop, _Pool())
        return mine

    async def _open(self, mine: _Pool) -> "asyncpg.Pool[Any]":
        pool = await asyncpg.create_pool(
            self._address.dsn,
            min_size=0,
            max_size=self._options.pool_size,
            max_inactive_connection_lifetime=0,  # A timer set and cancelled by every call.
            timeout=self._options.connect_timeout,
            command_timeout=self._options.statement_timeout,
            reset=_keep,
            **_session(self._options),
        )
        try:
            await self._prepare_once(pool)
        except BaseException:
            await pool.close()
            raise
        # Runner.run_sync ends a loop's generators after each run and goes on using the loop, which
        # then warns of new ones: there the pool lives as long as its thread.
        if not getattr(asyncio.get_running_loop(), "_asyncgens_shutdown_called", False):
            mine.end = _closing(pool)
            await anext(mine.end)
        return pool

    async def _prepare_once(self, pool: "asyncpg.Pool[Any]") -> None:
        if not self._prepared:
            async with pool.acquire() as connection:
                if self._options.pgbouncer:
                    await _check_durability(self._address, connection)
                await self._prepare(connection)
            self._prepared = True


_of_another_process: Final[list[object]] = []
"""Pools of the parent process, kept so that nobody closes their sockets here."""


def _session(options: Options) -> dict[str, Any]:
    """Say what a connection is opened with.

    PgBouncer in transaction mode refuses settings of a session that it does not track, and a
    statement that was named on one server connection is unknown on the next
    (https://www.pgbouncer.org/features.html).
    """
    settings = {"application_name": "eventlog"}
    if options.pgbouncer:
        return {"server_settings": settings, "statement_cache_size": 0}
    commit = "on" if options.durability == "full" else "off"
    return {"server_settings": {**settings, "synchronous_commit": commit}}


async def _check_durability(address: PostgresAddress, connection: "Lent[Any]") -> None:
    if await connection.fetchval("SHOW synchronous_commit") == "off":
        raise UnavailableError(
            f"{address} has synchronous_commit off, and PgBouncer lets no session change it:"
            " acknowledged events could be lost. Turn it on for this role or database."
        )


async def _keep(connection: "asyncpg.Connection[Any]") -> None:
    """Skip asyncpg's reset on release, a round trip: no statement of ours leaves a state behind."""


async def _closing(pool: "asyncpg.Pool[Any]") -> AsyncGenerator[None, None]:
    """Close the pool when the loop ends: asyncio.run closes every generator that has begun."""
    try:
        yield
    finally:
        await pool.close()
