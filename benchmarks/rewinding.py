"""Forking, undoing and redoing a long conversation beside one append to it."""

import contextlib
import itertools
import random
import time
from collections.abc import AsyncGenerator, Mapping
from typing import Final

from adapters.openai_agents import EventLogSession
from benchmarks.filling import fill
from benchmarks.harness import Call, Took
from benchmarks.place import Place, Scale, items
from benchmarks.scenario import Bar, Scenario, Timing
from eventlog import EventLog

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
    async with EventLog(place.postgres_url, schema="rewind") as log:
        yield await _calls(place, log)


async def _calls(place: Place, log: EventLog) -> dict[str, Call]:
    """Undo and redo go with a conversation of their own, so that there is always one to redo."""
    total = place.scale.rewound
    advance = place.track("filling: a long conversation", 2 * total)
    turn = items(2)
    sessions = [EventLogSession(name, log=log) for name in ("chat", "undone")]
    for session in sessions:
        await fill(session, items(total))
        advance(total)
    chat, undone = sessions
    numbers = itertools.count()
    chosen = random.Random(total)
    last = await log.version("chat")

    async def fork(at: int | None = None) -> None:
        await chat.fork(at, f"fork-{next(numbers)}")

    async def undo() -> Took:
        started = time.perf_counter()
        await undone.undo()
        passed = time.perf_counter() - started
        await undone.redo()
        return Took(passed)

    async def redo() -> Took:
        await undone.undo()
        started = time.perf_counter()
        await undone.redo()
        return Took(time.perf_counter() - started)

    return {
        APPEND: lambda: chat.add_items(turn),
        FORK: fork,
        UNDO: undo,
        REDO: redo,
        FORK_AT: lambda: fork(chosen.randint(1, last)),
    }
