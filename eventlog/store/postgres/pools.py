"""Pools of connections to PostgreSQL: one for each event loop, closed with the loop."""

import asyncio
import contextlib
import functools
import re
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Final, TypeVar

import asyncpg

from eventlog.addresses.log import PostgresAddress
from eventlog.errors import UnavailableError
from eventlog.loops import PerLoop
from eventlog.retrying import Tries
from eventlog.store.contract.options import Options
from eventlog.store.nouns.outcomes import Ends, UnansweredError
from eventlog.store.postgres.errors import translate, translated
from eventlog.store.postgres.opening import learn_arrays
from eventlog.store.postgres.pool import (
    FAREWELL,
    LOST,
    READ_ONLY,
    Connection,
    Pool,
    closed,
    is_elsewhere,
)
from eventlog.store.sql.session import DISTRIBUTED, SETTINGS

NAME: Final = "eventlog"
"""What the server knows these connections by."""

PATIENCE: Final = 1.0
"""Seconds that a server has to confirm the end of a statement."""

LOOKED_AT: Final = 1.0
"""Seconds for which the server behind PgBouncer is taken for the same one."""

LONGEST_IDLE: Final = 10_000
"""Milliseconds that a transaction may wait for its next statement, at the least."""

MOST: Final = 2**31 - 1
"""Milliseconds that PostgreSQL takes for a timeout."""

_TERMINATE: Final = """
SELECT pg_backend_pid(), (
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE pid = $1 AND usename = session_user AND application_name = $2
), pg_is_in_recovery()
"""

_T = TypeVar("_T")
_Use = Callable[["Connection[Any]"], Awaitable[_T]]


_NUMBER: Final = re.compile(r"\[Errno -?\d+\] ")
"""How Python writes the number of an error before its words."""


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
        self.is_distributed = False
        """Whether sessions are told what those need that use a log on many nodes."""
        self._closed = False
        self._pools: PerLoop[_Mine] = PerLoop()
        self._opened = 0

    async def run(self, use: "_Use[_T]", *, is_again: bool = False) -> _T:
        """Call `use` with a connection that nobody else has meanwhile.

        Where it writes and the server only reads, it is called again, on a new connection. Raises
        UnansweredError if the connection broke or nothing was heard in time; what was sent is over
        by then, or its backend is ended by whoever asks. Other errors are the server's word:
        nothing was stored.
        """
        mine = self._pools.peek()
        pool = None if mine is None else mine.usable
        if pool is None:
            pool = await self._open_pool()
        connection = pool.take() or await self._acquire(pool)
        try:
            done = await use(connection)
        except BaseException as error:
            pid = _pid_of(connection)
            is_over = await self._give_back(pool, connection, error)
            if isinstance(error, READ_ONLY) and not is_again:
                return await self.run(use, is_again=True)
            is_cut = _is_cut(error)
            if not is_cut and not isinstance(error, TimeoutError) and not is_elsewhere(error):
                raise
            lost = translate(self._address, error)
            lost.__cause__ = error
            ends: Ends = functools.partial(self._end, pid, is_over=is_over)
            if is_elsewhere(error):
                ends = _nobody_knows
            raise UnansweredError(lost, ends, is_cut=is_cut) from error
        pool.release(connection)
        return done

    async def _give_back(
        self, pool: Pool, connection: "Connection[Any]", error: BaseException
    ) -> bool:
        """Release a connection on which something failed; tell whether it is sure to be over."""
        is_over = isinstance(error, asyncpg.PostgresError) and not isinstance(error, LOST)
        try:
            if _is_cut(error) or isinstance(error, READ_ONLY):
                connection.terminate()
                pool.drop_idle()  # Whatever is wrong with this one is probably wrong with those.
            elif isinstance(error, GeneratorExit):
                connection.terminate()  # Its loop is gone: nothing can be awaited any more.
            elif not is_over and not is_elsewhere(error):
                # Nobody else shall hear what it still has to say.
                is_over = await _is_quiet(connection)
        finally:
            pool.release(connection)
        return is_over

    async def _end(self, pid: int, *, is_over: bool) -> bool:
        """End what a lost connection may have left running; tell whether it is sure to be over."""
        if is_over:
            return True
        async for _ in Tries(PATIENCE):
            with translated(self._address):
                try:
                    is_known, is_there = await self.run(functools.partial(_terminate, pid))
                except UnansweredError as lost:
                    raise lost.error from lost.error.__cause__
            if not is_known or not is_there:
                return is_known
        return False

    @property
    def server(self) -> int:
        """A number that changes whenever the next statement may reach another server.

        A server that dies takes its connections along. PgBouncer keeps those of its clients.
        """
        if self._options.postgres.pgbouncer:
            return int(time.monotonic() / LOOKED_AT)
        return self._opened

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
            why = "the server does not answer, or the pool is in use"
            if pool.is_crowded:
                why = "the server has no room for more connections of this role"
            raise UnavailableError(
                f"No connection to {self._address} within {patience:g} s: {_said(error) or why}."
                " Nothing was stored. Is the server running, and are host and port right?"
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
            command_timeout=_patience(self._options),
            **_session(self._options, is_distributed=self.is_distributed),
        )
        self._opened += 1
        if self.is_distributed and self._options.postgres.pgbouncer:
            try:
                await learn_arrays(connection)
            except BaseException:
                connection.terminate()
                raise
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


