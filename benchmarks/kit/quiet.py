"""How quiet the machine is: a bare loop of Python, timed before and after each round.

Whoever else uses the machine slows that loop down as much as what is measured beside it.
"""

import statistics
import time
from bisect import insort
from typing import Final, NamedTuple

TOLERANCE: Final = 1.2
"""How much slower than usual at its quickest the loop may be beside a round that counts."""

QUICKEST: Final = 0.1
"""The part of all loops so far that were quicker than is usual."""

_STEPS: Final = 100_000


class Quiet(NamedTuple):
    """What the loop said in a run: how much slower than its quickest tenth, and how often."""

    median: float
    highest: float
    rounds: int
    repeated: int
    loud: int
    """Rounds that count although the loop was too slow beside them: others were slower still."""


class Gauge:
    """The loop, and all that it has said since the run began."""

    def __init__(self) -> None:
        self._loops: list[float] = []
        """In order: the quickest first."""
        self._counted: list[float] = []
        self._repeated = 0

    def read(self) -> float:
        """Return how many seconds the loop takes now."""
        took = _loop()
        insort(self._loops, took)
        return took

    def is_quiet(self, slowest: float) -> bool:
        """Tell whether a round counts beside which the loop took `slowest` at most."""
        return slowest <= self._quick() * TOLERANCE

    def count(self, kept: list[float], repeated: int) -> None:
        """Remember the slowest loop beside each round of a scenario that counts."""
        self._counted += kept
        self._repeated += repeated

    def summary(self) -> Quiet:
        """Return what is to be said of the whole run."""
        slower = [slowest / self._quick() for slowest in self._counted] or [1.0]
        loud = sum(each > TOLERANCE for each in slower)
        return Quiet(
            statistics.median(slower), max(slower), len(self._counted), self._repeated, loud
        )

    def _quick(self) -> float:
        return self._loops[int(len(self._loops) * QUICKEST)]


def _loop() -> float:
    started = time.perf_counter()
    for _ in range(_STEPS):
        pass
    return time.perf_counter() - started
