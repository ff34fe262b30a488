"""A primary that is killed under load and a standby that takes its place: everybody goes on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from agents import Session

from eventlog import EventLog, ItemsAdded, PostgresOptions, RecordedEvent, Signer
from eventlog.errors import InDoubtError, StoreError
from eventlog.format.records import SignedHead
from eventlog.operations import publish
from eventlog_openai_agents import EventLogSession
from eventlog_projections.views import Views
from eventlog_projections.views.queries import conversations
from tests.faults.cluster import Cluster
from tests.faults.crowd import Crowd
from tests.faults.proxy import Proxy
from tests.waiting import until

SIGNER = Signer("example.com/log", bytes(range(32)))


@pytest.fixture
async def proxy(two_servers: Cluster) -> AsyncIterator[Proxy]:
    """What stands between clients and whichever server is the primary."""
    async with Proxy(two_servers.url) as opened:
        yield opened


async def fail_over(cluster: Cluster, proxy: Proxy) -> None:
    """Kill the primary with all connections; promote the standby, and lead clients there."""
    proxy.refuses = True
    proxy.unplug()
    await cluster.fail_over()
    proxy.lead_to(cluster.standby_url)
    proxy.refuses = False


class Follower:
    """Whoever reads the feed as it comes."""

    def __init__(self, log: EventLog) -> None:
        self.seen: list[RecordedEvent] = []
        self._log = log

    async def follow(self) -> None:
        async with contextlib.aclosing(self._log.subscribe()) as events:
            async for event in events:
                self.seen.append(event)

    def check(self) -> None:
        """Every position once, and every version of the one conversation in its order."""
        assert [event.position for event in self.seen] == list(range(1, len(self.seen) + 1))


async def chat(session: Session, said: list[str], enough: asyncio.Event) -> None:
    """Add an item after the other, each until it is known to be there."""
    while not enough.is_set():
        item = f"item {len(said)}"
        try:
            await session.add_items([{"role": "user", "content": item}])
        except InDoubtError:
            await until(lambda: is_back(session), "the session reads again")
            if item not in contents(await session.get_items()):
                continue
        except StoreError:
            continue
        said.append(item)


def contents(found: list[Any]) -> list[str]:
    return [item["content"] for item in found]


async def is_back(session: Session) -> bool:
    with contextlib.suppress(StoreError):
        await session.get_items()
        return True
    return False


async def test_everybody_goes_on_after_a_fail_over_and_nothing_is_lost(
    two_servers: Cluster, proxy: Proxy
) -> None:
    """Appends, a session, a subscription, views and heads; the standby is synchronous."""
    heads: list[SignedHead] = []

    async def keep(head: SignedHead) -> None:
        heads.append(head)

    await two_servers.be_synchronous()
    options = PostgresOptions(pool_size=4)
    async with EventLog(proxy.url, postgres=options, poll_interval=0.02) as log:
        crowd, follower, stop = Crowd(log), Follower(log), asyncio.Event()
        session = EventLogSession("session", log=log)
        said: list[str] = []
        views = Views(log)
        await log.append("chat", ItemsAdded(["0.first"]))
        await views.catch_up()
        async with asyncio.TaskGroup() as group:
            following = group.create_task(follower.follow())
            for number in range(1, 4):
                group.create_task(crowd.write(number))
            group.create_task(chat(session, said, crowd.enough))
            group.create_task(views.follow(stop))
            group.create_task(publish(log, SIGNER, keep, stop, every_events=20, every_seconds=0.1))
            await crowd.more(30)
            before = len(heads)
            await fail_over(two_servers, proxy)
            await crowd.more(30)

            async def is_published() -> bool:
                return len(heads) > before

            await until(is_published, "another head is published")
            crowd.enough.set()
            end = await log.position()

            async def all_seen() -> bool:
                return len(follower.seen) >= end

            await until(all_seen, "the subscription has all events")
            stop.set()
            following.cancel()
        crowd.acknowledged["0.first"] = 1
        await crowd.check(log)
        follower.check()
        assert contents(await session.get_items()) == said
        found = {row.name: row.events for row in await conversations(views)}
        assert found["chat"] == await log.version("chat")
        assert await views.check("conversations") == []
        for head in heads:
            assert (await log.verify(against=SIGNER.verifier.open(head.note))).ok
