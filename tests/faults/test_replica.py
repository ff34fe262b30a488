"""A replica that lags: what it shows is true of a moment before, and nothing else is said."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from eventlog import EventLog, ItemsAdded, NewEvent, PostgresOptions, Signer, StoreError
from eventlog.errors import ReadOnlyError, ReplicaBehindError, WaitTimeoutError
from eventlog.operations import migrate, sign_head
from eventlog_openai_agents import EventLogSession
from eventlog_projections import Conversation
from eventlog_projections.views import Views
from eventlog_projections.views.queries import conversations, search
from tests import processes
from tests.faults.cluster import Cluster
from tests.waiting import PATIENCE, until

COMMANDS = {
    "sessions": "chat",
    "log chat": "user: two",
    "verify": "all 2 events are as they were written",
    "search two": "two",
    "stats": "position 2",
}

SIGNER = Signer("example.com/log", bytes(range(32)))


class Lag:
    """A log on the primary, and the same on its replica, which shows nothing new when held."""

    def __init__(self, servers: Cluster) -> None:
        self.servers = servers
        self.log = EventLog(servers.url, poll_interval=0.02)
        self.replica = EventLog(servers.standby_url, poll_interval=0.02)

    async def say(self, *items: str) -> None:
        for item in items:
            message = {"role": "user", "content": item}
            await self.log.append("chat", ItemsAdded([message]))

    async def hold(self) -> None:
        """The replica gets what comes, and does not show it."""
        await self.log.position()
        await self.servers.has_caught_up()
        await self.servers.standby.execute("SELECT pg_wal_replay_pause()")

        async def is_held() -> bool:
            state = await self.servers.standby.execute("SELECT pg_get_wal_replay_pause_state()")
            return bool(state == "paused")

        await until(is_held, "the replica is held")

    async def let_go(self) -> None:
        await self.servers.standby.execute("SELECT pg_wal_replay_resume()")


@pytest.fixture
async def lag(two_servers: Cluster) -> AsyncIterator[Lag]:
    opened = Lag(two_servers)
    async with opened.log, opened.replica:
        yield opened


async def test_what_a_replica_shows_is_true_of_a_moment_before(lag: Lag) -> None:
    """Items, versions, history, feed and verification agree with each other, and then catch up."""
    await lag.say("one", "two")
    await lag.hold()
    await lag.say("three", "four")
    replica, chat = lag.replica, Conversation(lag.replica, "chat")
    assert [item["content"] for item in await chat.items()] == ["one", "two"]
    assert await replica.version("chat") == await replica.position() == 2
    assert [event.version for event in await replica.feed().all()] == [1, 2]
    found = await replica.verify()
    assert (found.ok, found.events) == (True, 2)
    await lag.let_go()
    await replica.wait_for(await lag.log.position(), PATIENCE)
    assert [item["content"] for item in await chat.items()][2:] == ["three", "four"]
    assert (await replica.verify()).events == 4


async def test_a_position_of_the_primary_is_waited_for(lag: Lag) -> None:
    """Who has written there waits until the replica shows it; it is not told that it was lost."""
    await lag.say("one")
    await lag.hold()
    assert await lag.replica.position() == 1
    await lag.say("two")
    end = await lag.log.position()
    with pytest.raises(WaitTimeoutError, match="a replica that is behind"):
        await lag.replica.wait_for(end, 0.05)
    for events in (lag.replica.feed(end), lag.replica.subscribe(end)):
        with pytest.raises(ReplicaBehindError) as caught:
            await anext(events)
        assert (caught.value.position, caught.value.end) == (end, 1)
    waiting = asyncio.ensure_future(lag.replica.wait_for(end, PATIENCE))
    await lag.let_go()
    await waiting


async def test_a_subscription_on_a_replica_gets_what_arrives(lag: Lag) -> None:
    """Each event once, whenever the replica shows it."""
    await lag.say("one")
    await lag.log.position()
    async with contextlib.aclosing(lag.replica.subscribe()) as events:
        assert (await anext(events)).version == 1
        await lag.hold()
        await lag.say("two", "three")
        await lag.log.position()
        coming = asyncio.ensure_future(anext(events))
        await lag.let_go()
        assert (await coming).version == 2
        assert (await anext(events)).version == 3


@pytest.mark.parametrize("expected", [None, 2, 4])
async def test_nothing_is_appended_by_way_of_a_replica(lag: Lag, expected: int | None) -> None:
    """Nor is anybody told of a conflict that there is not: the replica may just be behind."""
    await lag.say("one", "two")
    await lag.hold()
    await lag.say("three", "four")
    with pytest.raises(ReadOnlyError, match="standby"):
        await lag.replica.append("chat", ItemsAdded(["mine"]), expected_version=expected)
    session = EventLogSession("chat", log=lag.replica)
    with pytest.raises(ReadOnlyError):
        await session.add_items([{"role": "user", "content": "mine"}])
    with pytest.raises(ReadOnlyError):
        await session.pop_item()
    assert await lag.log.version("chat") == 4


async def test_what_is_there_already_is_answered_by_a_replica_too(lag: Lag) -> None:
    """An event that was appended before, by its id: nothing has to be written for that."""
    event = NewEvent(ItemsAdded(["mine"]), event_id="once")
    await lag.log.append("chat", event)
    await lag.hold()
    again = await lag.replica.append("chat", event)
    assert (again.first, again.replayed) == (1, True)


async def test_a_head_of_the_primary_is_no_fault_of_a_replica(lag: Lag) -> None:
    """It could not be checked yet, which is not that something is missing."""
    await lag.say("one")
    await lag.hold()
    await lag.say("two")
    against = SIGNER.verifier.open((await sign_head(lag.log, SIGNER)).note)
    for stream in (None, "chat"):
        with pytest.raises(ReplicaBehindError):
            await lag.replica.verify(stream, against=against)
    with pytest.raises(ReadOnlyError):
        await sign_head(lag.replica, SIGNER)
    await lag.let_go()
    await lag.replica.wait_for(2, PATIENCE)
    assert (await lag.replica.verify(against=against)).ok


async def test_views_are_read_on_a_replica_as_they_are_there(lag: Lag) -> None:
    """By the library and by every command; none is made there, and rows and feed fit together."""
    await lag.say("one", "two")
    views, there = Views(lag.log), Views(lag.replica)
    await views.catch_up()
    await lag.hold()
    await lag.say("three")
    await views.catch_up()
    assert [row.events for row in await conversations(there)] == [2]
    assert [found.text for found in await search(there, "two")] == ["two"]
    assert await search(there, "three") == []
    for command, said in COMMANDS.items():
        arguments = ("-m", "eventlog_cli", *command.split(), "--db", lag.servers.standby_url)
        status, output = await processes.output_of(*arguments)
        assert (status, said in output) == (0, True), output
    with pytest.raises(ReadOnlyError):
        await there.rebuild("conversations")
    await lag.let_go()
    await lag.replica.wait_for(3, PATIENCE)
    assert [row.events for row in await conversations(there)] == [3]


async def test_views_that_are_behind_the_feed_of_a_replica_are_read_as_they_are(lag: Lag) -> None:
    """The primary's worker has not taken all yet: the replica waits for nobody to do it there."""
    await lag.say("one")
    await Views(lag.log).catch_up()
    await lag.say("two")
    await lag.log.position()
    await lag.servers.has_caught_up()
    there = Views(lag.replica)
    assert [row.events for row in await conversations(there)] == [1]
    assert {status.behind for status in await there.status()} == {1}


async def test_a_log_is_not_made_on_a_replica(lag: Lag) -> None:
    """That it has none is said, and nothing was made anywhere."""
    elsewhere = PostgresOptions(schema="nothing")
    async with EventLog(lag.servers.standby_url, postgres=elsewhere) as log:
        with pytest.raises(StoreError, match="standby"):
            await log.version("chat")
    with pytest.raises(StoreError):
        await migrate(lag.servers.standby_url, schema="nothing")
    await migrate(lag.servers.standby_url)  # It is current: there is nothing to do.
