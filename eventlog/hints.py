"""Hints through Redis that a log has grown: whoever misses one polls.

Rule: nothing that happens to Redis changes an answer, fails a call or makes one wait.
"""

import asyncio
import contextlib
import logging
import threading
from asyncio import AbstractEventLoop
from collections.abc import AsyncGenerator, Callable
from typing import Any, Final

from eventlog.store.redis_address import PATIENCE, RedisAddress

_log: Final = logging.getLogger("eventlog.wakeups")

FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 5.0
SILENCE: Final = 30.0
"""Seconds without a message after which the connection is looked at again."""


class Hints:
    """One channel, for whatever loop is running."""

    def __init__(self, address: RedisAddress, channel: str) -> None:
        self._address = address
        self._channel = channel
        self._lock = threading.Lock()
        self._of_loops: dict[AbstractEventLoop, _LoopHints] = {}

    def send(self) -> None:
        """Tell the others, soon and at most once at a time; never waits."""
        self._of_this_loop().send()

    async def listen(self, ring: Callable[[], None]) -> None:
        """Ring at each hint until cancelled. Never fails."""
        await self._of_this_loop().listen(ring)

    async def close(self) -> None:
        """Close what this loop opened; other loops close theirs when they end."""
        with self._lock:
            mine = self._of_loops.pop(asyncio.get_running_loop(), None)
        if mine is not None:
            await mine.close()

    def _of_this_loop(self) -> "_LoopHints":
        loop = asyncio.get_running_loop()
        mine = self._of_loops.get(loop)
        if mine is None:
            with self._lock:
                for closed in [known for known in self._of_loops if known.is_closed()]:
                    del self._of_loops[closed]
                mine = self._of_loops.setdefault(loop, _LoopHints(self._address, self._channel))
        return mine


class _LoopHints:
    """One channel in one event loop, through one client."""

    def __init__(self, address: RedisAddress, channel: str) -> None:
        self._address = address
        self._channel = channel
        self._client: Any = address.client()
        self._again = False
        self._sending: asyncio.Task[None] | None = None
        self._is_broken = False
        self._end = self._closing()

    def send(self) -> None:
        self._again = True
        if self._sending is None or self._sending.done():
            self._sending = asyncio.ensure_future(self._send())

    async def _send(self) -> None:
        await self._begin()
        while self._again:
            self._again = False
            async with self._unbroken():
                await asyncio.wait_for(self._client.publish(self._channel, b"1"), PATIENCE)

    async def listen(self, ring: Callable[[], None]) -> None:
        await self._begin()
        pause = FIRST_PAUSE
        while True:
            async with self._unbroken(), self._client.pubsub() as heard:
                await heard.subscribe(self._channel)
                pause = FIRST_PAUSE
                ring()  # What was sent before now, nobody heard.
                while True:
                    if await heard.get_message(ignore_subscribe_messages=True, timeout=SILENCE):
                        ring()
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def close(self) -> None:
        if self._sending is not None:
            await asyncio.wait((self._sending,), timeout=2 * PATIENCE)
            self._sending.cancel()
        await self._end.aclose()

    async def _begin(self) -> None:
        """Have the client closed with the loop: asyncio.run closes every generator that began."""
        with contextlib.suppress(RuntimeError, StopAsyncIteration):
            await anext(self._end)

    async def _closing(self) -> AsyncGenerator[None, None]:
        try:
            while True:
                yield
        finally:
            if self._address.is_ours:
                async with self._unbroken():
                    await self._client.aclose()

    @contextlib.asynccontextmanager
    async def _unbroken(self) -> AsyncGenerator[None]:
        from redis.exceptions import RedisError

        try:
            yield
            self._is_broken = False
        except (RedisError, OSError, TimeoutError, RuntimeError) as error:
            # RuntimeError: the caller's client belongs to another loop.
            if not self._is_broken:
                _log.warning("Redis does not carry hints (%s): polling", type(error).__name__)
            self._is_broken = True
