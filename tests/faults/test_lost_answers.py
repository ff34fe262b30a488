"""The connection breaks at the worst moment: an append happened once, its answer is the truth."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from eventlog import (
    ConflictError,
    Event,
    EventIdReusedError,
    EventLog,
    InDoubtError,
    ItemsAdded,
    NewEvent,
    PostgresOptions,
    UnavailableError,
)
from eventlog.keys import KeyRing, new_key, parse_keyring
from tests.backends import PostgresBackend, checked_out, migrated
from tests.faults.crowd import Crowd, stored
from tests.faults.proxy import APPEND, Cut, Proxy, Where
from tests.options import grouped

READ = "ORDER BY"
BATCH = 3

Events = list[NewEvent | Event]


class Wire:
    """A log behind the proxy, and one beside it that nothing happens to, of one tenant."""

    def __init__(
        self, proxy: Proxy, backend: PostgresBackend, keyring: KeyRing | None = None
    ) -> None:
        self.proxy = proxy
        own = {"tenant": uuid.uuid4().hex, "keyring": keyring}
        self._options: dict[str, Any] = {**own, **backend.options}
        self.direct = EventLog(backend.url, **grouped(**self._options))
        self._logs = [self.direct]

    def open(self, **options: Any) -> EventLog:
        log = EventLog(self.proxy.url, **grouped(**self._options, **options))
        self._logs.append(log)
        return log

    async def warm(self) -> EventLog:
        """Return a log whose every kind of statement is prepared, on one connection."""
        log = self.open(pool_size=1)
        await log.append("chat", ItemsAdded(["first"]))
        await log.append("chat", ItemsAdded(["second"]))
        assert len(await stored(log)) == 2
        return log

    async def close(self) -> None:
        """Check that nothing is left checked out."""
        busy = [log for log in self._logs if checked_out(log)]
        for log in self._logs:
            await log.close()
        assert not busy


@pytest.fixture(scope="module")
def backend(postgres_url: str) -> Iterator[PostgresBackend]:
    """One schema for all tests here; each has a tenant of its own."""
    with migrated(PostgresBackend(postgres_url)) as opened:
        yield opened


@pytest.fixture
async def wire(backend: PostgresBackend) -> AsyncIterator[Wire]:
    async with Proxy(backend.url) as proxy:
        opened = Wire(proxy, backend)
        yield opened
        await opened.close()


@pytest.fixture
async def sealed_wire(backend: PostgresBackend) -> AsyncIterator[Wire]:
    """The same, encrypted."""
    async with Proxy(backend.url) as proxy:
        opened = Wire(proxy, backend, parse_keyring(new_key("kek")))
        yield opened
        await opened.close()


def events(*, count: int, with_id: bool) -> Events:
    ids = [uuid.uuid4().hex if with_id else None for _ in range(count)]
    return [NewEvent(ItemsAdded(["mine"]), event_id=event_id) for event_id in ids]


@pytest.mark.parametrize("count", [1, BATCH])
@pytest.mark.parametrize("expected", [None, 2])
@pytest.mark.parametrize("with_id", [False, True])
@pytest.mark.parametrize("where", ["answer", "request"])
async def test_an_append_whose_connection_is_cut_happens_once(
    wire: Wire, where: Where, with_id: bool, expected: int | None, count: int
) -> None:
    """Cut before the server hears of it or before the client does: one event, its true version."""
    log = await wire.warm()
    wire.proxy.cuts.append(Cut(where, APPEND))
    answer = await log.append(
        "chat", events(count=count, with_id=with_id), expected_version=expected
    )
    assert (answer.first, answer.last) == (3, 2 + count)
    assert wire.proxy.made == 1
    assert await stored(wire.direct) == ["first", "second"] + ["mine"] * count


@pytest.mark.parametrize("with_id", [False, True])
@pytest.mark.parametrize("where", ["answer", "request"])
@pytest.mark.parametrize("name", ["chat", "new"])
async def test_an_encrypted_append_whose_connection_is_cut_happens_once(
    sealed_wire: Wire, name: str, where: Where, with_id: bool
) -> None:
    """What was encrypted anew would have another hash: on the same head the same is sent again."""
    log = await sealed_wire.warm()
    await log.append(name, ItemsAdded(["prepared"]))  # The key is an INSERT of its own.
    before = await stored(sealed_wire.direct, name)
    sealed_wire.proxy.cuts.append(Cut(where, APPEND))
    answer = await log.append(name, events(count=BATCH, with_id=with_id))
    assert (answer.first, answer.last) == (len(before) + 1, len(before) + BATCH)
    assert sealed_wire.proxy.made == 1
    assert await stored(sealed_wire.direct, name) == [*before, *["mine"] * BATCH]
    assert (await sealed_wire.direct.verify()).ok


@pytest.mark.parametrize("count", [1, BATCH])
@pytest.mark.parametrize("with_id", [False, True])
async def test_the_first_event_of_a_conversation_is_not_taken_for_a_rival(
    wire: Wire, with_id: bool, count: int
) -> None:
    """expected_version=0 and a lost answer: the conversation exists because of this very append."""
    log = await wire.warm()
    await log.append("other", ItemsAdded(["prepared"]), expected_version=0)
    wire.proxy.cuts.append(Cut("answer", APPEND))
    answer = await log.append("new", events(count=count, with_id=with_id), expected_version=0)
    assert (answer.first, answer.last) == (1, count)
    assert wire.proxy.made == 1
    assert await stored(wire.direct, "new") == ["mine"] * count


@pytest.mark.parametrize("count", [1, BATCH])
@pytest.mark.parametrize("expected", [None, 2])
@pytest.mark.parametrize("with_id", [False, True])
async def test_a_lost_answer_is_found_behind_what_others_appended_since(
    wire: Wire, with_id: bool, expected: int | None, count: int
) -> None:
    """Others append before the writer can look: its answer is still its own version."""
    log = await wire.warm()

    async def others() -> None:
        for _ in range(3):
            await wire.direct.append("chat", ItemsAdded(["theirs"]))

    wire.proxy.cuts.append(Cut("answer", APPEND, others))
    answer = await log.append(
        "chat", events(count=count, with_id=with_id), expected_version=expected
    )
    assert (answer.first, answer.last) == (3, 2 + count)
    assert wire.proxy.made == 1
    assert await stored(wire.direct) == ["first", "second"] + ["mine"] * count + ["theirs"] * 3


async def test_an_append_that_never_arrived_meets_the_true_head(wire: Wire) -> None:
    """Others were first while it was under way: a conflict, or else the next place."""
    log = await wire.warm()

    async def other() -> None:
        await wire.direct.append("chat", ItemsAdded(["theirs"]))

    wire.proxy.cuts.append(Cut("request", APPEND, other))
    with pytest.raises(ConflictError) as caught:
        await log.append("chat", ItemsAdded(["mine"]), expected_version=2)
    assert caught.value.actual == 3
    await log.append("chat", ItemsAdded(["mine"]))
    wire.proxy.cuts.append(Cut("request", APPEND, other))
    assert (await log.append("chat", ItemsAdded(["mine"]))).first == 6
    assert wire.proxy.made == 2
    assert await stored(wire.direct) == ["first", "second", "theirs", "mine", "theirs", "mine"]


async def test_every_answer_of_a_crowd_survives_cuts(wire: Wire) -> None:
    """Many conversations, rivals in one of them, and cuts: each append once, at its version."""
    log = wire.open(pool_size=3)
    await log.append("chat", ItemsAdded(["first"]))
    cuts = [Cut(where, APPEND) for where in ("answer", "request") * 4]

    async def writer(number: int) -> None:
        for step in range(4):
            item = f"{number}.{step}"
            own = await log.append(f"own-{number}", ItemsAdded([item]), expected_version=step)
            assert (own.first, own.replayed) == (step + 1, False)
            shared = await log.append("chat", ItemsAdded([item]))
            (event,) = [
                event async for event in log.read("chat", after=shared.first - 1, until=shared.last)
            ]
            assert event.event == ItemsAdded([item])

    wire.proxy.cuts.extend(cuts)
    await asyncio.gather(*[writer(number) for number in range(12)])
    assert wire.proxy.made == len(cuts)
    assert len(await stored(wire.direct)) == 1 + 12 * 4
    for number in range(12):
        assert await stored(wire.direct, f"own-{number}") == [f"{number}.{n}" for n in range(4)]


async def test_an_event_id_answers_again_after_a_lost_answer_was_reported(wire: Wire) -> None:
    """The caller got an error, comes back later with the same id, and hears the first answer."""
    log = await wire.warm()
    (event,) = events(count=1, with_id=True)

    async def gone() -> None:
        wire.proxy.refuses = True

    wire.proxy.cuts.append(Cut("answer", APPEND, gone))
    with pytest.raises(InDoubtError, match=r"'chat'.*in doubt.*event_id"):
        await log.append("chat", event)
    wire.proxy.refuses = False
    await wire.direct.append("chat", ItemsAdded(["theirs"]))
    again = await log.append("chat", event, expected_version=2)
    assert (again.first, again.last, again.replayed) == (3, 3, True)
    assert await stored(wire.direct) == ["first", "second", "mine", "theirs"]


@pytest.mark.parametrize("where", ["answer", "request"])
async def test_a_server_that_stays_away_is_a_typed_error_in_time(wire: Wire, where: Where) -> None:
    """Connections are refused: in doubt, within the timeouts; later the log works again."""
    timeout = 5.0
    log = wire.open(pool_size=1, connect_timeout=timeout, statement_timeout=timeout)
    await log.append("chat", ItemsAdded(["first"]))

    async def gone() -> None:
        wire.proxy.refuses = True

    wire.proxy.cuts.append(Cut(where, APPEND, gone))
    began = time.monotonic()
    with pytest.raises(InDoubtError):
        await log.append("chat", ItemsAdded(["mine"]))
    with pytest.raises(UnavailableError):
        await log.version("chat")
    assert time.monotonic() - began < 2 * 2 * (timeout + timeout)  # two calls, each tried again
    wire.proxy.refuses = False
    mine = ["mine"] if where == "answer" else []
    assert await stored(log) == ["first", *mine]
    assert (await log.append("chat", ItemsAdded(["next"]))).first == 2 + len(mine)


@pytest.mark.parametrize("with_id", [False, True])
async def test_an_answer_that_never_comes_is_looked_for_on_another_connection(
    wire: Wire, with_id: bool
) -> None:
    """A silent connection is cut by statement_timeout; the append is stored and says so."""
    log = wire.open(pool_size=2, statement_timeout=2.0)
    await log.append("chat", ItemsAdded(["first"]))
    await log.append("chat", ItemsAdded(["second"]))
    wire.proxy.cuts.append(Cut("silence", APPEND))
    answer = await log.append("chat", events(count=1, with_id=with_id), expected_version=2)
    assert (answer.first, answer.last) == (3, 3)
    assert wire.proxy.made == 1
    assert await stored(wire.direct) == ["first", "second", "mine"]


async def test_a_read_that_is_cut_in_the_middle_is_whole(wire: Wire) -> None:
    """Half an answer is no answer: the read starts again and returns every event once."""
    log = await wire.warm()
    await log.append("chat", [ItemsAdded([number]) for number in range(50)])
    wire.proxy.cuts.append(Cut("middle", READ))
    found = [event.version async for event in log.read("chat")]
    assert found == list(range(1, 53))
    assert wire.proxy.made == 1


async def test_a_read_whose_server_stays_away_is_a_typed_error(wire: Wire) -> None:
    """No partial list, no driver's error."""
    log = await wire.warm()

    async def gone() -> None:
        wire.proxy.refuses = True

    wire.proxy.cuts.append(Cut("middle", READ, gone))
    with pytest.raises(UnavailableError):
        assert [event async for event in log.read("chat")]
    wire.proxy.refuses = False
    assert await stored(log) == ["first", "second"]


