"""What a writer's clock may tell, and what is read where one told nonsense."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from eventlog import EventLog, ItemsAdded, Signer
from eventlog.clocks import MAX_CLOCK_LEAD, now
from eventlog.errors import ClockAheadError, CorruptEventError, InvalidOptionError
from eventlog_projections import Conversation, RetentionRule, apply_retention, erase
from eventlog_projections.views import Views
from eventlog_projections.views.queries import conversations, search, turns
from tests.backends import Backend
from tests.processes import eventlog, output_of

NANOSECONDS = 1_790_000_000_000_000_000


def added(text: str) -> ItemsAdded:
    return ItemsAdded([{"role": "user", "content": text}])


def a_little_ahead() -> int:
    return now() + MAX_CLOCK_LEAD - 5_000_000


@pytest.mark.parametrize(
    "clock",
    [time.time_ns, lambda: now() + MAX_CLOCK_LEAD + 5_000_000, lambda: 2**63 - 1, lambda: 2**70],
    ids=["nanoseconds", "65 s", "the largest", "larger"],
)
async def test_a_time_that_has_not_come_is_refused(
    backend: Backend, clock: Callable[[], int]
) -> None:
    """By appends, erasures, signatures and retention: it would be the time of all that follows."""
    async with backend.open() as right, backend.open(clock=clock) as log:
        await right.append("chat", added("a"))
        for call in (
            log.append("chat", added("b")),
            log.append("new", added("b")),
            erase(log, "chat", by="me", reason="test"),
            log.tree.head(Signer("example.com/log", bytes(32))),
            apply_retention(log, [RetentionRule("all", timedelta(0))]),
        ):
            with pytest.raises(ClockAheadError, match="Nothing was stored"):
                await call
        assert await right.version("chat") == 1
        assert await Conversation(right, "chat").items() == added("a").items
        assert await log.version("new") == 0


@pytest.mark.parametrize("told", [-1, 1.5, True, None, "now", datetime(2026, 1, 1, tzinfo=UTC)])
async def test_what_is_no_time_is_refused(backend: Backend, told: Any) -> None:
    """The message says what a clock returns."""
    async with backend.open(clock=lambda: told) as log:
        with pytest.raises(InvalidOptionError, match="microseconds since 1970"):
            await log.append("chat", added("a"))
        assert await log.version("chat") == 0


async def test_a_clock_that_is_a_little_ahead_is_taken(backend: Backend) -> None:
    """Machines differ by seconds."""
    async with backend.open(clock=a_little_ahead) as log:
        assert (await log.append("chat", added("a"))).last == 1


async def absurd(backend: Backend, at: int) -> None:
    """Store a time as an earlier release did, on two conversations of three events."""
    async with backend.open() as log:
        for name in ("chat", "other"):
            for text in "abc":
                await log.append(name, added(text))
    for table, column in (("events", "recorded_at"), ("streams", "head_at")):
        where = " AND version = 3" if table == "events" else ""
        await backend.tamper(
            f"UPDATE {{}}{table} SET {column} = ? WHERE stream_id ="
            f" (SELECT stream_id FROM {{}}streams WHERE name = 'chat'){where}",
            at,
        )


@pytest.mark.parametrize("at", [NANOSECONDS, 2**63 - 1, -(2**62)])
async def test_a_stored_time_that_is_none_hides_nothing_else(backend: Backend, at: int) -> None:
    """Of that event alone the time cannot be read; lists, history, feed and views can."""
    await absurd(backend, at)
    async with backend.open() as log:
        times: list[Any] = []
        for event in await log.feed().all():
            try:
                times.append(event.recorded_at)
            except CorruptEventError as error:
                times.append((error.stream, error.version))
        assert [each for each in times if isinstance(each, tuple)] == [("chat", 3)]
        assert len(times) == 6
        chat = Conversation(log, "chat")
        told = await chat.history().all()
        assert [event.recorded_at is None for event in told] == [False, False, True]
        assert len(await chat.items()) == 3
        assert len(await chat.items(as_of=2)) == 2
        views = Views(log)
        found = {each.name: each for each in await conversations(views)}
        assert (found["chat"].items, found["other"].items) == (2, 3)
        assert all(each.first_at and each.last_at for each in found.values())
        assert len(await turns(views, "chat")) == 2
        assert [hit.conversation for hit in await search(views, "c")] == ["other"]
        for status in await views.status():
            (aside,) = status.set_aside
            assert (aside.conversation, aside.version) == ("chat", 3)
        assert await chat.diff(1, 3)


async def test_the_commands_show_a_time_that_is_none(backend: Backend) -> None:
    """A question mark, or null, beside everything else."""
    await absurd(backend, NANOSECONDS)
    for command in (["log", "chat"], ["tail"], ["sessions"], ["show", "chat"], ["turns", "chat"]):
        for form in ([], ["--json"]):
            status, output = await output_of(*eventlog(backend, *command, *form))
            assert status == 0, output


async def test_what_a_new_clock_appends_behind_a_time_that_is_none_is_read(
    backend: Backend, log: EventLog
) -> None:
    """Time never falls: it is repeated, and everything else goes on."""
    await absurd(backend, NANOSECONDS)
    await log.append("chat", added("d"))
    assert len(await Conversation(log, "chat").items()) == 4
