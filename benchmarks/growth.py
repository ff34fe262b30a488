"""What a long log costs whoever appends to it."""

import contextlib
import itertools
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final

import asyncpg

from benchmarks.kit.filling import fill_log
from benchmarks.kit.harness import Call
from benchmarks.kit.place import Place, Scale, items
from benchmarks.kit.scenario import Bar, Scenario, Timing
from eventlog import EventLog, ItemsAdded, PostgresOptions
from eventlog_openai_agents import EventLogSession

EMPTY: Final = "EventLogSession, empty log"
CONVERSATIONS: Final = 1_000
EVENTS_OF_AN_APPEND: Final = 100
WRITTEN: Final = 20


def scenarios(scale: Scale) -> list[Scenario]:
    """Return them."""
    long = _long(scale)
    bars = (Bar(long, EMPTY, 1.15),)
    title = f"one append at {scale.log:,} events"
    return [
        Timing(f"{title}, SQLite", long_sqlite, bars, calls=60),
        Timing(f"{title}, PostgreSQL", long_postgres, bars, calls=40),
    ]


def _long(scale: Scale) -> str:
    return f"EventLogSession, {scale.log:,} events"


@contextlib.asynccontextmanager
async def long_sqlite(place: Place) -> AsyncGenerator[Mapping[str, Call]]:
    """Append to files."""
    async with (
        EventLog(place.folder / "long.db") as long,
        EventLog(place.folder / "empty.db") as empty,
    ):
        await _fill(place, long, "a long log, SQLite")
        yield await _appending(place, long, empty)


@contextlib.asynccontextmanager
async def long_postgres(place: Place) -> AsyncGenerator[Mapping[str, Call]]:
    """Append on one server, which has put away what filling it has left to do."""
    url = place.postgres_url
    async with (
        EventLog(url, postgres=PostgresOptions(schema="long")) as long,
        EventLog(url, postgres=PostgresOptions(schema="empty")) as empty,
    ):
        await _fill(place, long, "a long log, PostgreSQL")
        bare = await asyncpg.connect(url)
        await bare.execute("VACUUM ANALYZE")
        await bare.execute("CHECKPOINT")
        await bare.close()
        yield await _appending(place, long, empty)


async def _fill(place: Place, log: EventLog, title: str) -> None:
    events = [ItemsAdded([{"role": "user", "content": "yes"}])] * EVENTS_OF_AN_APPEND
    await fill_log(
        place, log, title, events=events, conversations=CONVERSATIONS, total=place.scale.log
    )


async def _appending(place: Place, long: EventLog, empty: EventLog) -> dict[str, Call]:
    """Append two items to some conversations in turn, which both logs have."""
    batch: list[Any] = items(2)

    def cycle(log: EventLog) -> Call:
        sessions = [EventLogSession(f"chat-{number}", log=log) for number in range(WRITTEN)]
        in_turn = itertools.cycle(sessions)
        return lambda: next(in_turn).add_items(batch)

    calls = {_long(place.scale): cycle(long), EMPTY: cycle(empty)}
    for call in calls.values():
        for _ in range(WRITTEN):
            await call()
    return calls
