"""A log on the nodes of a Citus cluster beside one on one server: the price of being spread.

Both are reached by the coordinator, so both are as durable as it is set to be, and on one machine
they share its cores: the figures show what spreading costs, not what more nodes bring. It needs a
cluster, so it runs only when asked for: `make bench ONLY=citus`, with the coordinator's URL in
EVENTLOG_BENCH_CITUS_URL, whose role may drop and create schemas.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Final

import asyncpg

from benchmarks.kit.harness import Call
from benchmarks.kit.place import Place, Scale, items
from benchmarks.kit.scenario import Bar, Rate, Scenario, Timing
from eventlog import EventLog, PostgresOptions
from eventlog.operations import migrate
from eventlog_openai_agents import EventLogSession

VARIABLE: Final = "EVENTLOG_BENCH_CITUS_URL"

SPREAD: Final = "on many nodes"
ONE: Final = "on one server"
SCHEMAS: Final = {SPREAD: "bench_spread", ONE: "bench_one"}

MANY: Final = 50
EACH: Final = 4
READ: Final = 100
"""Items of the conversation that is read, and events of the page of the feed."""


def scenarios(_: Scale) -> list[Scenario]:
    """Return them."""
    return [
        Timing("one append of 2 items, Citus", appending, (Bar(SPREAD, ONE, 4),), calls=50),
        Timing(
            f"{MANY} conversations at once, Citus",
            at_once,
            (Bar(SPREAD, ONE, 2.85), Rate(SPREAD, "appends/s"), Rate(ONE, "appends/s")),
            calls=3,
            units=MANY * EACH,
        ),
        Timing(f"get_items of {READ}, warm, Citus", reading, (Bar(SPREAD, ONE, 2.5),), calls=50),
        Timing(f"the feed of {READ} events, Citus", following, (Bar(SPREAD, ONE, 2),), calls=10),
    ]


@contextlib.asynccontextmanager
async def logs() -> AsyncGenerator[dict[str, EventLog]]:
    """Make both logs anew, and open them."""
    url = os.environ.get(VARIABLE)
    if url is None:
        sys.exit(
            f"{VARIABLE} has to name the coordinator of a Citus cluster: nothing was measured."
        )
    connection = await asyncpg.connect(url)
    for schema in SCHEMAS.values():
        await connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
    await connection.close()
    await migrate(url, schema=SCHEMAS[SPREAD], distributed="citus")
    await migrate(url, schema=SCHEMAS[ONE])
    async with contextlib.AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(
                EventLog(url, postgres=PostgresOptions(schema=schema))
            )
            for name, schema in SCHEMAS.items()
        }


@contextlib.asynccontextmanager
async def appending(_: Place) -> AsyncGenerator[Mapping[str, Call]]:
    """One conversation, one append after the other."""
    async with logs() as opened:
        yield {name: _adding([EventLogSession("chat", log=log)]) for name, log in opened.items()}


@contextlib.asynccontextmanager
async def at_once(_: Place) -> AsyncGenerator[Mapping[str, Call]]:
    """One process, which appends to many conversations."""
    async with logs() as opened:
        yield {
            name: _adding([EventLogSession(f"chat-{n}", log=log) for n in range(MANY)], EACH)
            for name, log in opened.items()
        }


@contextlib.asynccontextmanager
async def reading(_: Place) -> AsyncGenerator[Mapping[str, Call]]:
    """Read a conversation that the session has read before."""
    async with logs() as opened:
        sessions = {name: EventLogSession("chat", log=log) for name, log in opened.items()}
        for session in sessions.values():
            await session.add_items(items(READ))
        yield {name: session.get_items for name, session in sessions.items()}


@contextlib.asynccontextmanager
async def following(_: Place) -> AsyncGenerator[Mapping[str, Call]]:
    """Read the feed from its beginning: conversations that were written at once."""
    async with logs() as opened:
        for log in opened.values():
            written = [EventLogSession(f"chat-{n}", log=log) for n in range(READ)]
            await asyncio.gather(*[session.add_items(items(2)) for session in written])
        yield {name: _following(log) for name, log in opened.items()}


def _adding(sessions: Sequence[EventLogSession], times: int = 1) -> Call:
    batch = items(2)

    async def add(session: EventLogSession) -> None:
        for _ in range(times):
            await session.add_items(batch)

    return lambda: asyncio.gather(*[add(session) for session in sessions])


def _following(log: EventLog) -> Call:
    async def follow() -> None:
        assert len([event async for event in log.feed()]) >= READ

    return follow
