"""Clients of one Redis, one for each event loop.

Rule: nothing that happens to Redis changes an answer or fails a call.
"""

import contextlib
import logging
from collections.abc import AsyncGenerator, Generator
from typing import Any, Final

from eventlog.loops import PerLoop
from eventlog.redis.address import RedisAddress

_log: Final = logging.getLogger("eventlog.redis")


class RedisLink:
    """One client for each event loop, closed with the loop."""

    def __init__(self, address: RedisAddress) -> None:
        self._address = address
        self._links: PerLoop[LoopLink] = PerLoop()

    def of_this_loop(self) -> "LoopLink":
        """Return the client of the running loop."""
        return self._links.get(lambda: LoopLink(self._address))

    async def close(self) -> None:
        """Close what this loop opened; other loops close theirs when they end."""
        mine = self._links.pop()
        if mine is not None:
            await mine.close()


class LoopLink:
    """The client of one event loop, and which of its commands failed."""

    def __init__(self, address: RedisAddress) -> None:
        self._address = address
        self.client: Any = address.client()
        self._broken: set[str] = set()
        """The commands that failed when they were tried last."""
        self._end = self._closing()

    async def begin(self) -> None:
        """Have the client closed with the loop: asyncio.run closes every generator that began."""
        with contextlib.suppress(RuntimeError, StopAsyncIteration):
            await anext(self._end)

    @contextlib.contextmanager
    def unbroken(self, what: str) -> Generator[None]:
        """Suppress the errors of Redis; log the first, until every command works again.

        `what` names the command: a Redis that is full answers reads and refuses writes.
        """
        from redis.exceptions import RedisError

        try:
            yield
            self._broken.discard(what)
        except (RedisError, OSError, TimeoutError, RuntimeError, ValueError) as error:
            # RuntimeError: the caller's client belongs to another loop.
            if not self._broken:
                _log.warning("Redis is of no help (%s): going without it", type(error).__name__)
            self._broken.add(what)

    async def close(self) -> None:
        """Close the client, if the log made it."""
        await self._end.aclose()

    async def _closing(self) -> AsyncGenerator[None, None]:
        try:
            while True:
                yield
        finally:
            if self._address.is_ours:
                with self.unbroken("close"):
                    await self.client.aclose()
