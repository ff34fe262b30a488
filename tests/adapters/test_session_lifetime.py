"""Where a session's log is, who shares it, and which loops, threads and ends it stands."""

import asyncio
import contextlib
import gc
import threading
import warnings
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest
from agents import Runner
from agents.testing import ScriptedModel

from eventlog import EventLog, ItemsAdded, UnavailableError
from eventlog.errors import ClosedError, InvalidAddressError, InvalidNameError, InvalidOptionError
from eventlog_openai_agents import EventLogSession
from eventlog_session_conformance.agent import agent, say
from tests.backends import Backend
from tests.waiting import PATIENCE

Call = Callable[[EventLogSession], Awaitable[Any]]

ADD_NOTHING: Final[Call] = lambda it: it.add_items([])  # noqa: E731
CALLS: Final[list[Call]] = [
    lambda it: it.get_items(),
    lambda it: it.get_items(as_of=0),
    lambda it: it.add_items([said(1)]),
    ADD_NOTHING,
    lambda it: it.pop_item(),
    lambda it: it.clear_session(),
    lambda it: it.clear(),
    lambda it: it._get_compaction_snapshot(3),
    lambda it: it._atomic_replace_items([]),
]


def said(content: object) -> Any:
    return {"role": "user", "content": content}


def contents(items: list[Any]) -> list[Any]:
    return [item["content"] for item in items]


def in_a_thread(function: Callable[[], Any]) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result(timeout=PATIENCE)


async def cancelled(call: Awaitable[Any]) -> None:
    task = asyncio.ensure_future(call)
    await asyncio.sleep(0)
    task.cancel()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def close(session: EventLogSession) -> None:
    await session.close()


async def leave(session: EventLogSession) -> None:
    async with session:
        pass


@pytest.mark.parametrize("end", [close, leave])
async def test_every_use_after_the_end_is_refused(session: EventLogSession, end: Call) -> None:
    """A ClosedError, which is the SDK's RuntimeError, even where there would be nothing to do."""
    await end(session)
    for call in CALLS:
        with pytest.raises(ClosedError, match="EventLogSession 'user-123' is closed") as caught:
            await call(session)
        assert isinstance(caught.value, RuntimeError)
    assert [row async for row in session.log.streams()] == []


async def test_closing_again_is_nothing(session: EventLogSession, tmp_path: Path) -> None:
    """Whether the session opened the log or was given it, used or not."""
    for each in (session, EventLogSession("a", tmp_path / "log.db"), EventLogSession("a")):
        await each.close()
        await each.close()


async def test_a_log_that_was_given_stays_open(session: EventLogSession) -> None:
    """Who opened it closes it."""
    await session.add_items([said(1)])
    await session.close()
    assert await EventLogSession("user-123", log=session.log).get_items() == [said(1)]


async def test_a_session_on_a_closed_log_says_so(database: Backend) -> None:
    """The log's end is the end of every session on it."""
    log = database.open()
    session = EventLogSession("user-123", log=log)
    await log.close()
    for call in CALLS:
        if call is not ADD_NOTHING:
            with pytest.raises(ClosedError, match="closed"):
                await call(session)


async def test_adding_nothing_on_a_closed_log_is_refused_too(database: Backend) -> None:
    """Whether a call is too late does not depend on what it brings."""
    log = database.open()
    session = EventLogSession("user-123", log=log)
    await log.close()
    with pytest.raises(ClosedError, match="closed"):
        await session.add_items([])


async def test_closing_one_session_leaves_the_others_on_its_file(tmp_path: Path) -> None:
    """The last one closes the connections."""
    one, two = (EventLogSession("user-123", tmp_path / "log.db") for _ in range(2))
    await one.add_items([said(1)])
    await one.close()
    assert await two.get_items() == [said(1)]
    await two.close()
    async with EventLogSession("user-123", tmp_path / "log.db") as again:
        assert await again.get_items() == [said(1)]


async def test_a_long_read_that_a_close_overtakes_ends(log: EventLog) -> None:
    """With the items or with an error, but it ends: the history may have more than one page."""
    session = EventLogSession("user-123", log=log)
    await log.append("user-123", [ItemsAdded([said(n)]) for n in range(1200)])
    reading = asyncio.ensure_future(session.get_items())
    await asyncio.sleep(0)
    await log.close()
    async with asyncio.timeout(PATIENCE):
        with contextlib.suppress(ClosedError):
            assert len(await reading) == 1200


async def test_a_memory_log_is_private_to_its_session() -> None:
    """As in the SDK: the same id in another object is another conversation."""
    one, two = EventLogSession("user-123"), EventLogSession("user-123", ":memory:")
    await one.add_items([said(1)])
    assert await two.get_items() == []
    assert await one.get_items() == [said(1)]


