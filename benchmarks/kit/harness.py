"""Interleaved measurement: contenders take turns, and are compared within each round.

Machines are shared and noisy, so only a ratio within one round means anything, and only where the
machine was quiet. Garbage collection runs between rounds and never inside a measurement.
"""

import gc
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NamedTuple

from benchmarks.kit.quiet import Gauge

Call = Callable[[], Awaitable[object]]

MICROSECONDS: Final = 1e6
LEAST: Final = 3
"""Rounds that every figure has."""


class Took(NamedTuple):
    """What a call answers that took its own time: only part of it counts, or another process."""

    seconds: float


class _Taken(NamedTuple):
    """A round: the slower of the loops before and after it, and latencies in microseconds."""

    slowest: float
    samples: dict[str, list[float]]


class Spread(NamedTuple):
    """The median of the rounds, and the lowest and highest of them."""

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
    contenders: Mapping[str, Call],
    *,
    rounds: int,
    calls: int,
    gauge: Gauge,
    seconds: float,
    each: Callable[[], None],
) -> dict[str, Measured]:
    """Call every contender `calls` times in each round, in turn, call by call.

    Each time in another order, so nobody always runs behind the same neighbour. A round beside
    which the machine was not quiet is taken again, as often as there are rounds; the quietest
    count. After `seconds`, no more than LEAST rounds are waited for. `each` is told of a round.
    """
    taken: list[_Taken] = []
    begun = time.perf_counter()
    while len(taken) < 2 * rounds and sum(gauge.is_quiet(one.slowest) for one in taken) < rounds:
        if len(taken) >= min(LEAST, rounds) and time.perf_counter() - begun > seconds:
            break
        taken.append(await _taken(contenders, calls, gauge))
        each()
    kept = sorted(taken, key=lambda one: one.slowest)[:rounds]
    gauge.count([one.slowest for one in kept], len(taken) - len(kept))
    return {name: Measured(name, [one.samples[name] for one in kept]) for name in contenders}


async def _taken(contenders: Mapping[str, Call], calls: int, gauge: Gauge) -> _Taken:
    # Before garbage is collected: a processor that has just been busy for long runs the loop faster
    # than one that waited for disks, as it does behind a round.
    before = gauge.read()
    gc.collect()
    gc.disable()
    try:
        samples = await _round(contenders, calls)
    finally:
        gc.enable()
    return _Taken(max(before, gauge.read()), samples)


async def _round(contenders: Mapping[str, Call], calls: int) -> dict[str, list[float]]:
    names = list(contenders)
    samples: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(calls):
        random.shuffle(names)
        for name in names:
            samples[name].append(await _time(contenders[name]) * MICROSECONDS)
    return samples


async def _time(call: Call) -> float:
    started = time.perf_counter()
    answer = await call()
    passed = time.perf_counter() - started
    return answer.seconds if isinstance(answer, Took) else passed


def ratio(ours: Measured, base: Measured) -> Spread:
    """Compare the medians of each round."""
    return _spread(
        [
            statistics.median(one) / statistics.median(other)
            for one, other in zip(ours.rounds, base.rounds, strict=True)
        ]
    )


def per_second(measured: Measured, units: int) -> Spread:
    """Return how many units a second the medians of the rounds come to, at `units` a call."""
    medians = [statistics.median(samples) for samples in measured.rounds]
    return _spread([units * MICROSECONDS / median for median in medians])


def _spread(figures: list[float]) -> Spread:
    return Spread(statistics.median(figures), min(figures), max(figures))
