"""A bound on bytes that are held at once: whoever would exceed it waits, memory does not grow."""

import asyncio
import contextlib
import threading
from collections import deque
from typing import Final

from eventlog import os_fork

MAX_WAITING_BYTES: Final = 64 * 1024 * 1024
"""What may wait in one process for one database; a request larger than this waits alone."""

_Waiter = tuple["asyncio.Future[None]", int]


class ByteLimiter:
    """Lets bytes in up to a limit, in order of arrival, for any number of loops and threads."""

    def __init__(self, limit: int = MAX_WAITING_BYTES) -> None:
        self._limit = limit
        self._inside = 0
        self._waiters: deque[_Waiter] = deque()
        self._lock = threading.Lock()
        os_fork.register(self)

    async def enter(self, size: int) -> None:
        """Come in, or wait until others have left. Whoever came in must `leave`."""
        with self._lock:
            if not self._waiters and self._fits(size):
                self._inside += size
                return
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append((waiter, size))
        try:
            await waiter
        except asyncio.CancelledError:
            self._give_up(waiter, size)
            raise

    def leave(self, size: int) -> None:
        """Make room, and let in who fits now."""
        with self._lock:
            self._inside -= size
            self._let_in()

    def reset_after_fork(self) -> None:
        """Begin empty: what is inside and who waits is in the parent."""
        self._inside = 0
        self._waiters = deque()
        self._lock = threading.Lock()

    def _fits(self, size: int) -> bool:
        return self._inside == 0 or self._inside + size <= self._limit

    def _let_in(self) -> None:
        while self._waiters and self._fits(self._waiters[0][1]):
            waiter, size = self._waiters.popleft()
            self._inside += size
            # A loop that was closed meanwhile never leaves again, so it is not counted either.
            try:
                waiter.get_loop().call_soon_threadsafe(_wake, waiter)
            except RuntimeError:
                self._inside -= size

    def _give_up(self, waiter: "asyncio.Future[None]", size: int) -> None:
        with self._lock:
            with contextlib.suppress(ValueError):
                self._waiters.remove((waiter, size))
                return
            self._inside -= size
            self._let_in()


def _wake(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)