async def test_sessions_on_one_file_see_each_others_items(tmp_path: Path) -> None:
    """However the path is written; they share the connections."""
    path = tmp_path / "log.db"
    one = EventLogSession("user-123", path)
    others = [
        EventLogSession("user-123", str(path)),
        EventLogSession("user-123", tmp_path / "x" / ".." / "log.db"),
        EventLogSession.from_url("user-123", url=f"sqlite:///{path}"),
        EventLogSession.from_url("user-123", url=f"sqlite+aiosqlite:///{path}"),
    ]
    await one.add_items([said(1)])
    for other in others:
        assert await other.pop_item() == said(1)
        await other.add_items([said(1)])
        assert other.log.spi._store is one.log.spi._store
    assert await one.get_items() == [said(1)]


async def test_sessions_on_one_log_see_each_others_items(database: Backend) -> None:
    """Also through two handles on one database."""
    one = EventLogSession("user-123", log=database.open(tenant="shared"))
    two = EventLogSession("user-123", log=database.open(tenant="shared"))
    await one.add_items([said(1)])
    assert await two.pop_item() == said(1)
    assert await one.get_items() == []


async def test_one_session_id_in_two_tenants_is_two_conversations(database: Backend) -> None:
    """Neither sees the other's items."""
    one = EventLogSession("user-123", log=database.open(tenant="one"))
    two = EventLogSession("user-123", log=database.open(tenant="two"))
    await one.add_items([said(1)])
    await two.add_items([said(2)])
    await two.clear_session()
    assert await two.get_items() == []
    assert await one.get_items() == [said(1)]


async def test_a_session_on_a_file_may_name_its_tenant(tmp_path: Path) -> None:
    """Without one it is the default tenant's."""
    path = tmp_path / "log.db"
    await EventLogSession("user-123", path, tenant="acme").add_items([said(1)])
    assert await EventLogSession("user-123", path).get_items() == []
    async with EventLog(path, tenant="acme") as log:
        session = EventLogSession("user-123", log=log, tenant="acme")
        assert await session.get_items() == [said(1)]


def test_a_tenant_that_is_not_the_logs_is_refused() -> None:
    """A log is one tenant's."""
    log = EventLog(":memory:", tenant="acme")
    for tenant in ("default", "Acme", ""):
        with pytest.raises(InvalidOptionError, match="tenant"):
            EventLogSession("user-123", log=log, tenant=tenant)


def test_a_tenant_without_a_name_is_refused(tmp_path: Path) -> None:
    """Who forgot to fill it in does not end up among everybody's conversations."""
    with pytest.raises(InvalidNameError, match="tenant"):
        EventLogSession("user-123", tmp_path / "log.db", tenant="")


def test_a_path_beside_a_log_is_refused(tmp_path: Path) -> None:
    """One of them would be ignored."""
    log = EventLog(tmp_path / "log.db")
    for path in (tmp_path / "log.db", tmp_path / "other.db", ""):
        with pytest.raises(InvalidOptionError, match="one of db_path, engine and log"):
            EventLogSession("user-123", path, log=log)


@pytest.mark.parametrize("session_id", ["", "a\x00b", "\ud800", "x" * 1001, 7, None, b"user"])
def test_a_session_id_that_is_no_name_is_refused(session_id: Any) -> None:
    """When the session is made, not when it is used."""
    with pytest.raises(InvalidNameError, match="session_id"):
        EventLogSession(session_id)


@pytest.mark.parametrize("url", ["redis://localhost", "mysql://localhost/x", "", "  "])
def test_a_url_that_is_no_store_is_refused(url: str) -> None:
    """When the session is made; a cache is no store."""
    with pytest.raises(InvalidAddressError):
        EventLogSession.from_url("user-123", url=url)


async def test_a_url_of_postgresql_opens_on_first_use_and_keeps_its_password() -> None:
    """Nothing is reached when the session is made, and no message shows the password."""
    url = "postgresql://ana:s3cret@127.0.0.1:1/agents"
    session = EventLogSession.from_url("user-123", url=url, session_settings={"limit": 2})
    with pytest.raises(UnavailableError) as caught:
        await session.get_items()
    assert "127.0.0.1:1/agents" in str(caught.value)
    assert "s3cret" not in f"{caught.value} {session!r} {session.log!r}"


def test_run_sync_twice_and_then_another_loop(database: Backend) -> None:
    """Runner.run_sync ends all generators of the thread's loop and goes on using the loop."""
    session = EventLogSession("user-123", log=database.open(tenant="run_sync"))
    model = ScriptedModel([[say(f"{n}", f"m{n}")] for n in range(4)])

    def runs() -> None:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            for question in ("0?", "1?"):
                Runner.run_sync(agent(model), question, session=session)
            asyncio.run(Runner.run(agent(model), "2?", session=session))
            asyncio.set_event_loop(loop)
            Runner.run_sync(agent(model), "3?", session=session)
        finally:
            loop.run_until_complete(session.log.close())
            loop.close()

    in_a_thread(runs)
    assert model.remaining_steps == 0
    again = EventLogSession("user-123", log=database.open(tenant="run_sync"))
    with warnings.catch_warnings():
        # A loop of run_sync that is closed bare leaves its connections to the collector.
        warnings.simplefilter("ignore", ResourceWarning)
        assert len(asyncio.run(again.get_items())) == 8
        gc.collect()


