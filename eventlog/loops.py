"""One value for each event loop: connections, tasks and locks belong to the loop that made them."""

import asyncio
import threading
from asyncio import AbstractEventLoop
from collections.abc import Callable
from typing import Generic, TypeVar

from eventlog import os_fork

T = TypeVar("T")


class PerLoop(Generic[T]):
    """Values by event loop. For any number of threads; empty in a child process.

    The values of loops that were closed are dropped when a new loop comes.
    """

    def __init__(self) -> None:
        self._values: dict[AbstractEventLoop, T] = {}
        self._lock = threading.Lock()
        os_fork.register(self)

    def get(self, make: Callable[[], T]) -> T:
        """Return the value of the running loop; the first call makes it."""
        loop = asyncio.get_running_loop()
        try:
            return self._values[loop]
        except KeyError:
            return self._add(loop, make)

    def peek(self) -> T | None:
        """Return the value of the running loop, or None."""
        return self._values.get(asyncio.get_running_loop())

    def pop(self) -> T | None:
        """Remove the value of the running loop and return it, or None."""
        with self._lock:
            return self._values.pop(asyncio.get_running_loop(), None)

    def values(self) -> tuple[T, ...]:
        """Return the values of all loops."""
        return tuple(self._values.values())

    def pop_all(self) -> dict[AbstractEventLoop, T]:
        """Remove the values of all loops and return them by loop."""
        with self._lock:
            values, self._values = self._values, {}
        return values

    def reset_after_fork(self) -> None:
        """Drop the values of the parent process, untouched."""
        os_fork.keep_alive(self._values)
        self._values = {}
        self._lock = threading.Lock()

    def _add(self, loop: AbstractEventLoop, make: Callable[[], T]) -> T:
        with self._lock:
            for closed in [known for known in self._values if known.is_closed()]:
                del self._values[closed]
            # Only this loop's thread adds a value for it.
            value = self._values[loop] = make()
            return value
