"""kill -9 at any moment: what was acknowledged is there, and nothing is half there.

200 kills, half of them on each backend; EVENTLOG_TORTURE=1 makes it 1,000.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import pytest

from eventlog import EventLog, ItemsAdded
from tests.backends import Backend
from tests.faults import children
from tests.faults.nursery import Child, Nursery
from tests.waiting import LONG

KILLS: Final = 500 if LONG else 100
AT_ONCE: Final = 4
LONGEST: Final = 0.02
"""How long a writer may live after its first answer, in seconds."""


class Acknowledged(NamedTuple):
    """A batch of two events: the writer's number, and the step it was at."""

    stream: str
    last: int
    number: int
    step: int


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as opened:
        yield opened


def write_and_kill(nursery: Nursery, backend: Backend, numbers: Sequence[int]) -> list[str]:
    """Start writers that meet each other, kill each at a random moment; return what they said."""
    lines: list[str] = []
    with contextlib.ExitStack() as block:
        writers: list[Child] = [
            block.enter_context(
                nursery.fork(children.write_until_killed, backend.url, backend.options, number)
            )
            for number in numbers
        ]
        for number, writer in zip(numbers, writers, strict=True):
            if number % AT_ONCE:  # One of them may be killed before it has opened the log.
                writer.wait_for_a_line()
            time.sleep(random.uniform(0, LONGEST))
            writer.kill()
            lines += writer.lines()
    return lines


def parse(lines: Sequence[str]) -> list[Acknowledged]:
    words = [line.split() for line in lines]
    return [Acknowledged(word[0], *map(int, word[1:])) for word in words]


class Reader:
    """Reads on where it stopped, and keeps what it read."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._items: dict[str, list[int]] = {}

    async def check(self, acknowledged: Sequence[Acknowledged]) -> None:
        """Versions in a row, batches whole, and every acknowledged batch where its answer said."""
        for stream in sorted({batch.stream for batch in acknowledged}):
            await self._read_on(stream)
        for stream, last, number, step in acknowledged:
            assert self._items[stream][last - 2 : last] == [number, step]

    async def _read_on(self, stream: str) -> None:
        items = self._items.setdefault(stream, [])
        async for event in self._log.read(stream, after=len(items)):
            assert event.version == len(items) + 1
            assert isinstance(event.event, ItemsAdded)
            items += event.event.items
        assert len(items) % 2 == 0, "half a batch"


async def test_an_acknowledged_append_survives_kill_9(backend: Backend, nursery: Nursery) -> None:
    """Acknowledged is a subset of stored, streams are prefixes, and the chain verifies."""
    nursery.prepare(children.prepare, backend.url, backend.options)
    async with backend.open() as log:
        assert await log.version("chat-0") == 0
        reader = Reader(log)
        heard = 0
        for first in range(0, KILLS, AT_ONCE):
            numbers = range(first, first + AT_ONCE)
            lines = await asyncio.to_thread(write_and_kill, nursery, backend, numbers)
            acknowledged = parse(lines)
            await reader.check(acknowledged)
            heard += len(acknowledged)
        assert heard >= KILLS // AT_ONCE * (AT_ONCE - 1)
        verification = await log.verify()
        assert verification.ok
        assert verification.events >= 2 * heard


async def test_a_child_that_fails_by_itself_fails_the_test(nursery: Nursery) -> None:
    """Nothing that a writer raises is taken for a kill."""
    with (
        nursery.fork(children.write_until_killed, "redis://no-store", {}, 0) as child,
        pytest.raises(AssertionError, match="InvalidAddressError"),
    ):
        child.lines()
