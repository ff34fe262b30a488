"""Reading the past beside reading the present from nothing."""

import contextlib
import functools
import os
import random
import time
from collections.abc import AsyncGenerator, Mapping
from typing import Final

from benchmarks.kit.filling import fill
from benchmarks.kit.harness import Call, Took
from benchmarks.kit.place import Place, Scale, items
from benchmarks.kit.scenario import Bar, Scenario, Timing
from eventlog import EventLog
from eventlog_openai_agents import EventLogSession
from eventlog_projections import Conversation

PARTS: Final = 5
PAST: Final = "as_of in part {part}"
COLD: Final = "cold read as long as part {part}"
NEARBY: Final = 0.99


def scenarios(scale: Scale) -> list[Scenario]:
    """Return them."""
    bars = [Bar(PAST.format(part=n), COLD.format(part=n), 2.0) for n in range(1, PARTS + 1)]
    title = f"items(as_of=v) of {scale.past:,} events, SQLite"
    return [Timing(title, as_of, tuple(bars), calls=1, rounds=7)]


@contextlib.asynccontextmanager
async def as_of(place: Place) -> AsyncGenerator[Mapping[str, Call]]:
    """Read at a random version in each fifth of a conversation of one item an event.

    Beside it stands the first read, by a new handle, of a file whose conversation has as many items
    now. Each read asks for another version, up to 1 % earlier, so none is answered by the last one.
    """
    total = place.scale.past
    chosen = random.Random(total)
    versions = [
        chosen.randrange(n * total // PARTS, (n + 1) * total // PARTS) for n in range(PARTS)
    ]
    advance = place.track("filling: the past", total + sum(versions))
    async with EventLog(place.folder / "past.db") as log:
        await _fill(log, total)
        advance(total)
        calls: dict[str, Call] = {}
        for part, version in enumerate(versions, start=1):
            path = os.fspath(place.folder / f"past-{part}.db")
            async with EventLog(path) as now:
                await _fill(now, version)
            advance(version)
            calls[PAST.format(part=part)] = functools.partial(_past, log, version, chosen)
            calls[COLD.format(part=part)] = functools.partial(_cold, path)
        yield calls


async def _fill(log: EventLog, count: int) -> None:
    await fill(EventLogSession("chat", log=log), items(count), turn=1)


async def _past(log: EventLog, version: int, chosen: random.Random) -> None:
    at = chosen.randint(int(version * NEARBY), version)
    assert len(await Conversation(log, "chat").items(as_of=at)) == at


async def _cold(path: str) -> Took:
    async with EventLog(path) as log:
        started = time.perf_counter()
        await Conversation(log, "chat").items()
        return Took(time.perf_counter() - started)
