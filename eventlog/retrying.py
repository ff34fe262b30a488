"""Trying again: for so long, with random waits or the same, or ever more rarely.

Whoever loses to another writer tries again at once or after a random wait, which doubles; so two
that are equally fast do not go on losing to each other.
"""

import asyncio
import random
import time
from collections.abc import Iterator
from typing import Final

from eventlog.errors import BusyError

PATIENCE: Final = 30.0
"""Seconds for which one call goes on losing: every loss was another one's win."""

FIRST_WAIT: Final = 0.001
LONGEST_WAIT: Final = 0.05
"""Seconds that a wait takes at most."""


class Tries:
    """An asynchronous iterator over the numbers of tries, from 0, until `seconds` are over.

    It waits before each, but not before the first `at_once`.
    """

    def __init__(self, seconds: float = PATIENCE, *, at_once: int = 1) -> None:
        self._seconds = seconds
        self._at_once = at_once
        self._begun = 0
        self._end = 0.0

    def __aiter__(self) -> "Tries":
        return self

    async def __anext__(self) -> int:
        number = self._begun
        if number == 0:
            self._end = time.monotonic() + self._seconds
        elif number >= self._at_once:
            if time.monotonic() >= self._end:
                raise StopAsyncIteration
            longest = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(number - 1, 10))
            await asyncio.sleep(random.uniform(0, longest))
        self._begun += 1
        return number


def others_were_first(name: str, advice: str) -> BusyError:
    """Return the error of a call that has lost for PATIENCE to other writers."""
    why = f"Other writers were first for {PATIENCE:g} s, again and again."
    return BusyError(f"{why} {advice}").of(name)


def tries_within(seconds: float, *, wait: float) -> Iterator[bool]:
    """Yield, until the time is over, whether this try is the last one. Blocks for the waits."""
    deadline = time.monotonic() + seconds
    while True:
        is_last = time.monotonic() > deadline
        yield is_last
        if is_last:
            return
        time.sleep(wait)


class Deadline:
    """The end of a time in seconds that several waits share."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """How many seconds are left, 0 at least."""
        return max(0.0, self._end - time.monotonic())


class Backoff:
    """Pauses in seconds, from `first`, each twice the one before, up to `longest`."""

    def __init__(self, first: float, longest: float) -> None:
        self._first = first
        self._longest = longest
        self.pause = first
        self.is_fresh = True
        """Whether nothing has failed since the last `reset`."""

    def reset(self) -> None:
        """Begin with the first pause again: something has succeeded."""
        self.pause = self._first
        self.is_fresh = True

    def next(self) -> float:
        """Return the pause to make now; the one after it is longer."""
        self.is_fresh = False
        pause, self.pause = self.pause, min(2 * self.pause, self._longest)
        return pause
