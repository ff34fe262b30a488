"""Rules of retention: what is too old is erased, visibly, and by nobody's surprise."""

import asyncio
from datetime import timedelta
from typing import Final

import pytest

from eventlog import BusyError, ErasedError
from eventlog.operations import place_hold
from eventlog_projections import Conversation, RetentionRule, apply_retention, follow_retention
from eventlog_projections.disposal import retention
from tests.backends import Backend
from tests.conftest import Clock
from tests.contract.disposal.test_pruning import left, said, told
from tests.contract.proof.test_evidence import SIGNER

DAY: Final = 24 * 3600 * 1_000_000
RULES: Final = [
    RetentionRule("ann-1d", timedelta(days=1), owner="ann"),
    RetentionRule("bob-1d", timedelta(days=1), tag="of bob", keep=1),
    RetentionRule("all-3d", timedelta(days=3)),
]


async def test_each_rule_erases_its_own_and_is_the_reason(erasable: Backend, clock: Clock) -> None:
    """By owner, by tag, or of the whole tenant; a legal hold wins over all of them."""
    async with erasable.open(clock=clock) as log:
        await said(log, clock, "a1", "held", owner="ann")
        await said(log, clock, "b1", "b2", owner="bob")
        await said(log, clock, "c1")
        await place_hold(log, "held", "case-1")
        clock.tick(2 * DAY)
        await said(log, clock, "a2", owner="ann")
        dry = await apply_retention(log, RULES, dry_run=True)
        assert [told(done) for done in dry.values()] == [
            {"a1": "chosen", "held": "held"},
            {"b1": "chosen"},
            {},
        ]
        done = await apply_retention(log, RULES, signer=SIGNER)
        assert [told(one) for one in done.values()] == [
            {"a1": "erased", "held": "held"},
            {"b1": "erased"},
            {},
        ]
        assert all(one.erased is None or one.erased.receipt for one in done["ann-1d"])
        clock.tick(DAY)
        later = await apply_retention(log, RULES[2:], by="night")
        assert told(later["all-3d"]) == {"held": "held", "b2": "erased", "c1": "erased"}
        assert await left(log) == ["a2", "held"]
        said_by = {}
        for name in ("a1", "b1", "c1"):
            header = (await log.read(name).all())[-1].header
            said_by[name] = (header.by, header.reason)
            with pytest.raises(ErasedError):
                await Conversation(log, name).items(as_of=1)
        assert said_by == {
            "a1": ("retention", "ann-1d"),
            "b1": ("retention", "bob-1d"),
            "c1": ("night", "all-3d"),
        }
        assert (await log.verify()).ok


async def test_a_worker_goes_on_after_an_outage(
    backend: Backend, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It applies the rules again and again until it is stopped."""
    stop, calls = asyncio.Event(), 0
    apply = retention.apply_retention

    async with backend.open(clock=clock) as log:
        await said(log, clock, "old")
        clock.tick(4 * DAY)

        async def failing_first(*args: object, **options: object) -> object:
            nonlocal calls
            calls += 1
            if calls == 1:
                raise BusyError("the database is away")
            done = await apply(*args, **options)  # type: ignore[arg-type]
            stop.set()
            return done

        monkeypatch.setattr(retention, "apply_retention", failing_first)
        await follow_retention(log, RULES, stop, every=timedelta(microseconds=1))
        assert (calls, await left(log)) == (2, [])
