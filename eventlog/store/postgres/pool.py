"""The connections of one event loop to PostgreSQL.

asyncpg's own pool makes a task for every release and hands out proxies. Here a connection goes from
one caller to the next within a turn of the loop (docs/adr/0006).
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final

import asyncpg

from eventlog.errors import ClosedError

Connection = asyncpg.Connection
Connect = Callable[[], Awaitable["Connection[Any]"]]

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


def is_elsewhere(error: BaseException | None) -> bool:
    """Tell whether the server says that it lost a node of a distributed log, or never reached it.

    Its own connection it would end with FATAL. What was sent may or may not have happened.
    """
    return isinstance(error, LOST) and getattr(error, "severity_en", None) == "ERROR"


READ_ONLY: Final = (asyncpg.ReadOnlySQLTransactionError,)
"""The server at the other end only reads, perhaps since a fail-over: another one may write."""

FAREWELL: Final = 1.0
"""Seconds that a server has to answer a goodbye."""

CROWDED: Final = 0.5
"""Seconds without a new connection, once the server had no room for one."""


class Pool:
    """The connections of one loop, `size` at most; the one that was used last is lent first."""

    def __init__(self, connect: Connect, size: int) -> None:
        self._connect = connect
        self._room = size
        self._idle: list[Connection[Any]] = []
        self._waiting: deque[asyncio.Future[Connection[Any] | None]] = deque()
        self.lent: Final[set[Connection[Any]]] = set()
        self.is_closed = False
        self._all_back = asyncio.Event()
        self._crowded_until = 0.0

    def take(self) -> "Connection[Any] | None":
        """Lend a connection that is open and idle, if there is one."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                self.lent.add(connection)
                return connection
            self._room += 1
        return None

    async def acquire(self) -> "Connection[Any]":
        """Lend a connection; wait for one, or for room for a new one, if need be.

        Raises what connecting raises, and ClosedError.
        """
        connection: Connection[Any] | None = None
        while connection is None:
            if self.is_closed:
                raise closed()
            connection = self.take()
            if connection is None and self._room and not self._must_wait:
                self._room -= 1
                connection = await self._open()
            elif connection is None:
                connection = await self._turn()
                if connection is None or connection.is_closed():
                    connection = await self._open()
        self.lent.add(connection)
        return connection

    def release(self, connection: "Connection[Any]") -> None:
        """Take a connection back, for whoever waits or for later; of a closed one, its room."""
        self.lent.discard(connection)
        if self.is_closed:
            connection.terminate()
            if not self.lent:
                self._all_back.set()
            return
        self._offer(None if connection.is_closed() else connection)

    def drop_idle(self) -> None:
        """Close what nobody uses, without a word to the server."""
        while self._idle:
            self._idle.pop().terminate()
            self._room += 1

    async def close(self, patience: float) -> None:
        """Lend no more; wait up to `patience` seconds for what is lent, and close everything."""
        self._refuse()
        idle, self._idle = self._idle, []
        await asyncio.gather(*[_say_farewell(connection) for connection in idle])
        if self.lent:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self._all_back.wait()
        self.terminate()

    def terminate(self) -> None:
        """Close everything at once."""
        self._refuse()
        self.drop_idle()
        for connection in self.lent:
            connection.terminate()

    def _refuse(self) -> None:
        self.is_closed = True
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_exception(closed())

    @property
    def is_crowded(self) -> bool:
        """Whether the server had no room for one more connection a moment ago."""
        return asyncio.get_running_loop().time() < self._crowded_until

    @property
    def _must_wait(self) -> bool:
        """Whether the server has no room for more, and those that there are come back."""
        return bool(self.lent) and self.is_crowded

    async def _open(self) -> "Connection[Any] | None":
        """Open a connection; None if the server has no room for one just now."""
        connection: Connection[Any] | None
        try:
            connection = await self._connect()
        except asyncpg.TooManyConnectionsError:
            connection = None
            await self._crowded()
        except BaseException:
            self._offer(None)
            raise
        if connection is None:
            self._room += 1
            return None
        if self.is_closed:
            connection.terminate()
            raise closed()
        return connection

    async def _crowded(self) -> None:
        self._crowded_until = asyncio.get_running_loop().time() + CROWDED
        if self.lent:
            return
        try:
            await asyncio.sleep(CROWDED / 10)  # Others have them all: perhaps one comes free.
        except BaseException:
            self._offer(None)
            raise

    async def _turn(self) -> "Connection[Any] | None":
        """Wait for a connection, or, with None, for room for one."""
        waiter: asyncio.Future[Connection[Any] | None]
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._offer(waiter.result())
            raise

    def _offer(self, connection: "Connection[Any] | None") -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        if connection is None:
            self._room += 1
        else:
            self._idle.append(connection)


async def _say_farewell(connection: "Connection[Any]") -> None:
    with contextlib.suppress(*LOST, TimeoutError):
        await connection.close(timeout=FAREWELL)


def closed() -> ClosedError:
    """Return what a call gets that a close has overtaken."""
    return ClosedError("The log was closed while a call on it was under way.")
