"""Notifications through Redis that a log has grown; one that is lost costs a poll interval.

Rule: nothing that happens to Redis changes an answer, fails a call or makes one wait.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from eventlog.loops import PerLoop
from eventlog.redis.address import PATIENCE
from eventlog.redis.link import LoopLink, RedisLink
from eventlog.retrying import Backoff

FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 5.0
SILENCE: Final = 30.0
"""Seconds without a message after which the connection is checked."""


class RedisNotifier:
    """Publishes to one channel, and listens to it, in any event loop."""

    def __init__(self, link: RedisLink, channel: str) -> None:
        self._link = link
        self._channel = channel
        self._senders: PerLoop[_Sender] = PerLoop()

    def send(self) -> None:
        """Publish a notification, soon and at most one at a time; never waits."""
        self._senders.get(self._new_sender).start()

    async def listen(self, notify: Callable[[], None]) -> None:
        """Call `notify` at each notification until cancelled. Never fails."""
        link = self._link.of_this_loop()
        await link.begin()
        backoff = Backoff(FIRST_PAUSE, LONGEST_PAUSE)
        while True:
            with link.unbroken("listen"):
                async with link.client.pubsub() as heard:
                    await heard.subscribe(self._channel)
                    backoff.reset()
                    notify()  # What was sent before the subscription is lost.
                    while True:
                        if await heard.get_message(ignore_subscribe_messages=True, timeout=SILENCE):
                            notify()
            await asyncio.sleep(backoff.next())

    async def close(self) -> None:
        """Wait a moment for what this loop is sending, and close its client."""
        sender = self._senders.pop()
        if sender is not None:
            await sender.close()
        await self._link.close()

    def _new_sender(self) -> "_Sender":
        return _Sender(self._link.of_this_loop(), self._channel)


class _Sender:
    """Publishes from one event loop."""

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
