"""Trying again is bounded, by number or by time, and waits are random and bounded too."""

import asyncio
import random

import pytest

from eventlog.retrying import LONGEST_WAIT, MAX_TRIES, Backoff, Tries, tries_within


async def waits(monkeypatch: pytest.MonkeyPatch, tries: Tries) -> list[float]:
    """Return what was waited at most before each try that waited."""
    longest: list[float] = []

    def uniform(_: float, most: float) -> float:
        longest.append(most)
        return 0.0

    monkeypatch.setattr(random, "uniform", uniform)
    assert [number async for number in tries] == list(range(tries._limit))
    return longest


async def test_tries_are_bounded_and_wait_ever_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty, the first at once, then up to 1 ms, 2 ms, 4 ms ... and never above the longest."""
    longest = await waits(monkeypatch, Tries())
    assert len(longest) == MAX_TRIES - 1
    assert longest[:3] == [0.001, 0.002, 0.004]
    assert longest[-1] == max(longest) == LONGEST_WAIT


async def test_the_first_retry_may_follow_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where losing once is the usual case, the second try does not wait."""
    assert await waits(monkeypatch, Tries(4, at_once=2)) == [0.002, 0.004]


async def test_leaving_the_loop_leaves_nothing_behind() -> None:
    """Whoever succeeds returns out of it: no task, no generator that has to be closed."""
    before = asyncio.all_tasks()
    async for number in Tries():
        if number == 1:
            break
    assert asyncio.all_tasks() == before


def test_tries_within_a_time_end_with_one_that_is_the_last() -> None:
    """The time may be nothing: there is one try at least after it has begun."""
    told = list(tries_within(0.02, wait=0.005))
    assert told[-1] is True
    assert not any(told[:-1])
    assert list(tries_within(-1, wait=0.005)) == [True]


def test_pauses_double_up_to_the_longest_and_begin_anew_after_a_reset() -> None:
    """0.1, 0.2, 0.4, 0.5 s, and 0.1 s again."""
    backoff = Backoff(0.1, 0.5)
    assert backoff.is_fresh
    assert [backoff.next() for _ in range(5)] == [0.1, 0.2, 0.4, 0.5, 0.5]
    assert not backoff.is_fresh
    backoff.reset()
    assert (backoff.is_fresh, backoff.next()) == (True, 0.1)
