"""Notifications through Redis that a log has grown: whoever misses one polls.

Rule: nothing that happens to Redis changes an answer, fails a call or makes one wait.
"""

import asyncio
import threading
from asyncio import AbstractEventLoop
from collections.abc import Callable
from typing import Final

from eventlog.redis.address import PATIENCE
from eventlog.redis.link import LoopLink, RedisLink

FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 5.0
SILENCE: Final = 30.0
"""Seconds without a message after which the connection is looked at again."""


class RedisNotifier:
    """One channel, for whatever loop is running."""

    def __init__(self, link: RedisLink, channel: str) -> None:
        self._link = link
        self._channel = channel
        self._lock = threading.Lock()
        self._sending: dict[AbstractEventLoop, _Sending] = {}

    def send(self) -> None:
        """Tell the others, soon and at most once at a time; never waits."""
        loop = asyncio.get_running_loop()
        mine = self._sending.get(loop)
        if mine is None:
            with self._lock:
                for closed in [known for known in self._sending if known.is_closed()]:
                    del self._sending[closed]
                new = _Sending(self._link.of_this_loop(), self._channel)
                mine = self._sending.setdefault(loop, new)
        mine.start()

    async def listen(self, notify: Callable[[], None]) -> None:
        """Ring at each hint until cancelled. Never fails."""
        link = self._link.of_this_loop()
        await link.begin()
        pause = FIRST_PAUSE
        while True:
            with link.unbroken("listen"):
                async with link.client.pubsub() as heard:
                    await heard.subscribe(self._channel)
                    pause = FIRST_PAUSE
                    notify()  # What was sent before now, nobody heard.
                    while True:
                        if await heard.get_message(ignore_subscribe_messages=True, timeout=SILENCE):
                            notify()
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def close(self) -> None:
        """Let what is under way in this loop arrive, for a moment."""
        with self._lock:
            mine = self._sending.pop(asyncio.get_running_loop(), None)
        if mine is not None:
            await mine.close()


class _Sending:
    """Sends in one loop."""

    def __init__(self, link: LoopLink, channel: str) -> None:
        self._link = link
        self._channel = channel
        self._again = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._again = True
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._send())

    async def close(self) -> None:
        if self._task is not None:
            await asyncio.wait((self._task,), timeout=2 * PATIENCE)
            self._task.cancel()

    async def _send(self) -> None:
        await self._link.begin()
        while self._again:
            self._again = False
            with self._link.unbroken("send"):
                await asyncio.wait_for(self._link.client.publish(self._channel, b"1"), PATIENCE)
