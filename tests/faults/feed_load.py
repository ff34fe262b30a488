"""Load on a feed, and what must hold of it afterwards."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Sequence
from typing import Final

from eventlog import (
    BusyError,
    ConflictError,
    EventLog,
    ItemsAdded,
    RecordedEvent,
)
from tests.waiting import LONG

WRITERS: Final = 16
APPENDS: Final = 300 if LONG else 15

Place = tuple[str, int]


async def write(log: EventLog, number: int, appends: int = APPENDS) -> list[Place]:
    """Append batches of 1 to 50 to a few streams, some of them refused; return what was stored."""
    chance = random.Random(number)
    stored: list[Place] = []
    for _ in range(appends):
        stream = f"chat-{chance.randrange(8)}"
        expected = chance.choice([None, None, None, chance.randrange(200)])
        batch = [ItemsAdded([number])] * chance.randint(1, 50)
        with contextlib.suppress(ConflictError, BusyError):
            answer = await log.append(stream, batch, expected_version=expected)
            stored += [(stream, version) for version in range(answer.first, answer.last + 1)]
    return stored


async def tail(log: EventLog, written: asyncio.Event) -> list[RecordedEvent]:
    """Read on from wherever one is, again and again, and once more when all is written."""
    seen: list[RecordedEvent] = []
    is_last = False
    while not is_last:
        is_last = written.is_set()
        last = seen[-1].position if seen else 0
        assert last is not None
        seen += [event async for event in log.feed(last)]
        await asyncio.sleep(0)
    return seen


def check(seen: Sequence[RecordedEvent], stored: Sequence[Place]) -> None:
    """Equal sets, dense, and in each stream's order."""
    assert [event.position for event in seen] == list(range(1, len(seen) + 1))
    assert Counter((event.stream, event.version) for event in seen) == Counter(stored)
    versions: Counter[str] = Counter()
    for event in seen:
        versions[event.stream] += 1
        assert event.version == versions[event.stream]


SEQUENCER: Final = """
import asyncio, os, sys
from eventlog import EventLog, PostgresOptions

async def main(url: str, schema: str) -> None:
    store = EventLog(url, postgres=PostgresOptions(schema=schema)).spi.store
    print("ready", flush=True)
    parent = os.getppid()
    while os.getppid() == parent:  # Without the lease: as useless and as dangerous as it gets.
        await store.feed.queue.place(50)
        await asyncio.sleep(0.001)

asyncio.run(main(*sys.argv[1:]))
"""
