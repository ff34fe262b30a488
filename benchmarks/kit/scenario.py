"""What a scenario is: work for contenders, and the bars that the figures have to meet."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple

from benchmarks.kit.harness import Call
from benchmarks.kit.place import Place


class Bar(NamedTuple):
    """`name` may take at most `at_most` times as much as `base`; without it, it is only shown."""

    name: str
    base: str
    at_most: float | None = None


class Rate(NamedTuple):
    """`name` gets `at_least` units done in a second; without it, the rate is only shown."""

    name: str
    unit: str
    at_least: float | None = None


class Point(NamedTuple):
    """Where the latencies of a scenario belong in a plot."""

    plot: str
    x: int


class Timing(NamedTuple):
    """Contenders that do the same work in turn, `calls` times a round.

    `units` is how many things one call does; `rounds` how many rounds a full run takes.
    """

    title: str
    open: Callable[[Place], AbstractAsyncContextManager[Mapping[str, Call]]]
    bars: tuple[Bar | Rate, ...]
    calls: int
    rounds: int = 9
    units: int = 1
    point: Point | None = None


class Count(NamedTuple):
    """What is counted once, and comes out the same every time: bytes."""

    title: str
    take: Callable[[Place], Awaitable[Mapping[str, float]]]
    bars: tuple[Bar, ...]
    unit: str = "bytes"


Scenario = Timing | Count
