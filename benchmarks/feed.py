"""Catching up with the feed: from position 0 to its end."""

import contextlib
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final

import asyncpg

from benchmarks.kit.filling import fill_log
from benchmarks.kit.harness import Call
from benchmarks.kit.place import OURS, Place, Scale, items
from benchmarks.kit.scenario import Bar, Rate, Scenario, Timing
from eventlog import EventLog, ItemsAdded, PostgresOptions

BARE_SELECT: Final = "bare asyncpg SELECT"
CONVERSATIONS: Final = 50
UNIT: Final = "events/s"

PAGE: Final = 2000
"""Rows of one round trip, as many as the feed takes."""

SELECT: Final = """
    SELECT feed.position, events.* FROM catching_up.feed
    JOIN catching_up.events USING (stream_id, version)
    WHERE feed.position > $1 ORDER BY feed.position LIMIT $2
"""


def scenarios(scale: Scale) -> list[Scenario]:
    """Return them."""
    title = f"feed of {scale.feed:,} events"
    return [
        Timing(
            f"{title}, SQLite",
            feed_sqlite,
            (Rate(OURS, UNIT, 100_000),),
            calls=1,
            rounds=7,
            units=scale.feed,
        ),
        Timing(
            f"{title}, PostgreSQL",
            feed_postgres,
            (Bar(OURS, BARE_SELECT, 2.0), Rate(OURS, UNIT), Rate(BARE_SELECT, UNIT)),
            calls=1,
            rounds=7,
            units=scale.feed,
        ),
    ]


@contextlib.asynccontextmanager
async def feed_sqlite(place: Place) -> AsyncGenerator[Mapping[str, Call]]:
    """Read every event of a file."""
    async with EventLog(place.folder / "feed.db") as log:
        await _fill(place, log, "the feed, SQLite")
        yield {OURS: lambda: _read(log, place.scale.feed)}


@contextlib.asynccontextmanager
async def feed_postgres(place: Place) -> AsyncGenerator[Mapping[str, Call]]:
    """Read every event of a server, beside a SELECT of the same rows in the same order."""
    bare = await asyncpg.connect(place.postgres_url)
    async with EventLog(place.postgres_url, postgres=PostgresOptions(schema="catching_up")) as log:
        await _fill(place, log, "the feed, PostgreSQL")
        await _read(log, place.scale.feed)  # Now every event has its position.
        await bare.execute("VACUUM ANALYZE")
        yield {
            OURS: lambda: _read(log, place.scale.feed),
            BARE_SELECT: lambda: _select(bare, place.scale.feed),
        }
    await bare.close()


async def _fill(place: Place, log: EventLog, title: str) -> None:
    """Append events of one item and of two in turn, over many conversations."""
    one, two = ItemsAdded(items(1)), ItemsAdded(items(2))
    total = place.scale.feed
    await fill_log(place, log, title, events=[one, two], conversations=CONVERSATIONS, total=total)


async def _read(log: EventLog, total: int) -> None:
    seen = 0
    async for _ in log.feed(0):
        seen += 1
    assert seen == total


async def _select(bare: "asyncpg.Connection[Any]", total: int) -> None:
    after = 0
    while rows := await bare.fetch(SELECT, after, PAGE):
        after = rows[-1]["position"]
    assert after == total