async def test_other_content_under_a_lost_id_is_still_refused(wire: Wire) -> None:
    """The look after a lost answer does not take another's event for one's own."""
    log = await wire.warm()

    async def other() -> None:
        await wire.direct.append("chat", NewEvent(ItemsAdded(["theirs"]), event_id="once"))

    wire.proxy.cuts.append(Cut("request", APPEND, other))
    with pytest.raises(EventIdReusedError):
        await log.append("chat", NewEvent(ItemsAdded(["mine"]), event_id="once"))
    assert await stored(wire.direct) == ["first", "second", "theirs"]


async def test_terminated_connections_lose_and_double_nothing(
    postgres_url: str, database: str
) -> None:
    """Forty connections are ended under load: acknowledged once, or a typed error."""
    async with EventLog(database, postgres=PostgresOptions(pool_size=4)) as log:
        crowd = Crowd(log)
        server = await asyncpg.connect(postgres_url)
        async with contextlib.AsyncExitStack() as stack, asyncio.TaskGroup() as group:
            stack.push_async_callback(server.close)
            for number in range(6):
                group.create_task(crowd.write(number))
            terminated = 0
            while terminated < 40:
                await crowd.more(5)
                terminated += len(
                    await server.fetch(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE datname = $1 AND application_name = 'eventlog'",
                        make_url(database).database,
                    )
                )
            crowd.enough.set()
        await crowd.check(log)
