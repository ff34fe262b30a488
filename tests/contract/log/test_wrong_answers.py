"""What the natural one-statement append answers wrongly, and what is true instead.

Each case is forced: somebody holds the lock that the append needs, until the rivals stand in line.
"""

import asyncio
import contextlib
import sqlite3
import uuid
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import Any, NamedTuple

import asyncpg
import pytest

from eventlog import (
    Appended,
    ConflictError,
    EventIdReusedError,
    EventLog,
    ItemsAdded,
    NewEvent,
    resources,
)
from eventlog.format import chain
from tests import distributing
from tests.backends import Backend, PostgresBackend, SqliteBackend, migrated
from tests.waiting import until

CROWD = 50


class Place(NamedTuple):
    """A tenant of a test's own in a database that the tests of this file share."""

    backend: Backend
    tenant: str

    def apart(self, **options: Any) -> EventLog:
        """Open a log that shares nothing with the others, as another process would."""
        known = dict(resources._registry.leased)
        resources._registry.leased.clear()
        try:
            return self.backend.open(tenant=self.tenant, **options)
        finally:
            resources._registry.leased.clear()
            resources._registry.leased.update(known)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def database(
    request: pytest.FixtureRequest, postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Backend]:
    opened: Backend
    if request.param == "sqlite":
        opened = SqliteBackend(tmp_path_factory.mktemp("log") / "log.db")
    else:
        opened = PostgresBackend(postgres_url)
    with migrated(opened):
        yield opened


@pytest.fixture
def place(database: Backend) -> Place:
    return Place(database, uuid.uuid4().hex)


class Lock:
    """What every append to a conversation has to wait for."""

    async def take(self, log: EventLog, stream: str) -> None:
        """Be first at a conversation, whether it exists or not."""

    async def wait_for(self, count: int) -> None:
        """Return when so many statements wait for the lock."""

    async def drop(self) -> None:
        """Let them go on, with everything as it was."""


class RowLock(Lock):
    """An open transaction that has locked, or created, the row of the stream."""

    def __init__(self, url: str, schema: str) -> None:
        self._url = url
        self._schema = schema

    async def take(self, log: EventLog, stream: str) -> None:
        self._connection = await asyncpg.connect(self._url)
        await self._connection.execute("BEGIN")
        await self._connection.execute(
            f"INSERT INTO {self._schema}.streams SELECT $1, '', '', 0, '', 0, NULL, NULL, 0"
            " ON CONFLICT (stream_id) DO UPDATE SET version = streams.version",
            chain.stream_id(log.tenant, stream),
        )

    async def wait_for(self, count: int) -> None:
        async def waiting() -> bool:
            await self._connection.execute("SELECT pg_stat_clear_snapshot()")
            found = await self._connection.fetchval(
                f"SELECT count(*) FROM {distributing.activity()} WHERE wait_event_type = 'Lock'"
                " AND strpos(query, $1) > 0",
                self._schema,
            )
            return bool(found >= count)

        await until(waiting, f"{count} statements wait for the lock")

    async def drop(self) -> None:
        await self._connection.execute("ROLLBACK")
        await self._connection.close()


class FileLock(Lock):
    """The file's one write lock. Who waits for it cannot be seen, only that nobody has passed."""

    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)

    async def take(self, log: EventLog, stream: str) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    async def wait_for(self, count: int) -> None:
        await asyncio.sleep(0)

    async def drop(self) -> None:
        self._db.execute("ROLLBACK")
        self._db.close()


@contextlib.asynccontextmanager
async def held(place: Place, log: EventLog, stream: str) -> AsyncGenerator[Lock]:
    lock: Lock
    if place.backend.name == "sqlite":
        lock = FileLock(place.backend.url)
    else:
        lock = RowLock(place.backend.url, place.backend.options["schema"])
    await lock.take(log, stream)
    try:
        yield lock
    finally:
        await lock.drop()


async def at_once(place: Place, stream: str, *appends: Any) -> list[Any]:
    """Run appends of different logs so that they all wait for one lock, in this order."""
    tasks: list[asyncio.Future[Any]] = []
    async with held(place, appends[0][0], stream) as lock:
        for log, events, expected in appends:
            append = log.append(stream, events, expected_version=expected)
            tasks.append(asyncio.ensure_future(append))
            await lock.wait_for(len(tasks))
    return await asyncio.gather(*tasks, return_exceptions=True)


async def warm(place: Place, stream: str) -> tuple[EventLog, EventLog]:
    """Return two processes' logs that both know the stream to be at version 1."""
    one, other = place.apart(), place.apart()
    await one.append(stream, NewEvent(ItemsAdded(["first"]), event_id="first"))
    for log in (one, other):
        # Both append a first time elsewhere, and look at this stream: one statement from here on.
        await log.append("elsewhere", ItemsAdded(["x"]))
        with pytest.raises(ConflictError):
            await log.append(stream, ItemsAdded(["never"]), expected_version=7)
    return one, other


async def contents(log: EventLog, stream: str) -> list[Any]:
    return [
        event.event.items async for event in log.read(stream) if isinstance(event.event, ItemsAdded)
    ]


async def close(*logs: EventLog) -> None:
    assert (await logs[0].verify()).ok
    for log in logs:
        await log.close()


def split(answers: Sequence[Any]) -> tuple[list[Appended], list[BaseException]]:
    won = [answer for answer in answers if isinstance(answer, Appended)]
    return won, [answer for answer in answers if isinstance(answer, BaseException)]


async def test_a_conflict_reports_the_true_head(place: Place) -> None:
    """Not the head of the snapshot that the loser's statement began with."""
    one, other = await warm(place, "chat")
    answers = await at_once(
        place, "chat", (one, [ItemsAdded([1])] * 2, 1), (other, [ItemsAdded([2])] * 2, 1)
    )
    (won,), (lost,) = split(answers)
    assert won.last == 3
    assert isinstance(lost, ConflictError)
    assert (lost.expected, lost.actual) == (1, 3)
    assert len(await contents(one, "chat")) == 3
    await close(one, other)