def test_a_session_goes_from_loop_to_loop(database: Backend) -> None:
    """Each asyncio.run is a loop of its own."""
    session = EventLogSession("user-123", log=database.open(tenant="loops"))
    for n in range(3):
        asyncio.run(session.add_items([said(n)]))
    assert asyncio.run(session.pop_item()) == said(2)
    assert in_a_thread(lambda: asyncio.run(session.get_items())) == [said(0), said(1)]


def test_five_threads_with_five_loops_lose_nothing(database: Backend) -> None:
    """Each batch is there once and in one piece, and each thread's batches in its order."""
    session = EventLogSession("user-123", log=database.open(tenant="threads"))
    together = threading.Barrier(5, timeout=PATIENCE)

    async def add(thread: int) -> None:
        together.wait()
        for batch in range(6):
            await session.add_items([said((thread, batch, part)) for part in range(3)])

    with ThreadPoolExecutor(5) as pool:
        for done in [pool.submit(asyncio.run, add(thread)) for thread in range(5)]:
            done.result(timeout=PATIENCE)
    added = contents(asyncio.run(session.get_items()))
    batches = [added[start : start + 3] for start in range(0, len(added), 3)]
    assert all(batch == [[*batch[0][:2], part] for part in range(3)] for batch in batches)
    for thread in range(5):
        assert [b[0][1] for b in batches if b[0][0] == thread] == list(range(6))
    assert asyncio.run(session.log.verify("user-123")).ok


def test_threads_that_are_first_at_the_same_time_make_one_log(
    backend: Backend,
) -> None:
    """A new database that five loops find empty at once is created once."""
    session = EventLogSession("user-123", log=backend.open())
    together = threading.Barrier(5, timeout=PATIENCE)

    async def add(thread: int) -> None:
        together.wait()
        await session.add_items([said(thread)])

    with ThreadPoolExecutor(5) as pool:
        for done in [pool.submit(asyncio.run, add(thread)) for thread in range(5)]:
            done.result(timeout=PATIENCE)
    assert sorted(contents(asyncio.run(session.get_items()))) == list(range(5))


def test_pops_from_several_loops_never_return_the_same_item(database: Backend) -> None:
    """Who pops does not have to know who else does."""
    session = EventLogSession("user-123", log=database.open(tenant="pops"))
    asyncio.run(session.add_items([said(n) for n in range(9)]))

    async def pop() -> list[Any]:
        return [await session.pop_item() for _ in range(4)]

    with ThreadPoolExecutor(3) as pool:
        popping = [pool.submit(lambda: asyncio.run(pop())) for _ in range(3)]
        popped = [item for each in popping for item in each.result(timeout=PATIENCE) if item]
    assert sorted(contents(popped)) == list(range(9))


async def test_items_of_a_cancelled_caller_are_added(session: EventLogSession) -> None:
    """A change that was begun settles before its caller hears of the cancellation."""
    await cancelled(session.add_items([said(1), said(2)]))
    assert await session.get_items() == [said(1), said(2)]


async def test_a_pop_of_a_cancelled_caller_takes_one_item(session: EventLogSession) -> None:
    """The item is off the list, once, and still in the log."""
    await session.add_items([said(1), said(2)])
    await cancelled(session.pop_item())
    assert await session.get_items() == [said(1)]
    assert await session.get_items(as_of=1) == [said(1), said(2)]


async def test_a_clear_of_a_cancelled_caller_clears(session: EventLogSession) -> None:
    """Like every change that was begun."""
    await session.add_items([said(1)])
    await cancelled(session.clear_session())
    assert await session.get_items() == []


async def test_a_cancelled_read_leaves_the_session_usable(session: EventLogSession) -> None:
    """A read changes nothing, so it may end at once, and takes no connection with it."""
    await session.add_items([said(1)])
    for _ in range(12):
        await cancelled(session.get_items())
    assert await session.get_items() == [said(1)]


@pytest.mark.parametrize("steps", [0, 1, 3, 8])
async def test_what_cancelled_callers_left_behind_is_settled(
    session: EventLogSession, steps: int
) -> None:
    """Nothing of theirs happens after they heard of it, and no batch is half there."""
    await session.add_items([said(1), said(2)])
    calls = [session.add_items([said(3), said(4)]), session.pop_item(), session.clear_session()]
    tasks = [asyncio.ensure_future(call) for call in calls]
    for _ in range(steps):
        await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    left = await session.log.version("user-123")
    await session.add_items([said(5)])
    assert await session.log.version("user-123") == left + 1
    added = [e.header.items async for e in session.log.read("user-123") if e.kind == "added"]
    assert added in ([2, 1], [2, 2, 1])
    assert (await session.log.verify("user-123")).ok
