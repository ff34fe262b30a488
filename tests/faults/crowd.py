"""Writers under whose feet things break, and what must hold about them afterwards."""

import asyncio
import itertools
from typing import Any

from eventlog import EventLog, ItemsAdded, StoreError
from tests.waiting import PATIENCE


async def stored(log: EventLog, stream: str = "chat") -> list[Any]:
    """Return the first item of every event, and check the chain while at it."""
    assert (await log.verify(stream)).ok
    return [
        event.event.items[0] if isinstance(event.event, ItemsAdded) else event.kind
        async for event in log.read(stream)
    ]


class Crowd:
    """Writers that note what was acknowledged, and go on after a typed error."""

    def __init__(self, log: EventLog) -> None:
        self.log = log
        self.acknowledged: dict[str, int] = {}
        self.failed: dict[str, str] = {}
        self.enough = asyncio.Event()
        self._moved = asyncio.Event()

    async def more(self, count: int) -> None:
        """Wait until `count` more appends are acknowledged."""
        goal = len(self.acknowledged) + count
        try:
            async with asyncio.timeout(PATIENCE):
                while len(self.acknowledged) < goal:
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError as error:
            last = list(self.failed.values())[-1:]
            missing = goal - len(self.acknowledged)
            raise AssertionError(f"{missing} appends are missing; failed last: {last}") from error

    async def write(self, number: int) -> None:
        for step in itertools.count():
            if self.enough.is_set():
                return
            item = f"{number}.{step}"
            try:
                answer = await self.log.append("chat", ItemsAdded([item]))
            except StoreError as error:
                self.failed[item] = repr(error)
            else:
                assert not answer.replayed
                self.acknowledged[item] = answer.first
                self._moved.set()

    async def check(self, log: EventLog) -> None:
        """Acknowledged: once, at that version. Failed: at most once."""
        found = await stored(log)
        assert len(found) == len(set(found))
        at = {item: version for version, item in enumerate(found, start=1)}
        assert {item: at.get(item) for item in self.acknowledged} == self.acknowledged
        assert set(found) <= self.acknowledged.keys() | self.failed.keys()
        assert (await log.verify()).ok
