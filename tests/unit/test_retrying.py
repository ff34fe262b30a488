"""Trying again is bounded, by number or by time, and waits are random and bounded too."""

import asyncio
import random
import time

import pytest

from eventlog.retrying import LONGEST_WAIT, PATIENCE, Backoff, Deadline, Tries, tries_within


class Time:
    """A clock that goes on by what is waited; every wait takes as long as it may."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.waits: list[float] = []
        monkeypatch.setattr(random, "uniform", lambda _, longest: longest)
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(asyncio, "sleep", self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds
        self.waits.append(seconds)


async def test_tries_are_bounded_by_time_and_wait_ever_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first at once, then up to 1 ms, 2 ms, 4 ms ... and never above the longest."""
    passed = Time(monkeypatch)
    numbers = [number async for number in Tries()]
    assert numbers == list(range(len(passed.waits) + 1))
    assert passed.waits[:3] == [0.001, 0.002, 0.004]
    assert passed.waits[-1] == max(passed.waits) == LONGEST_WAIT
    assert PATIENCE <= passed.now <= PATIENCE + LONGEST_WAIT


async def test_the_first_retry_may_follow_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where losing once is the usual case, the second try follows, however late."""
    passed = Time(monkeypatch)
    assert [number async for number in Tries(0.005, at_once=2)] == [0, 1, 2, 3]
    assert passed.waits == [0.002, 0.004]
    assert [number async for number in Tries(0, at_once=2)] == [0, 1]


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


def test_waits_that_share_a_deadline_take_no_longer_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is left falls with time, and never below 0."""
    passed = Time(monkeypatch)
    deadline = Deadline(2)
    assert deadline.left == 2
    passed.now = 1.5
    assert deadline.left == 0.5
    passed.now = 3
    assert deadline.left == 0