def synchronous_commit(options: Options) -> str:
    """Return the setting of PostgreSQL that makes appends as durable as is asked for."""
    return "on" if options.durability == "full" else "off"


def _session(options: Options, *, is_distributed: bool) -> dict[str, Any]:
    """Say what a connection is opened with.

    PgBouncer in transaction mode refuses settings of a session that it does not track, and a
    statement that was named on one server connection is unknown on the next
    (https://www.pgbouncer.org/features.html).
    """
    settings = {"application_name": NAME}
    if options.postgres.pgbouncer:
        return {"server_settings": settings, "statement_cache_size": 0}
    milliseconds = int(min(max(1.0, options.postgres.statement_timeout * 1000), MOST))
    settings["statement_timeout"] = str(milliseconds)
    # Whoever was cut off in a transaction keeps its rows locked no longer than that.
    settings["idle_in_transaction_session_timeout"] = str(max(milliseconds, LONGEST_IDLE))
    if options.read_only:
        settings["default_transaction_read_only"] = "on"
    if is_distributed:
        settings |= DISTRIBUTED
    settings["synchronous_commit"] = synchronous_commit(options)
    return {"server_settings": {**settings, **SETTINGS}}


def _patience(options: Options) -> float:
    """Return how long a connection waits for an answer.

    The server ends a statement in time and says so; this is for one that says nothing. Through
    PgBouncer there is no such setting: there a statement is cancelled from here.
    """
    limit = options.postgres.statement_timeout
    return limit if options.postgres.pgbouncer else limit + PATIENCE


def _is_cut(error: BaseException) -> bool:
    """Tell whether the connection broke: a ValueError of asyncpg's has sent nothing."""
    is_lost = isinstance(error, (*LOST, OSError)) and not is_elsewhere(error)
    return is_lost and not isinstance(error, (TimeoutError, ValueError))


async def _nobody_knows() -> bool:
    """Do not end what may run on a node that cannot be reached."""
    return False


def _pid_of(connection: "Connection[Any]") -> int:
    try:
        return int(connection.get_server_pid())
    except (asyncpg.InterfaceError, AttributeError):  # It is gone already, with all it knew.
        return 0


async def _is_quiet(connection: "Connection[Any]") -> bool:
    """Tell whether the server has ended what it was told; close the connection if not.

    asyncpg has asked it to cancel (https://www.postgresql.org/docs/current/protocol-flow.html), and
    sends nothing else before the answer to that.
    """
    is_quiet = False
    try:
        async with asyncio.timeout(PATIENCE):
            await connection.fetchval("SELECT 1")
            is_quiet = not connection.is_in_transaction()  # Its BEGIN may have been cancelled.
    except (asyncpg.PostgresError, *LOST, TimeoutError):
        pass
    finally:
        if not is_quiet:
            connection.terminate()
    return is_quiet


async def _terminate(pid: int, connection: "Connection[Any]") -> tuple[bool, bool]:
    """End a backend of ours; tell whether backends are known by what they say, and it was there.

    What stands between here and the server has numbers of its own. A standby may have got what the
    backend of another server did, and not show it yet.
    """
    mine, ended, is_standby = await connection.fetchrow(_TERMINATE, pid, NAME) or (0, 0, True)
    is_known = pid != 0 and not is_standby and mine == connection.get_server_pid()
    return is_known, ended > 0


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


def _said(error: OSError) -> str:
    """Return what the system says, without its numbers."""
    return _NUMBER.sub("", str(error))
