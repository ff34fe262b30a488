"""The benchmarks measure what they say: quiet rounds, ratios of one round, and what got slower."""

import asyncio
import gc
import itertools
from collections.abc import Iterator

import pytest

from benchmarks.__main__ import EVERY, ON_REQUEST, named
from benchmarks.kit import comparing, quiet
from benchmarks.kit.harness import LEAST, Spread, measure
from benchmarks.kit.place import FULL, QUICK
from benchmarks.kit.quiet import Gauge

ROUNDS = 4


def loops(monkeypatch: pytest.MonkeyPatch, seconds: Iterator[float]) -> Gauge:
    """Return a gauge whose loop takes what `seconds` says.

    No garbage is collected between rounds: here there is that of all tests.
    """
    monkeypatch.setattr(gc, "collect", lambda: 0)
    monkeypatch.setattr(quiet, "_loop", lambda: next(seconds))
    return Gauge()


async def take(gauge: Gauge, seconds: float = 60) -> tuple[int, int]:
    """Return how many rounds were run, and how many count."""
    told: list[None] = []
    measured = await measure(
        {"nothing": lambda: asyncio.sleep(0)},
        rounds=ROUNDS,
        calls=2,
        gauge=gauge,
        seconds=seconds,
        each=lambda: told.append(None),
    )
    return len(told), len(measured["nothing"].rounds)


async def test_on_a_quiet_machine_no_round_is_taken_again(monkeypatch: pytest.MonkeyPatch) -> None:
    gauge = loops(monkeypatch, itertools.cycle([1.0, 1.1]))
    assert await take(gauge) == (ROUNDS, ROUNDS)
    assert gauge.summary() == (1.1, 1.1, ROUNDS, 0, 0)


async def test_a_round_beside_a_neighbour_is_taken_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two loops a round: the second round has a neighbour at its end."""
    gauge = loops(monkeypatch, itertools.chain([1, 1, 1, 2], itertools.repeat(1.0)))
    assert await take(gauge) == (ROUNDS + 1, ROUNDS)
    assert gauge.summary() == (1.0, 1.0, ROUNDS, 1, 0)


async def test_where_it_is_never_quiet_a_run_ends_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gauge = loops(monkeypatch, itertools.cycle([1.0, 3.0]))
    assert await take(gauge) == (2 * ROUNDS, ROUNDS)
    assert gauge.summary() == (3.0, 3.0, ROUNDS, ROUNDS, ROUNDS)


async def test_a_scenario_that_takes_long_has_fewer_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    gauge = loops(monkeypatch, itertools.repeat(1.0))
    assert await take(gauge, seconds=0) == (LEAST, LEAST)


@pytest.mark.parametrize(
    ("now", "less_is_better", "is_slower"),
    [
        (Spread(1.4, 1.3, 1.5), True, True),
        (Spread(1.2, 1.1, 1.5), True, False),
        (Spread(0.5, 0.4, 0.6), True, False),
        (Spread(0.5, 0.4, 0.6), False, True),
        (Spread(1.4, 1.3, 1.5), False, False),
    ],
)
def test_slower_is_what_spreads_do_not_explain(
    now: Spread, less_is_better: bool, is_slower: bool
) -> None:
    before = Spread(1.0, 0.9, 1.2)
    assert comparing.is_slower(before, now, less_is_better=less_is_better) is is_slower


def test_a_name_is_a_module_or_part_of_a_title() -> None:
    every = named("", FULL)
    assert {module for module, _ in every} == {each.__name__.split(".")[1] for each in EVERY}
    assert named("writing", FULL) == [each for each in every if each[0] == "writing"]
    assert {each.title for _, each in named("PostgreSQL", FULL)} == {
        each.title for _, each in every if "PostgreSQL" in each.title
    }
    assert not named("no such thing", FULL)
    for module in ON_REQUEST:
        assert named(module.__name__.split(".")[1], QUICK)
