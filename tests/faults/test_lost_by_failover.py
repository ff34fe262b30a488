"""A standby that had not everything takes over: what is lost is noticed, and never replaced."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from agents import RunContextWrapper

from eventlog import (
    EventLog,
    ItemsAdded,
    Signer,
)
from eventlog.errors import BeyondEndError, BrokenTreeError, HistoryLostError
from eventlog.format.records import SignedHead
from eventlog.operations import publish
from eventlog_openai_agents import EventLogSession
from eventlog_projections import Conversation
from eventlog_projections.views import Views
from eventlog_projections.views.queries import conversations
from tests.faults.cluster import Cluster
from tests.faults.proxy import Proxy
from tests.waiting import PATIENCE

SIGNER = Signer("example.com/log", bytes(range(32)))
KEPT, LOST = 3, 2


class Lagging:
    """A log by way of a proxy, whose standby has less and less of it once it lags."""

    def __init__(self, cluster: Cluster, proxy: Proxy) -> None:
        self.cluster = cluster
        self.proxy = proxy
        self.log = EventLog(proxy.url, poll_interval=0.02)

    async def add(self, *items: Any, log: EventLog | None = None, stream: str = "chat") -> None:
        for item in items:
            await (log or self.log).append(stream, ItemsAdded([item]))

    async def lag(self) -> None:
        """From now on, the standby gets nothing."""
        await self.log.position()
        await self.cluster.has_caught_up()
        await self.cluster.cut_off()

    async def fail_over(self, *items: Any) -> None:
        """Lose what the standby has not; somebody else appends these items before we are back."""
        self.proxy.refuses = True
        self.proxy.unplug()
        await self.cluster.fail_over()
        async with EventLog(self.cluster.standby_url) as other:
            await self.add(*items, log=other)
            await other.position()
        self.proxy.lead_to(self.cluster.standby_url)
        self.proxy.refuses = False


@pytest.fixture
async def lagging(two_servers: Cluster) -> AsyncIterator[Lagging]:
    async with Proxy(two_servers.url) as proxy:
        opened = Lagging(two_servers, proxy)
        async with opened.log:
            yield opened


async def items(log: EventLog) -> list[Any]:
    return await Conversation(log, "chat").items()


@pytest.mark.parametrize("others", [0, LOST, LOST + 1])
async def test_who_follows_the_feed_is_told(lagging: Lagging, others: int) -> None:
    """Also where it has grown as far again: no other event stands for one that was lost."""
    log = lagging.log
    await lagging.add("a", "b", "c")
    async with contextlib.aclosing(log.subscribe()) as events:
        for _ in range(KEPT):
            await anext(events)
        await lagging.lag()
        await lagging.add("lost", "lost too")
        for _ in range(LOST):
            await anext(events)
        await lagging.fail_over(*["new"] * others)
        with pytest.raises((BeyondEndError, HistoryLostError)):
            await asyncio.wait_for(anext(events), 10)


async def test_who_waits_for_a_position_that_was_lost_is_told(lagging: Lagging) -> None:
    """By the process that had seen it reached."""
    await lagging.add("a", "b", "c")
    await lagging.lag()
    await lagging.add("lost", "lost too")
    assert await lagging.log.position() == KEPT + LOST
    await lagging.fail_over()
    with pytest.raises(BeyondEndError):
        await lagging.log.wait_for(KEPT + LOST, PATIENCE)
    with pytest.raises(BeyondEndError):
        await lagging.log.feed(KEPT + LOST).all()


@pytest.mark.parametrize(("expected", "others"), [(None, 0), (None, LOST + 1), (KEPT + LOST, LOST)])
async def test_who_has_written_what_was_lost_is_told_by_the_next_append(
    lagging: Lagging, expected: int | None, others: int
) -> None:
    """Once, and nothing is stored: at the version that it expects there may be another event."""
    log = lagging.log
    await lagging.add("a", "b", "c")
    await lagging.lag()
    await lagging.add("lost", "lost too")
    await lagging.fail_over(*["new"] * others)
    with pytest.raises(HistoryLostError, match=r"version 5.*is not there any more") as caught:
        await log.append("chat", ItemsAdded(["mine"]), expected_version=expected)
    assert (caught.value.stream, caught.value.version) == ("chat", KEPT + LOST)
    assert await items(log) == ["a", "b", "c", *["new"] * others]
    await log.append("chat", ItemsAdded(["mine"]))
    assert await items(log) == ["a", "b", "c", *["new"] * others, "mine"]
    assert (await log.verify()).ok


@pytest.mark.parametrize("others", [0, LOST + 1])
async def test_a_run_that_has_read_what_was_lost_is_told_before_it_writes(
    lagging: Lagging, others: int
) -> None:
    """It was written by another process, and only read here; the next run goes on."""
    await lagging.add("a", "b", "c")
    await lagging.lag()
    async with EventLog(lagging.cluster.url, tenant="default", poll_interval=1) as other:
        await lagging.add("lost", "lost too", log=other)
    session, wrapper = EventLogSession("chat", log=lagging.log), RunContextWrapper(context=None)
    assert len(await session.get_items(wrapper=wrapper)) == KEPT + LOST
    await lagging.fail_over(*["new"] * others)
    with pytest.raises(HistoryLostError):
        await session.add_items([{"role": "user", "content": "mine"}], wrapper=wrapper)
    wrapper = RunContextWrapper(context=None)
    assert len(await session.get_items(wrapper=wrapper)) == KEPT + others
    await session.add_items([{"role": "user", "content": "mine"}], wrapper=wrapper)
    assert (await lagging.log.verify()).ok


@pytest.mark.parametrize("others", [0, LOST])
async def test_views_say_what_is_there(lagging: Lagging, others: int) -> None:
    """A process that remembers rows, sizes of lists and checkpoints of what was lost uses none."""
    log, views = lagging.log, Views(lagging.log)
    await log.append("chat", [ItemsAdded(["a"]), ItemsAdded(["b", "c"])])
    await views.catch_up()
    await lagging.lag()
    await log.append("chat", [ItemsAdded(list("lost")), ItemsAdded(["too"])])
    await views.catch_up()
    await lagging.fail_over(*["new"] * others)
    async with EventLog(lagging.cluster.standby_url) as other:
        await Views(other).catch_up()
        await lagging.add("more", log=other)
        await views.catch_up()
        await lagging.add("most", log=other)
    (only,) = await conversations(views)
    assert only.events == await log.version("chat") == 2 + others + 2
    for status in await views.status():
        assert await views.check(status.view) == []


@pytest.mark.parametrize("others", [0, LOST])
async def test_a_worker_signs_no_other_history(lagging: Lagging, others: int) -> None:
    """It ends, as for any head that does not fit; `verify` with the head that was kept says it."""
    log, heads = lagging.log, asyncio.Queue[SignedHead]()
    await lagging.add("a", "b", "c")
    await lagging.lag()
    await lagging.add("lost", "lost too")
    publishing = asyncio.ensure_future(
        publish(log, SIGNER, heads.put, asyncio.Event(), every_seconds=0.05)
    )
    kept = await heads.get()
    assert kept.size == KEPT + LOST
    await lagging.fail_over(*["new"] * others)
    with pytest.raises(BrokenTreeError):
        await asyncio.wait_for(publishing, PATIENCE)
    assert heads.empty()
    found = await log.verify(against=SIGNER.verifier.open(kept.note))
    wanted = "edited" if others >= LOST else "missing"
    assert [fault.problem for fault in found.faults][:1] == [wanted]
