"""Views: catching up with the feed, being up to date under load, and searching."""

import asyncio
import contextlib
import sqlite3
import sys
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from msgspec.structs import astuple

from benchmarks.feed import CONVERSATIONS, UNIT
from benchmarks.kit.filling import fill_log
from benchmarks.kit.harness import Call, Took
from benchmarks.kit.place import OURS, Place, Scale, items
from benchmarks.kit.scenario import Bar, Rate, Scenario, Timing
from eventlog import EventLog, ItemsAdded, PostgresOptions
from eventlog.views import Batch, Put
from eventlog_projections.views import BUILT_IN, Projection, Views, search
from eventlog_projections.views.row import Shape
from eventlog_projections.views.search import SEARCH, ItemRow

ALL: Final = "all views"
ROWS: Final = "storing the rows of search alone"
QUARTER: Final = "a quarter of a second"
BARE_FTS: Final = "bare FTS5 query"
RATE: Final = 1_000
"""Appends a second."""

SECONDS: Final = 5.0
SCHEMA: Final = "viewed"
PAGE: Final = 50

WORDS: Final = {"rare": "number17", "usual": "immutable", "common": "function"}
"""What is searched, by how many items have it: one, one of a hundred, one of seven."""


def scenarios(scale: Scale) -> list[Scenario]:
    """Return them."""
    found: list[Scenario] = []
    for where, url, bar, together in (
        ("SQLite", _file, 20_000, 20_000),
        ("PostgreSQL", _server, 10_000, 14_000),
    ):
        alone = [Rate(projection.name, UNIT, bar) for projection in BUILT_IN]
        found += [
            Timing(
                f"views of {scale.viewed:,} events, {where}",
                contextlib.asynccontextmanager(partial(_catching_up, where, url)),
                (*alone, Rate(ALL, UNIT, together), Rate(ROWS, UNIT)),
                calls=1,
                rounds=3,
                units=scale.viewed,
            ),
            Timing(
                f"the slowest view under {RATE:,} appends a second, {where}",
                contextlib.asynccontextmanager(partial(_under_load, url)),
                (Bar(OURS, QUARTER, 1.0),),
                calls=1,
                rounds=3,
            ),
        ]
    found += [
        Timing(
            f"search of {scale.searched:,} items for a {what} word, SQLite",
            contextlib.asynccontextmanager(partial(_searching, word)),
            (Bar(OURS, BARE_FTS, 5.0),),
            calls=15,
        )
        for what, word in WORDS.items()
    ]
    return found


def _file(place: Place) -> str:
    return str(place.folder / "views.db")


def _server(place: Place) -> str:
    return place.postgres_url


async def _catching_up(
    where: str, url: Callable[[Place], str], place: Place
) -> AsyncGenerator[Mapping[str, Call]]:
    """Make each view from nothing by itself, and all of them together."""
    async with EventLog(
        url(place), postgres=PostgresOptions(schema=SCHEMA, statement_timeout=600)
    ) as log:
        one, two = ItemsAdded(items(1)), ItemsAdded(items(2))
        await fill_log(
            place,
            log,
            f"the views, {where}",
            events=[one, two],
            conversations=CONVERSATIONS,
            total=place.scale.viewed,
        )
        alone = {each.name: partial(_made, log, [each]) for each in BUILT_IN}
        yield {**alone, ALL: partial(_made, log, BUILT_IN), ROWS: partial(_stored, log)}


async def _made(log: EventLog, projections: Sequence[Projection]) -> Took:
    views = Views(log, projections)
    for projection in projections:
        await views.drop(projection.name)
    await log.position()
    started = time.perf_counter()
    await views.catch_up()
    return Took(time.perf_counter() - started)


async def _stored(log: EventLog) -> Took:
    """Store what search has once more, in as many transactions: nothing is read or folded."""
    views, tables = Views(log), log.spi.views.tables
    shape = Shape(ItemRow)
    spec = shape.spec
    rows = [shape.dump(astuple(row)) for row in await views.select(ItemRow, {})]
    copy = await tables.begin(SEARCH.name, SEARCH.schema, [spec], beside=True)
    size = len(rows) * tables.batch // await log.position()
    started = time.perf_counter()
    for start in range(0, len(rows), size):
        page = Put(spec, copy, rows[start : start + size])
        assert await tables.apply(Batch([], [page], []))
    took = Took(time.perf_counter() - started)
    await tables.drop(SEARCH.name, copy, [spec])
    return took


