"""A primary that is killed under load and a standby that takes its place: everybody goes on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from agents import Session

from eventlog import EventLog, ItemsAdded, NewEvent, PostgresOptions, RecordedEvent, Signer
from eventlog.errors import InDoubtError, StoreError
from eventlog.format.records import SignedHead
from eventlog.operations import publish
from eventlog_openai_agents import EventLogSession
from eventlog_projections.views import Views
from eventlog_projections.views.queries import conversations
from tests.faults.cluster import Cluster
from tests.faults.crowd import Crowd, stored
from tests.faults.proxy import Cut, Proxy
from tests.waiting import until

APPEND = "INSERT INTO"
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


async def test_an_append_in_flight_is_answered_by_the_standby(
    two_servers: Cluster, proxy: Proxy
) -> None:
    """The primary dies when it has committed, and before the client hears so."""
    await two_servers.be_synchronous()
    async with EventLog(proxy.url, postgres=PostgresOptions(pool_size=1)) as log:
        await log.append("chat", [ItemsAdded(["first"]), ItemsAdded(["second"])])

        async def die() -> None:
            await two_servers.fail_over()
            proxy.lead_to(two_servers.standby_url)

        proxy.cuts.append(Cut("answer", APPEND, die))
        answer = await log.append("chat", ItemsAdded(["mine"]), expected_version=2)
        assert (proxy.made, answer.first, answer.replayed) == (1, 3, False)
        assert await stored(log) == ["first", "second", "mine"]


async def test_an_append_in_flight_that_was_lost_with_the_primary_is_made_again(
    two_servers: Cluster, proxy: Proxy
) -> None:
    """The standby has not got it: nobody was told that it is stored, and it is stored there."""
    async with EventLog(proxy.url, postgres=PostgresOptions(pool_size=1)) as log:
        await log.append("chat", [ItemsAdded(["first"]), ItemsAdded(["second"])])
        await two_servers.has_caught_up()
        await two_servers.cut_off()

        async def die() -> None:
            await two_servers.fail_over()
            proxy.lead_to(two_servers.standby_url)

        proxy.cuts.append(Cut("answer", APPEND, die))
        assert (await log.append("chat", ItemsAdded(["mine"]))).first == 3
        assert await stored(log) == ["first", "second", "mine"]


@pytest.mark.parametrize("expected", [None, 2])
async def test_an_append_that_a_standby_does_not_show_yet_is_in_doubt(
    two_servers: Cluster, proxy: Proxy, expected: int | None
) -> None:
    """Clients are led there before it was promoted: what it has got may not be replayed yet."""
    await two_servers.be_synchronous()
    options = PostgresOptions(pool_size=1)
    async with EventLog(proxy.url, postgres=options) as log:
        await log.append("chat", [ItemsAdded(["first"]), ItemsAdded(["second"])])
        await two_servers.has_caught_up()
        await two_servers.standby.execute("SELECT pg_wal_replay_pause()")

        async def die() -> None:
            await two_servers.primary.kill()
            proxy.lead_to(two_servers.standby_url)

        proxy.cuts.append(Cut("answer", APPEND, die))
        event = NewEvent(ItemsAdded(["mine"]), event_id="once")
        with pytest.raises(InDoubtError):
            await log.append("chat", event, expected_version=expected)
        await two_servers.standby.execute("SELECT pg_wal_replay_resume()")
        await two_servers.standby.promote()
        again = await log.append("chat", event, expected_version=expected)
        assert (again.first, again.replayed) == (3, True)
        assert await stored(log) == ["first", "second", "mine"]


async def test_what_a_synchronous_standby_has_not_got_is_in_doubt(two_servers: Cluster) -> None:
    """It is committed on the primary, whose wait was broken off: a fail-over would lose it."""
    await two_servers.be_synchronous()
    options = PostgresOptions(pool_size=2, statement_timeout=0.2)
    event = NewEvent(ItemsAdded(["mine"]), event_id="once")
    async with EventLog(two_servers.url, postgres=options) as log:
        await log.append("chat", [ItemsAdded(["first"]), ItemsAdded(["second"])])
        await two_servers.standby.kill()
        for _ in range(2):
            with pytest.raises(InDoubtError):
                await log.append("chat", event)
        assert await stored(log) == ["first", "second", "mine"]
        await two_servers.standby.start()

        async def is_answered() -> bool:
            with contextlib.suppress(InDoubtError):
                return (await log.append("chat", event)).replayed
            return False

        await until(is_answered, "the standby has got it")
