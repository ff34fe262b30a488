"""Forking, undoing and redoing a long conversation beside one append to it."""

import contextlib
import itertools
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Mapping
from typing import Final

from benchmarks.kit.filling import fill
from benchmarks.kit.harness import Call, Took
from benchmarks.kit.place import Place, Scale, items
from benchmarks.kit.scenario import Bar, Scenario, Timing
from eventlog import EventLog, PostgresOptions
from eventlog_openai_agents import EventLogSession

APPEND: Final = "append of 2 items"
FORK: Final = "fork"
UNDO: Final = "undo"
REDO: Final = "redo"
FORK_AT: Final = "fork(at=a random version)"

AT_MOST: Final = 3.0


def scenarios(scale: Scale) -> list[Scenario]:
    """Return them."""
    bars = (*(Bar(who, APPEND, AT_MOST) for who in (FORK, UNDO, REDO)), Bar(FORK_AT, APPEND))
    title = f"fork, undo and redo of {scale.rewound:,} items"
    return [
        Timing(f"{title}, SQLite", rewind_sqlite, bars, calls=20),
        Timing(f"{title}, PostgreSQL", rewind_postgres, bars, calls=20),
    ]


@contextlib.asynccontextmanager
async def rewind_sqlite(place: Place) -> AsyncGenerator[Mapping[str, Call]]:
    """In a file."""
    async with EventLog(place.folder / "rewind.db") as log:
        yield await _calls(place, log)


@contextlib.asynccontextmanager
async def rewind_postgres(place: Place) -> AsyncGenerator[Mapping[str, Call]]:
    """On a server."""
    async with EventLog(place.postgres_url, postgres=PostgresOptions(schema="rewind")) as log:
        yield await _calls(place, log)


async def _calls(place: Place, log: EventLog) -> dict[str, Call]:
    """Each call finds a list that was read, and nothing left to do from the call before."""
    advance = place.track("filling: a long conversation", place.scale.rewound)
    session = EventLogSession("chat", log=log)
    await fill(session, items(place.scale.rewound))
    advance(place.scale.rewound)
    turn = items(2)
    names = (f"fork-{number}" for number in itertools.count())
    chosen = random.Random(place.scale.rewound)
    last = await log.version("chat")

    async def took(call: Awaitable[object]) -> Took:
        await session.get_items(1)
        await log.spi.background.finish()
        started = time.perf_counter()
        await call
        return Took(time.perf_counter() - started)

    async def undo() -> Took:
        await session.add_items(turn)
        return await took(session.undo())

    async def redo() -> Took:
        await session.undo()
        return await took(session.redo())

    return {
        APPEND: lambda: took(session.add_items(turn)),
        FORK: lambda: took(session.fork(None, next(names))),
        UNDO: undo,
        REDO: redo,
        FORK_AT: lambda: took(session.fork(chosen.randint(1, last), next(names))),
    }
