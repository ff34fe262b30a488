"""LISTEN on a connection of its own, for as long as somebody follows the feed."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable
from typing import Any, Final

import asyncpg

from eventlog.addresses.log import PostgresAddress
from eventlog.retrying import Backoff

FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 5.0

_log: Final = logging.getLogger("eventlog.feed.notifier")
_TROUBLE: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)


class Listening:
    """Hears NOTIFY; whatever happens to its connection fails nobody, and it is opened again."""

    def __init__(self, address: PostgresAddress, patience: float) -> None:
        self._address = address
        self._patience = patience

    async def run(self, channel: str, notify: Callable[[], None]) -> None:
        """Ring at each NOTIFY, and at each new connection, until cancelled."""
        backoff = Backoff(FIRST_PAUSE, LONGEST_PAUSE)
        while True:
            try:
                async with self._connection(channel, notify) as lost:
                    notify()  # What was announced before now, nobody heard.
                    backoff.reset()
                    await lost.wait()
            except _TROUBLE as error:
                if backoff.is_fresh:
                    _log.warning(
                        "%s cannot LISTEN (%s), so it polls", self._address, type(error).__name__
                    )
            await asyncio.sleep(backoff.next())

    @contextlib.asynccontextmanager
    async def _connection(
        self, channel: str, notify: Callable[[], None]
    ) -> AsyncGenerator[asyncio.Event]:
        connection: asyncpg.Connection[Any] = await asyncpg.connect(
            self._address.dsn,
            timeout=self._patience,
            server_settings={"application_name": "eventlog feed"},
        )
        lost = asyncio.Event()

        def heard(*_: object) -> None:
            notify()

        connection.add_termination_listener(lambda _: lost.set())
        try:
            await connection.add_listener(channel, heard)
            yield lost
        finally:
            with contextlib.suppress(*_TROUBLE):
                await connection.close(timeout=1)
