"""Views: catching up, being up to date under load, and searching a million items.

Run by itself: python -m benchmarks.views [URL] [--events N] [--items N].
"""

import argparse
import asyncio
import contextlib
import os
import sqlite3
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from typing import Any, Final

from benchmarks.place import items
from eventlog import EventLog, ItemsAdded
from projections.views import BUILT_IN, Projection, Views, search

CONVERSATIONS: Final = 50
RATE: Final = 1_000
SECONDS: Final = 10.0
LOOKS: Final = 25


async def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.views")
    parser.add_argument("url", nargs="?", help="a PostgreSQL URL; without one, a SQLite file")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--items", type=int, default=1_000_000)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        url = options.url or os.path.join(folder, "views.db")
        await catching_up(url, options.events)
        await up_to_date(url if options.url else os.path.join(folder, "load.db"))
        if options.url is None and options.items:
            await searching(os.path.join(folder, "search.db"), options.items)


def opened(url: str) -> EventLog:
    schema: dict[str, Any] = {"schema": f"views_{uuid.uuid4().hex[:8]}"} if "://" in url else {}
    return EventLog(url, statement_timeout=600, **schema)


async def catching_up(url: str, total: int) -> None:
    """Each view by itself, from position 0, and all of them together."""
    async with opened(url) as log:
        await fill(log, total)
        await log.position()
        for projection in BUILT_IN:
            await caught_up(log, [projection], total)
    async with opened(url if "://" in url else f"{url}.all") as log:
        await fill(log, total)
        await log.position()
        await caught_up(log, BUILT_IN, total)


async def caught_up(log: EventLog, projections: Sequence[Projection], total: int) -> None:
    started = time.perf_counter()
    await Views(log, projections).catch_up()
    rate = total / (time.perf_counter() - started)
    say("catching up", ", ".join(each.name for each in projections), rate, "events/s")


async def fill(log: EventLog, total: int) -> None:
    """Append turns of a question and an answer, over many conversations."""
    turn = [ItemsAdded(items(1)), ItemsAdded(items(2))]
    appends = total // len(turn) // CONVERSATIONS

    async def write(name: str) -> None:
        for _ in range(appends):
            await log.append(name, turn)

    await asyncio.gather(*[write(f"chat-{number}") for number in range(CONVERSATIONS)])


async def up_to_date(url: str) -> None:
    """How long an append takes to be in every view, at so many a second, and what appends cost.

    The views are kept by a worker, a process of its own.
    """
    async with opened(url) as log:
        await log.position()
        await under_load(log, None)
        schema = getattr(log._address, "schema", "eventlog")
        command = ("-m", "adapters.cli", "worker", "--db", url, "--schema", schema)
        await Views(log).catch_up()
        worker = await asyncio.create_subprocess_exec(sys.executable, *command)
        await log.append("chat-0", ItemsAdded(items(1)))
        while min([each.behind for each in await Views(log).status()]) > 0:  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # It has not begun yet.
        await under_load(log, Views(log))
        worker.terminate()
        await worker.wait()


async def under_load(log: EventLog, views: Views | None) -> None:
    stop = asyncio.Event()
    took: list[float] = []
    behind: list[float] = []
    looking = asyncio.create_task(look(views, behind, stop)) if views else None
    started = time.perf_counter()
    number = 0
    running: set[asyncio.Task[None]] = set()
    while (now := time.perf_counter() - started) < SECONDS:
        while number < now * RATE:
            task = asyncio.create_task(append(log, number, took))
            running.add(task)
            task.add_done_callback(running.discard)
            number += 1
        await asyncio.sleep(0.002)
    await asyncio.gather(*running)
    stop.set()
    if looking is not None:
        await looking
    what = "with views" if views else "without views"
    say(f"{number / SECONDS:.0f} appends/s", f"{what}, p50", statistics.median(took) * 1e3, "ms")
    say("", f"{what}, p99", sorted(took)[len(took) * 99 // 100] * 1e3, "ms")
    if behind:
        say("", "the slowest view behind, p50", statistics.median(behind) * 1e3, "ms")
        say("", "the slowest view behind, most", max(behind) * 1e3, "ms")


async def append(log: EventLog, number: int, took: list[float]) -> None:
    started = time.perf_counter()
    await log.append(f"chat-{number % CONVERSATIONS}", ItemsAdded(items(1)))
    took.append(time.perf_counter() - started)


async def look(views: Views | None, behind: list[float], stop: asyncio.Event) -> None:
    """Measure how long ago the feed was where the slowest view is now."""
    assert views is not None
    ends: list[tuple[int, float]] = []
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 0.02)
        ends.append((await views.log.position(), time.perf_counter()))
        points = await views.log.views.tables.checkpoints()
        slowest = min((point.position for point in points), default=0)
        while len(ends) > 1 and ends[1][0] <= slowest:
            ends.pop(0)
        if points and ends[-1][0] > slowest:
            waiting = [at for position, at in ends if position > slowest]
            behind.append(time.perf_counter() - waiting[0])
        elif points:
            behind.append(0.0)


async def searching(path: str, total: int) -> None:
    """Compare the search to the bare FTS5 query, for words that are rare, usual and everywhere."""
    async with opened(path) as log:
        await fill_items(log, total)
        views = Views(log)
        started = time.perf_counter()
        await views.catch_up("search")
        say("indexing", f"{total:,} items", total / (time.perf_counter() - started), "items/s")
        bare = sqlite3.connect(path)
        (table,) = bare.execute(
            "SELECT name FROM sqlite_master WHERE name LIKE 'view_items_%_text'"
        ).fetchone()
        for word in ("number4711", "zygote", "integer", "function"):
            await compare(views, bare, table, word)


async def compare(views: Views, bare: sqlite3.Connection, table: str, word: str) -> None:
    query = f"SELECT rowid FROM {table} WHERE {table} MATCH ? ORDER BY rank LIMIT 50"
    (there,) = bare.execute(
        f"SELECT count(*) FROM {table} WHERE {table} MATCH ?", (word,)
    ).fetchone()
    ratios: list[float] = []
    for _ in range(LOOKS):
        started = time.perf_counter()
        expected = bare.execute(query, (word,)).fetchall()
        between = time.perf_counter()
        found = await search(views, word)
        ratios.append((time.perf_counter() - between) / (between - started))
        assert len(found) == len(expected)
    say("search", f"{word!r}, {there:,} items", statistics.median(ratios), "x the bare query")


async def fill_items(log: EventLog, total: int) -> None:
    texts: list[Any] = items(1000)
    for start in range(0, total, 1000):
        batch = [
            {**item, "content": f"number{start + n} {item['content']}"}
            for n, item in enumerate(texts)
        ]
        await log.append(f"chat-{start // 1000 % 1000}", ItemsAdded(batch))


def say(what: str, which: str, value: float, unit: str) -> None:
    print(f"{what:24} {which:44} {value:12,.1f} {unit}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
