"""The sequencer: how many events it places, and what it costs when the process that did is gone."""

import asyncio
import contextlib
import functools
import time
import uuid
from collections.abc import AsyncGenerator, Mapping
from typing import Final

from benchmarks.kit.harness import Call, Took
from benchmarks.kit.place import Place, Scale, items
from benchmarks.kit.scenario import Bar, Rate, Scenario, Timing
from eventlog import EventLog, ItemsAdded, PostgresOptions
from eventlog.store.contract.feed import LEASE

PLACED: Final = "events that wait"
ALONE: Final = "one that waits"
ONE: Final = "an event, followed"
KILLED: Final = "an event, the lease of a killed process"
SCHEMA: Final = "sequenced"
EVENTS: Final = 100
"""Of an append."""

AT_ONCE: Final = 64


def scenarios(scale: Scale) -> list[Scenario]:
    """Return them."""
    return [
        Timing(
            f"the sequencer places {scale.feed:,} events, PostgreSQL",
            _placing,
            (Rate(PLACED, "events/s"), Bar(PLACED, ALONE)),
            calls=1,
            rounds=5,
            units=scale.feed,
        ),
        Timing("the sequencer is taken over", _following, (Bar(KILLED, ONE),), calls=1, rounds=7),
    ]


@contextlib.asynccontextmanager
async def _placing(place: Place) -> AsyncGenerator[Mapping[str, Call]]:
    """Append with nobody who follows, and then have all of it placed."""
    async with _open(place) as log:
        yield {
            PLACED: functools.partial(_place, log, place.scale.feed),
            ALONE: functools.partial(_place, log, 1),
        }


async def _place(log: EventLog, total: int) -> Took:
    names = (f"chat-{number}" for number in range(max(total // EVENTS, 1)))
    events = [ItemsAdded([item]) for item in items(min(total, EVENTS))]

    async def write() -> None:
        for name in names:
            await log.append(name, events)

    before = await log.position()
    await asyncio.gather(*[write() for _ in range(AT_ONCE)])
    started = time.perf_counter()
    assert await log.position() - before == total
    return Took(time.perf_counter() - started)


@contextlib.asynccontextmanager
async def _following(place: Place) -> AsyncGenerator[Mapping[str, Call]]:
    """Measure until somebody who follows the feed has an event."""
    async with _open(place) as log:
        events = log.subscribe(await log.position())

        async def seen(*, killed: bool) -> Took:
            queue = log.spi.store.feed.queue
            assert queue is not None
            if killed:
                # As of a process that had just renewed it, and renews it no more.
                while not await queue.hold(uuid.uuid4().hex, LEASE):  # noqa: ASYNC110
                    await asyncio.sleep(LEASE / 20)
            started = time.perf_counter()
            appended = await log.append("chat", ItemsAdded(items(1)))
            while (await anext(events)).version != appended.last:
                pass
            return Took(time.perf_counter() - started)

        yield {
            ONE: functools.partial(seen, killed=False),
            KILLED: functools.partial(seen, killed=True),
        }
        await events.aclose()


def _open(place: Place) -> EventLog:
    return EventLog(place.postgres_url, postgres=PostgresOptions(schema=SCHEMA))
