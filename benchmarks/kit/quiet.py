"""How quiet the machine is: a bare loop of Python, timed before and after each round.

Whoever else uses the machine slows that loop down as much as what is measured beside it.
"""

import statistics
import time
from typing import Final, NamedTuple

TOLERANCE: Final = 1.2
"""How much slower than at its quickest the loop may be beside a round that counts."""

_STEPS: Final = 100_000
_FIRST: Final = 20


class Quiet(NamedTuple):
    """What the loop said in a run: how much slower than its quickest it was, and how often."""

    median: float
    highest: float
    rounds: int
    repeated: int
    loud: int
    """Rounds that count although the loop was too slow beside them: others were slower still."""


class Gauge:
    """The loop, and all that it has said since the run began."""

    def __init__(self) -> None:
        self._quickest = min(_loop() for _ in range(_FIRST))
        self._counted: list[float] = []
        self._repeated = 0

    def read(self) -> float:
        """Return how many seconds the loop takes now."""
        took = _loop()
        self._quickest = min(self._quickest, took)
        return took

    def is_quiet(self, slowest: float) -> bool:
        """Tell whether a round counts beside which the loop took `slowest` at most."""
        return slowest <= self._quickest * TOLERANCE

    def count(self, kept: list[float], repeated: int) -> None:
        """Remember the slowest loop beside each round of a scenario that counts."""
        self._counted += kept
        self._repeated += repeated

    def summary(self) -> Quiet:
        """Return what is to be said of the whole run."""
        slower = [slowest / self._quickest for slowest in self._counted] or [1.0]
        loud = sum(each > TOLERANCE for each in slower)
        return Quiet(
            statistics.median(slower), max(slower), len(self._counted), self._repeated, loud
        )


def _loop() -> float:
    started = time.perf_counter()
    for _ in range(_STEPS):
        pass
    return time.perf_counter() - started
