"""Interleaved measurement: contenders take turns, and are compared within each round.

Machines are shared and noisy, so only a ratio within one round means anything. Garbage collection
runs between rounds and never inside a measurement.
"""

import gc
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NamedTuple

Call = Callable[[], Awaitable[object]]

MICROSECONDS: Final = 1e6


class Ratio(NamedTuple):
    """One contender beside another: the median of the rounds' ratios, and their spread."""

    name: str
    base: str
    median: float
    lowest: float
    highest: float


class Measured(NamedTuple):
    """Latencies of one contender in microseconds, a list for each round."""

    name: str
    rounds: list[list[float]]

    def percentile(self, percent: int) -> float:
        """Return a percentile over all rounds."""
        every = sorted(sample for samples in self.rounds for sample in samples)
        return every[min(len(every) - 1, len(every) * percent // 100)]


async def measure(
    contenders: Mapping[str, Call], *, rounds: int, calls: int, each: Callable[[], None]
) -> dict[str, Measured]:
    """Call every contender `calls` times in each round, in turn, call by call.

    The order turns from call to call, so nobody always runs behind the same neighbour. `each` is
    told when a round is done.
    """
    measured = {name: Measured(name, []) for name in contenders}
    for _ in range(rounds):
        gc.collect()
        gc.disable()
        try:
            samples = await _round(contenders, calls)
        finally:
            gc.enable()
        for name, taken in samples.items():
            measured[name].rounds.append(taken)
        each()
    return measured


async def _round(contenders: Mapping[str, Call], calls: int) -> dict[str, list[float]]:
    names = list(contenders)
    samples: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(calls):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            started = time.perf_counter()
            await contenders[name]()
            samples[name].append((time.perf_counter() - started) * MICROSECONDS)
    return samples


def ratio(measured: Mapping[str, Measured], name: str, base: str) -> Ratio:
    """Compare the medians of each round."""
    ratios = [
        statistics.median(ours) / statistics.median(theirs)
        for ours, theirs in zip(measured[name].rounds, measured[base].rounds, strict=True)
    ]
    return Ratio(name, base, statistics.median(ratios), min(ratios), max(ratios))
