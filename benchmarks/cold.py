"""The first read of a new process, with what earlier processes left on disk.

Timed inside the new process, from before the session is made to the list; imports are done by then.
"""

import contextlib
import functools
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack
from typing import Final

from benchmarks.kit.contenders import (
    POSTGRES_OPENERS,
    SQLITE_OPENERS,
    Opener,
    file_of,
    sqlalchemy_postgres_again,
)
from benchmarks.kit.filling import fill
from benchmarks.kit.harness import Call, Took
from benchmarks.kit.place import OURS, SQLALCHEMY, SQLITE, Place, Scale, items
from benchmarks.kit.processes import first_read, in_new_process
from benchmarks.kit.scenario import Bar, Scenario, Timing

COUNT: Final = 10_000


def scenarios(_: Scale) -> list[Scenario]:
    """Return them."""
    title = f"first get_items of a process, {COUNT:,} items"
    return [
        Timing(f"{title}, SQLite", cold_sqlite, (Bar(OURS, SQLITE, 0.4),), calls=2, rounds=10),
        Timing(
            f"{title}, PostgreSQL",
            cold_postgres,
            (Bar(OURS, SQLALCHEMY, 0.35),),
            calls=2,
            rounds=10,
        ),
    ]


@contextlib.asynccontextmanager
async def cold_sqlite(place: Place) -> AsyncGenerator[Mapping[str, Call]]:
    """Read from files."""
    openers = {who: SQLITE_OPENERS[who] for who in (OURS, SQLITE)}
    paths = {who: file_of(place, "cold", who) for who in openers}
    for who, opener in openers.items():
        await _prepare(opener, paths[who])
    yield {who: _reading(opener, paths[who]) for who, opener in openers.items()}


@contextlib.asynccontextmanager
async def cold_postgres(place: Place) -> AsyncGenerator[Mapping[str, Call]]:
    """Read from a server, the connection included."""
    for opener in POSTGRES_OPENERS.values():
        await _prepare(opener, place.postgres_url)
    openers = POSTGRES_OPENERS | {SQLALCHEMY: sqlalchemy_postgres_again}
    yield {who: _reading(opener, place.postgres_url) for who, opener in openers.items()}


async def _prepare(opener: Opener, address: str) -> None:
    async with AsyncExitStack() as stack:
        await fill(await opener(stack, address, "cold"), items(COUNT))


def _reading(opener: Opener, address: str) -> Call:
    async def read() -> Took:
        return Took(await in_new_process(functools.partial(first_read, opener, address, COUNT)))

    return read