async def test_a_conflict_about_a_new_conversation_reports_its_true_head(place: Place) -> None:
    """Not nothing: the conversation exists now, and is where the winner left it."""
    one, other = await warm(place, "chat")
    answers = await at_once(
        place, "new", (one, [ItemsAdded([1])] * 3, 0), (other, [ItemsAdded([2])] * 3, 0)
    )
    (won,), (lost,) = split(answers)
    assert won.last == 3
    assert isinstance(lost, ConflictError)
    assert (lost.expected, lost.actual) == (0, 3)
    await close(one, other)


@pytest.mark.parametrize("stream", ["chat", "new"])
async def test_a_resend_in_flight_is_no_conflict(place: Place, stream: str) -> None:
    """Both sends get the first answer, whatever they expect, and one of them says `replayed`."""
    one, other = await warm(place, "chat")
    for with_head in (True, False):
        head = await one.version(stream)
        expected = head if with_head else None
        event = NewEvent(ItemsAdded([head]), event_id=f"once-{head}")
        answers = await at_once(place, stream, (one, event, expected), (other, event, expected))
        won, lost = split(answers)
        assert lost == []
        assert {(answer.first, answer.last) for answer in won} == {(head + 1, head + 1)}
        assert sorted(answer.replayed for answer in won) == [False, True]
        assert await one.version(stream) == head + 1
    await close(one, other)


async def test_a_resent_batch_in_flight_is_no_conflict(place: Place) -> None:
    """The same for several events, which are one thing."""
    one, other = await warm(place, "chat")
    batch = [NewEvent(ItemsAdded([number]), event_id=f"id-{number}") for number in range(3)]
    answers = await at_once(place, "chat", (one, batch, 1), (other, batch, 1))
    won, lost = split(answers)
    assert lost == []
    assert {(answer.first, answer.last) for answer in won} == {(2, 4)}
    await close(one, other)


async def crowd(place: Place, log: EventLog, odd: Any) -> tuple[Any, list[Appended]]:
    """Let `odd` wait among many appends for one lock; return its answer, and those of the many."""
    async with held(place, log, "slow") as lock:
        slow = asyncio.ensure_future(log.append("slow", ItemsAdded(["slow"])))
        await lock.wait_for(1)
        many = [log.append(f"chat-{number}", ItemsAdded([number])) for number in range(CROWD)]
        tasks = [asyncio.ensure_future(append) for append in [*many[:20], odd, *many[20:]]]
        await asyncio.sleep(0)
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert (await slow).first == 2
    strange = answers.pop(20)
    won, lost = split(answers)
    assert lost == []
    return strange, won


@pytest.fixture
async def crowded(place: Place) -> AsyncGenerator[EventLog]:
    """A log that knows the heads of all its conversations, on one connection."""
    log = place.apart(pool_size=1)
    await log.append("chat", NewEvent(ItemsAdded(["first"]), event_id="first"))
    await log.append("chat", ItemsAdded(["second"]))
    for stream in ["slow", *[f"chat-{number}" for number in range(CROWD)]]:
        await log.append(stream, ItemsAdded(["first"]))
    yield log
    for number in range(CROWD):
        assert await contents(log, f"chat-{number}") == [["first"], [number]]
    await close(log)


async def test_a_late_duplicate_harms_no_other_append_of_its_group(
    place: Place, crowded: EventLog
) -> None:
    """It gets the first answer, and fifty others are stored as if it were not there."""
    again = crowded.append("chat", NewEvent(ItemsAdded(["first"]), event_id="first"))
    answer, won = await crowd(place, crowded, again)
    assert (answer.first, answer.last, answer.replayed) == (1, 1, True)
    assert {answer.last for answer in won} == {2}


async def test_a_reused_id_harms_no_other_append_of_its_group(
    place: Place, crowded: EventLog
) -> None:
    """It alone is refused."""
    other = NewEvent(ItemsAdded(["other"]), event_id="first")
    reused = crowded.append("chat", other, expected_version=2)
    answer, won = await crowd(place, crowded, reused)
    assert isinstance(answer, EventIdReusedError)
    assert len(won) == CROWD


async def test_a_stale_append_harms_no_other_append_of_its_group(
    place: Place, crowded: EventLog
) -> None:
    """It alone hears of a conflict, with the true head, though only another process knew it."""
    other = place.apart()
    await other.append("chat", [ItemsAdded(["theirs"])] * 2)
    await other.close()
    stale = crowded.append("chat", ItemsAdded(["stale"]), expected_version=2)
    answer, won = await crowd(place, crowded, stale)
    assert isinstance(answer, ConflictError)
    assert (answer.expected, answer.actual) == (2, 4)
    assert len(won) == CROWD


async def test_a_late_resend_at_another_head_gives_the_first_answer(place: Place) -> None:
    """Sent again by a process that only knows the new head, at which its id is a duplicate key."""
    one, other = await warm(place, "chat")
    event = NewEvent(ItemsAdded(["once"]), event_id="once")
    first = await one.append("chat", event, expected_version=1)
    await one.append("chat", ItemsAdded(["later"]))
    with pytest.raises(ConflictError):
        await other.append("chat", ItemsAdded(["never"]), expected_version=9)
    for expected in (3, None, 2, 1, 0):
        again = await other.append("chat", event, expected_version=expected)
        assert (again.first, again.last, again.replayed) == (first.first, first.last, True)
    assert await contents(other, "chat") == [["first"], ["once"], ["later"]]
    await close(one, other)