async def _under_load(
    url: Callable[[Place], str], place: Place
) -> AsyncGenerator[Mapping[str, Call]]:
    """Append at a steady rate while a worker, a process of its own, keeps every view."""
    address = url(place).replace("views.db", "load.db")
    async with EventLog(address, postgres=PostgresOptions(schema="loaded")) as log:
        views = Views(log)
        await log.append("chat-0", ItemsAdded(items(1)))
        await views.catch_up()
        command = ("-m", "eventlog_cli", "worker", "--db", address, "--schema", "loaded")
        worker = await asyncio.create_subprocess_exec(sys.executable, *command)
        await log.append("chat-0", ItemsAdded(items(1)))
        while any(each.behind for each in await views.status()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # It has not begun yet.
        yield {OURS: partial(_most_behind, log, views), QUARTER: _quarter}
        worker.terminate()
        await worker.wait()


async def _quarter() -> Took:
    return Took(0.25)


async def _most_behind(log: EventLog, views: Views) -> Took:
    """Return the longest time that the slowest view was behind the feed."""
    stop = asyncio.Event()
    looking = asyncio.create_task(_look(views, stop))
    running: set[asyncio.Task[Any]] = set()
    started, number = time.perf_counter(), 0
    while (now := time.perf_counter() - started) < SECONDS:
        while number < now * RATE:
            append = log.append(f"chat-{number % CONVERSATIONS}", ItemsAdded(items(1)))
            task = asyncio.create_task(append)
            running.add(task)
            task.add_done_callback(running.discard)
            number += 1
        await asyncio.sleep(0.002)
    await asyncio.gather(*running)
    stop.set()
    return Took(await looking)


async def _look(views: Views, stop: asyncio.Event) -> float:
    """Measure how long ago the feed was where the slowest view is now."""
    ends: list[tuple[int, float]] = []
    most = 0.0
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 0.02)
        ends.append((await views.log.position(), time.perf_counter()))
        points = await views.log.spi.views.tables.checkpoints()
        slowest = min(point.position for point in points)
        while ends and ends[0][0] <= slowest:
            ends.pop(0)
        if ends:
            most = max(most, time.perf_counter() - ends[0][1])
    return most


async def _searching(word: str, place: Place) -> AsyncGenerator[Mapping[str, Call]]:
    """Search as people do, beside the query that FTS5 alone would need."""
    path = place.folder / "search.db"
    async with EventLog(path) as log:
        if await log.position() == 0:
            await _fill_items(log, place.scale.searched)
        views = Views(log)
        await views.catch_up("search")
        assert await search(views, word, limit=1)
        with contextlib.closing(sqlite3.connect(place.folder / "bare.db")) as bare:
            _fill_bare(bare, path)
            query = f"SELECT rowid FROM words WHERE words MATCH ? ORDER BY rank LIMIT {PAGE}"

            async def ask() -> None:
                bare.execute(query, (f'"{word}"',)).fetchall()

            yield {OURS: lambda: search(views, word, limit=PAGE), BARE_FTS: ask}


def _fill_bare(bare: sqlite3.Connection, path: Path) -> None:
    """Put the same texts into a table of FTS5 as anybody would make it."""
    if bare.execute("SELECT 1 FROM sqlite_master WHERE name = 'words'").fetchone():
        return
    bare.execute("ATTACH ? AS log", (str(path),))
    named = "SELECT name FROM log.sqlite_master WHERE name GLOB 'view_items_*[0-9]'"
    (items_table,) = bare.execute(named + " AND type = 'table'").fetchone()
    bare.execute("CREATE VIRTUAL TABLE words USING fts5(text)")
    bare.execute(f"INSERT INTO words SELECT text FROM log.{items_table}")
    bare.commit()


async def _fill_items(log: EventLog, total: int) -> None:
    texts: list[Any] = items(1000)
    for start in range(0, total, 1000):
        batch = [
            {**item, "content": f"number{start + n} {item['content']}"}
            for n, item in enumerate(texts)
        ]
        await log.append(f"chat-{start // 1000 % 1000}", ItemsAdded(batch))
