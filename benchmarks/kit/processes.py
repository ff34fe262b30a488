"""New processes to measure in: each is forked from a server that has imported all there is to.

So imports are no part of a first read, not even what SQLAlchemy and the log put off until they open
a database.
"""

import asyncio
import gc
import multiprocessing
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack
from typing import Final, NamedTuple, TypeVar

import aiosqlite
import asyncpg
import sqlalchemy.dialects.postgresql.asyncpg
import sqlalchemy.dialects.sqlite.aiosqlite

import eventlog.addresses.url
import eventlog.store.postgres.store
import eventlog.store.sqlite.store
from benchmarks.kit.contenders import Opener

_T = TypeVar("_T")

LOADED: Final = (
    aiosqlite,
    asyncpg,
    sqlalchemy.dialects.postgresql.asyncpg,
    sqlalchemy.dialects.sqlite.aiosqlite,
    eventlog.addresses.url,
    eventlog.store.postgres.store,
    eventlog.store.sqlite.store,
)

LET_GO: Final = 0.1
"""Seconds in which the thread that handed the list over drops it too."""

_FORKS: Final = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__])


class Memory(NamedTuple):
    """What a read took of Python's memory, in bytes: at its highest, and the list alone."""

    peak: int
    returned: int


async def in_new_process(function: Callable[[], _T]) -> _T:
    """Run a function of this package in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=_FORKS) as pool:
        return await asyncio.get_running_loop().run_in_executor(pool, function)


def first_read(opener: Opener, address: str, count: int) -> float:
    """Open a session, read it, and return how many seconds that took."""

    async def read() -> float:
        async with AsyncExitStack() as stack:
            # Never inside a measurement, here as elsewhere; and the process has its pages now.
            gc.collect()
            gc.disable()
            started = time.perf_counter()
            session = await opener(stack, address, "cold")
            found = await session.get_items()
            passed = time.perf_counter() - started
        assert len(found) == count
        return passed

    return asyncio.run(read())


def memory_of_read(opener: Opener, address: str) -> Memory:
    """Open a session and read it. What SQLite itself takes in C is not in it."""

    async def read() -> Memory:
        async with AsyncExitStack() as stack:
            gc.collect()
            tracemalloc.start()
            session = await opener(stack, address, "memory")
            found = await session.get_items()
            with_list, peak = tracemalloc.get_traced_memory()
            del found
            await asyncio.sleep(LET_GO)
            gc.collect()
            return Memory(peak, with_list - tracemalloc.get_traced_memory()[0])

    return asyncio.run(read())
