"""Every answer is true: stored, not stored, or in doubt; now, and after whatever was under way."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from eventlog import BusyError, EventLog, InDoubtError, ItemsAdded, UnavailableError
from eventlog.errors import ReadOnlyError
from eventlog.keys import new_key, parse_keyring
from eventlog.operations import migrate, rekey
from eventlog_projections import Conversation, erase
from tests import distributing
from tests.backends import PostgresBackend, migrated
from tests.backends import checked_out as lent
from tests.faults.bench import Bench, running
from tests.faults.ledger import Ledger
from tests.faults.proxy import APPEND, TOGETHER, Cut, Proxy, Where
from tests.waiting import PATIENCE, until

WAYS = ["direct", "bouncer", "server"]
"""What bounds a statement: the server, told so; this side, where no session can be told; or the
server, by a lock_timeout of its own."""


@pytest.fixture(scope="module")
def backend(postgres_url: str) -> Iterator[PostgresBackend]:
    with migrated(PostgresBackend(postgres_url)) as opened:
        yield opened


@pytest.fixture
async def bench(backend: PostgresBackend) -> AsyncIterator[Bench]:
    async with Proxy(backend.url) as proxy:
        opened = Bench(backend, proxy)
        async with opened.nodes_bound():
            yield opened
            await opened.close()


async def begun(bench: Bench, log: EventLog, count: int) -> list[str]:
    """Return conversations that have a head, which the log remembers."""
    names = [f"chat-{number}" for number in range(count)]
    await asyncio.gather(*[bench.ledger.append(log, name, "first") for name in names])
    return names


@pytest.mark.parametrize("way", WAYS)
async def test_what_timed_out_is_over_before_anyone_hears(bench: Bench, way: str) -> None:
    """One row is locked: nothing of six appends runs on, and none comes when the lock goes."""
    log = bench.open(way)
    await begun(bench, log, 1)
    async with bench.locked("chat-0"):
        for number in range(2):
            answer = await bench.ledger.append(log, "chat-0", f"try {number}")
            assert isinstance(answer, (BusyError, UnavailableError))
            assert "othing was stored" in str(answer)
            assert (await running(bench.backend), lent(log)) == (0, 0)
        tries = [bench.ledger.append(log, "chat-0", f"try {number}") for number in range(2, 6)]
        await asyncio.gather(*tries)
        assert (await running(bench.backend), lent(log)) == (0, 0)
    assert len(bench.ledger.not_stored) == 6
    await bench.check()
    await bench.ledger.append(log, "chat-0", "last")
    assert bench.ledger.stored["chat-0", "last"] == 2


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("known", [True, False], ids=["known", "new to this process"])
async def test_one_locked_row_fails_nobody_elses_append(
    bench: Bench, way: str, known: bool
) -> None:
    """Fourteen at once, in groups: each is answered on its own."""
    log = bench.open(way)
    names = await begun(bench, log, 14)
    if not known:
        log = bench.open(way)
    async with bench.locked("chat-5"):
        await asyncio.gather(*[bench.ledger.append(log, name, "next") for name in names])
        assert {name for name, _ in bench.ledger.not_stored} == {"chat-5"}
        assert not bench.ledger.in_doubt
        assert (await running(bench.backend), lent(log)) == (0, 0)
    await bench.check()


async def test_many_locked_rows_are_told_one_by_one(bench: Bench) -> None:
    """Half of twelve conversations: these are not stored, those are; sent again, all are once.

    Nobody waits for the locks of others more than once.
    """
    log = bench.open()
    names = await begun(bench, log, 12)
    told: list[str] = []

    async def append(name: str) -> None:
        await bench.ledger.append(log, name, "next")
        told.append(name)

    async with bench.locked(*names[:6]):
        await asyncio.gather(*map(append, names))
        assert {name for name, _ in bench.ledger.not_stored} == set(names[:6])
        assert set(told[:6]) == set(names[6:])
    await bench.check()
    await asyncio.gather(*[bench.ledger.append(log, name, "again") for name in names])
    await bench.check()
    assert [bench.ledger.stored[name, "again"] for name in names] == [2] * 6 + [3] * 6


@pytest.mark.parametrize("count", [1, 9])
async def test_an_append_that_was_cut_off_while_it_waited_is_ended(
    bench: Bench, count: int
) -> None:
    """The network is gone, the server does not know and goes on: its backend is ended first."""
    log = bench.open()
    names = await begun(bench, log, count)
    async with bench.locked(*names):
        tasks = [asyncio.ensure_future(bench.ledger.append(log, name, "cut")) for name in names]
        await until(lambda: running(bench.backend), "the append waits for the row")
        bench.proxy.unplug()
        await asyncio.gather(*tasks)
        assert await running(bench.backend) == 0
    assert len(bench.ledger.not_stored) == count
    await bench.check()


@pytest.mark.parametrize("where", ["answer", "request"])
async def test_what_nobody_can_tell_is_in_doubt_and_settled_by_its_event_id(
    bench: Bench, where: Where
) -> None:
    """The server cannot be reached any more: later the same event_id is stored once."""
    log = bench.open(connect_timeout=2.0)
    await begun(bench, log, 1)

    async def gone() -> None:
        bench.proxy.refuses = True

    bench.proxy.cuts.append(Cut(where, APPEND, gone))
    await bench.ledger.append(log, "chat-0", "mine", event_id="once")
    assert bench.ledger.in_doubt
    await bench.check()
    bench.proxy.refuses = False
    await bench.ledger.append(log, "chat-0", "mine", event_id="once")
    assert bench.ledger.stored["chat-0", "mine"] == 2
    await bench.check()


@pytest.mark.parametrize("where", ["answer", "request", "silence"])
async def test_each_of_a_group_whose_answer_is_lost_is_answered(bench: Bench, where: Where) -> None:
    """All of them are there once, and say so."""
    log = bench.open()
    names = await begun(bench, log, 9)
    bench.proxy.cuts.extend([Cut(where, TOGETHER), Cut(where, TOGETHER)])
    await asyncio.gather(*[bench.ledger.append(log, name, "mine") for name in names])
    assert bench.proxy.made > 0
    assert {(name, "mine") for name in names} <= bench.ledger.stored.keys()
    bench.proxy.cuts.clear()
    await bench.check()


async def test_a_group_whose_server_is_gone_is_in_doubt_in_time(bench: Bench) -> None:
    """Nobody waits for one after the other."""
    log = bench.open(connect_timeout=2.0)
    names = await begun(bench, log, 30)

    async def gone() -> None:
        bench.proxy.refuses = True

    bench.proxy.cuts.extend([Cut("answer", APPEND, gone), Cut("request", APPEND, gone)])
    await asyncio.gather(*[bench.ledger.append(log, name, "mine") for name in names])
    bench.proxy.cuts.clear()
    bench.proxy.refuses = False
    assert bench.ledger.in_doubt
    await bench.check()


@pytest.mark.parametrize("way", ["direct", "bouncer"])
async def test_a_cancelled_read_is_over_before_anyone_hears(bench: Bench, way: str) -> None:
    """Its connection goes to nobody who would hear the rest, and the server has nothing to do."""
    log = bench.open(way, statement_timeout=PATIENCE)
    await begun(bench, log, 1)
    connection = await asyncpg.connect(bench.backend.url)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(connection.close)
        await stack.enter_async_context(connection.transaction())
        await connection.execute(f"LOCK TABLE {bench.backend.schema}.events")
        reading = asyncio.ensure_future(log.read("chat-0").all())
        await until(lambda: running(bench.backend), "the read waits for the table")
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert (await running(bench.backend), lent(log)) == (0, 0)
    assert len(await log.read("chat-0").all()) == 1


async def gone_at(bench: Bench, where: Where, word: str) -> None:
    async def gone() -> None:
        bench.proxy.refuses = True

    bench.proxy.cuts.append(Cut(where, word, gone))


@pytest.mark.parametrize(("where", "is_erased"), [("answer", True), ("request", False)])
@pytest.mark.parametrize("is_gone", [True, False], ids=["server gone", "cut"])
async def test_an_erasure_is_told_as_it_is(
    bench: Bench, where: Where, *, is_erased: bool, is_gone: bool
) -> None:
    """Its COMMIT is not answered: it is found by the event that tells of it, or in doubt."""
    log = bench.open(connect_timeout=2.0)
    await begun(bench, log, 1)
    if is_gone:
        await gone_at(bench, where, "COMMIT;")
        with pytest.raises(InDoubtError, match=r"'chat-0'.*in doubt.*the erasure"):
            await erase(log, "chat-0", by="a", reason="b")
        bench.proxy.refuses = False
    else:
        bench.proxy.cuts.append(Cut(where, "COMMIT;"))
        if is_erased:
            await erase(log, "chat-0", by="a", reason="b")
        else:
            with pytest.raises(UnavailableError, match="cannot be used"):
                await erase(log, "chat-0", by="a", reason="b")
    events = await bench.direct.read("chat-0").all()
    assert [event.is_erased for event in events][:1] == [is_erased]
    await erase(log, "chat-0", by="a", reason="b")
    assert len(await bench.direct.read("chat-0").all()) == 2


@pytest.mark.parametrize("where", ["answer", "request"])
async def test_a_key_change_is_told_as_it_is(backend: PostgresBackend, where: Where) -> None:
    """Lost once, it is found or sent again; with the server gone, it is in doubt."""
    keyring = parse_keyring(new_key("kek"))
    async with Proxy(backend.url) as proxy:
        bench = Bench(backend, proxy)
        log = bench.open(keyring=keyring, connect_timeout=2.0)
        await log.append("chat", ItemsAdded(["a"]))
        await rekey(log, "chat")
        proxy.cuts.append(Cut(where, "UPDATE"))
        await rekey(log, "chat")
        await log.append("chat", ItemsAdded(["b"]))
        used = await backend.execute("SELECT key_id FROM {}streams WHERE tenant = ?", log.tenant)
        assert used == [("3",)]
        await gone_at(bench, where, "UPDATE")
        with pytest.raises(InDoubtError, match=r"'chat'.*in doubt.*data key"):
            await rekey(log, "chat")
        proxy.refuses = False
        await rekey(log, "chat")
        await log.append("chat", ItemsAdded(["c"]))
        assert await Conversation(log, "chat").items() == ["a", "b", "c"]
        await bench.close()


@pytest.mark.parametrize("where", ["answer", "request"])
async def test_a_pop_is_told_as_it_is(bench: Bench, where: Where) -> None:
    """Its item is gone and returned, or in doubt: never gone and an error that says otherwise."""
    log = bench.open(connect_timeout=2.0)
    chat = Conversation(log, "chat")
    await chat.add(["a", "b", "c"])
    bench.proxy.cuts.append(Cut(where, APPEND))
    assert await chat.pop() == "c"
    await gone_at(bench, where, APPEND)
    with pytest.raises(InDoubtError, match=r"'chat'.*in doubt"):
        await chat.pop()
    bench.proxy.refuses = False
    left = ["a"] if where == "answer" else ["a", "b"]
    assert await Conversation(bench.direct, "chat").items() == left


async def test_a_pop_of_a_locked_conversation_changes_nothing_later(bench: Bench) -> None:
    """A session that tries again does not pop twice."""
    log = bench.open()
    chat = Conversation(log, "chat")
    await chat.add(["a", "b", "c"])
    async with bench.locked("chat"):
        for _ in range(2):
            with pytest.raises(BusyError, match="othing was stored"):
                await chat.pop()
        assert (await running(bench.backend), lent(log)) == (0, 0)
    assert await chat.pop() == "c"
    assert await chat.items() == ["a", "b"]


async def test_a_server_that_only_read_for_a_while_is_not_remembered(
    postgres_url: str, database: str
) -> None:
    """Each connection of the pool was opened while it was so: none of them is used again."""
    name = database.rsplit("/", 1)[1].split("?", maxsplit=1)[0]
    async with EventLog(database) as log:
        await log.append("chat-0", ItemsAdded(["a"]))
        await log.spi._store.runner.pools.close()  # type: ignore[attr-defined]
    admin = await asyncpg.connect(postgres_url)
    ledger = Ledger()
    try:
        async with EventLog(database) as log:
            await admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
            reads = [log.version(f"chat-{number}") for number in range(20)]
            await asyncio.gather(*reads)
            for number in range(4):
                answer = await ledger.append(log, f"chat-{number}", "refused")
                assert isinstance(answer, ReadOnlyError)
            await asyncio.gather(*[log.version(f"chat-{number}") for number in range(20)])
            await admin.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
            names = [f"chat-{number}" for number in range(40)]
            await asyncio.gather(*[ledger.append(log, name, "stored") for name in names])
            assert len(ledger.stored) == 40
            await ledger.check(log)
    finally:
        await admin.close()


async def test_a_subscription_waits_out_a_server_that_only_reads(
    postgres_url: str, database: str
) -> None:
    """A fail-over: its connections cannot assign positions for a while."""
    name = database.rsplit("/", 1)[1].split("?", maxsplit=1)[0]
    admin = await asyncpg.connect(postgres_url)
    kill = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = $1 AND application_name LIKE 'eventlog%'"
    )
    try:
        async with EventLog(database) as log, EventLog(database) as writer:
            await writer.append("chat", ItemsAdded(["a"]))
            async with contextlib.aclosing(log.subscribe()) as events:
                assert (await anext(events)).version == 1
                await admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
                await admin.execute(kill, name)
                direct = await asyncpg.connect(database)
                await direct.execute("SET default_transaction_read_only = off")
                await direct.execute(
                    "INSERT INTO eventlog.queue SELECT stream_id, 1, 1 FROM eventlog.streams"
                )
                following = asyncio.ensure_future(anext(events))
                await asyncio.sleep(0.3)
                assert not following.done()
                await direct.execute("DELETE FROM eventlog.queue")
                await direct.close()
                await admin.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
                await writer.append("chat", ItemsAdded(["b"]))
                assert (await following).version == 2
    finally:
        await admin.close()


async def test_callers_wait_where_the_server_has_no_room_for_more(
    postgres_url: str, database: str
) -> None:
    """A role of three connections and a pool of eight: ninety appends at once, all stored."""
    role = f"few_{uuid.uuid4().hex[:12]}"
    admin = await asyncpg.connect(postgres_url)
    ledger = Ledger()
    try:
        await migrate(database)
        await admin.execute(f"CREATE ROLE {role} LOGIN SUPERUSER")
        await admin.execute(f"ALTER ROLE {role} NOSUPERUSER CONNECTION LIMIT 3")
        owner = await asyncpg.connect(database)
        await owner.execute(f"GRANT ALL ON SCHEMA eventlog TO {role}")
        await owner.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA eventlog TO {role}")
        async with EventLog(_as(database, role)) as log, EventLog(database) as direct:
            names = [f"chat-{number}" for number in range(90)]
            await asyncio.gather(
                *[ledger.append(log, name, "mine") for name in names],
                *[log.version(name) for name in names],
            )
            assert len(ledger.stored) == 90
            await ledger.check(direct)
        await owner.close()
        await distributing.on_every_node(database, f"DROP OWNED BY {role}")
        await admin.execute(f"DROP ROLE {role}")
    finally:
        await admin.close()


def _as(url: str, role: str) -> str:
    from sqlalchemy.engine import make_url

    return make_url(url).set(username=role).render_as_string(hide_password=False)
