"""A Redis, from whatever event loop is running.

Rule: nothing that happens to Redis changes an answer or fails a call.
"""

import asyncio
import contextlib
import logging
import threading
from asyncio import AbstractEventLoop
from collections.abc import AsyncGenerator, Generator
from typing import Any, Final

from eventlog.redis.address import RedisAddress

_log: Final = logging.getLogger("eventlog.redis")


class RedisLink:
    """One client for each loop, closed with the loop."""

    def __init__(self, address: RedisAddress) -> None:
        self._address = address
        self._lock = threading.Lock()
        self._of_loops: dict[AbstractEventLoop, LoopLink] = {}

    def of_this_loop(self) -> "LoopLink":
        """Return the client of the running loop."""
        loop = asyncio.get_running_loop()
        mine = self._of_loops.get(loop)
        if mine is None:
            with self._lock:
                for closed in [known for known in self._of_loops if known.is_closed()]:
                    del self._of_loops[closed]
                mine = self._of_loops.setdefault(loop, LoopLink(self._address))
        return mine

    async def close(self) -> None:
        """Close what this loop opened; other loops close theirs when they end."""
        with self._lock:
            mine = self._of_loops.pop(asyncio.get_running_loop(), None)
        if mine is not None:
            await mine.close()


class LoopLink:
    """The client of one loop, and what became of it."""

    def __init__(self, address: RedisAddress) -> None:
        self._address = address
        self.client: Any = address.client()
        self._broken: set[str] = set()
        """What did not work when it was tried last."""
        self._end = self._closing()

    async def begin(self) -> None:
        """Have the client closed with the loop: asyncio.run closes every generator that began."""
        with contextlib.suppress(RuntimeError, StopAsyncIteration):
            await anext(self._end)

    @contextlib.contextmanager
    def unbroken(self, what: str) -> Generator[None]:
        """Let nothing that Redis does out; say once that it is broken, until all works again.

        `what` is tried: a Redis that is full answers one question and refuses another.
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
