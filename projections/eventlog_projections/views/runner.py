"""The runner: makes views, brings them up to the feed, and lets a new schema take over.

Any number of runners at once take every event once: a checkpoint moves only from where the runner
believes it to be, and who was mistaken looks again.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from eventlog import EventLog, StoreError, UnavailableError, telemetry
from eventlog.views import Checkpoint
from eventlog_projections.views.pipeline import Key, Pipeline
from eventlog_projections.views.projection import Projection, specs

OUTAGE_PAUSE: Final = 0.5

NEAR: Final = 0.25
"""Seconds that a generation may need to where the view is, for the view to wait for it."""

PATIENCE: Final = 1.0
"""Seconds since that generation moved, after which nobody waits for it."""

LOOK_AGAIN: Final = 0.05
"""Seconds after which a worker looks what became of the views, and who waits for one does."""

_log: Final = logging.getLogger("eventlog.views")


class Runner:
    """Follows the feed for some projections, in one event loop; one task at a time."""

    def __init__(self, log: EventLog, projections: Sequence[Projection]) -> None:
        self._views = log.spi.views
        self._tables = self._views.tables
        self._projections = {projection.name: projection for projection in projections}
        self._pipeline = Pipeline(self._views, self._projections)
        self._poisoned = self._pipeline.poisoned
        self._points: dict[Key, Checkpoint] = {}
        self._looked_at = 0.0
        """On the monotonic clock; 0 since something failed."""

    async def catch_up(self, names: Sequence[str]) -> dict[str, Checkpoint]:
        """Bring views to where the feed is now, and return where they are.

        One that is not there is made; one whose schema number was raised is filled beside the old
        one, and takes over. Raises PoisonEventError if that one cannot take an event.
        """
        end = await self._views.end()
        ours = [self._points[key] for key in self._ours(names)]
        if len(ours) == len(names) and all(p.is_serving and p.position >= end for p in ours):
            return {point.projection: point for point in ours}
        await self._look()
        await self._give_way(names)
        await self._prepare(names)
        await self._advance(end, lambda: self._ours(names))
        await self._take_over(names)
        for key in self._ours(names):
            if key in self._poisoned:
                raise self._poisoned[key]
        return {name: self._points[name, number] for name, number in self._ours(names)}

    async def fill(self, point: Checkpoint) -> Checkpoint | None:
        """Bring one generation to where the feed is now; None if it is gone.

        Raises PoisonEventError.
        """
        await self._look()
        return await self._fill(point.key, await self._views.end())

    async def reach(self, point: Checkpoint) -> Checkpoint | None:
        """Bring one generation to where the one is that is read; None if it is gone.

        Raises PoisonEventError.
        """
        await self._look()
        ends = [
            each.position
            for each in self._points.values()
            if each.projection == point.projection and each.is_serving
        ]
        return await self._fill(point.key, max(ends, default=0))

    async def follow(self, stop: asyncio.Event) -> None:
        """Keep the views up to date until `stop` is set; an outage of the database is waited out.

        Raises StoreError if it cannot begin.
        """
        names = tuple(self._projections)
        await self._look()
        await self._prepare(names)
        async with self._views.following() as reader:
            stopping = asyncio.ensure_future(_leave(stop, reader.leave))
            try:
                end = 0
                while (moved := await reader.wait_beyond(self._lowest(names, end))) is not None:
                    end = moved
                    await self._follow(end, names, stop)
            finally:
                stopping.cancel()

    async def _follow(self, end: int, names: Sequence[str], stop: asyncio.Event) -> None:
        try:
            if time.monotonic() - self._looked_at >= LOOK_AGAIN:
                await self._look()
                await self._give_way(names)
            await self._prepare(names)
            await self._advance(end, lambda: [] if stop.is_set() else self._ours(names))
            await self._take_over(names)
        except UnavailableError as error:
            _log.warning("views wait for their database: %s", error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(OUTAGE_PAUSE):
                    await stop.wait()

    def _lowest(self, names: Sequence[str], end: int) -> int:
        """Return how far those views are that can go on; `end` where none can."""
        positions = [
            self._points[key].position for key in self._ours(names) if key not in self._poisoned
        ]
        return min(positions, default=end)

    async def _look(self) -> None:
        points = await self._tables.checkpoints()
        self._points = {point.key: point for point in points}
        self._looked_at = time.monotonic()
        self._pipeline.look({key: point.position for key, point in self._points.items()})

    async def _prepare(self, names: Sequence[str]) -> None:
        """Make views that are not there yet, and the next schema of those that have an old one."""
        for name in names:
            projection = self._projections[name]
            schemas = [point.schema for point in self._points.values() if point.projection == name]
            if max(schemas, default=0) < projection.schema:
                tables = specs(projection)
                await self._tables.begin(name, projection.schema, tables, beside=False)
                await self._look()

    def _ours(self, names: Sequence[str]) -> list[Key]:
        """Return the generation of each view that this code can fill.

        It is the one that is read, or the first of the schema that will be.
        """
        found: dict[str, Key] = {}
        for key, point in sorted(self._points.items()):
            name = point.projection
            if name in names and point.schema == self._projections[name].schema:
                if point.is_serving:
                    found[name] = key
                found.setdefault(name, key)
        return list(found.values())

    async def _fill(self, key: Key, end: int) -> Checkpoint | None:
        await self._advance(end, lambda: [key] if key in self._points else [])
        if key in self._poisoned:
            raise self._poisoned[key]
        return self._points.get(key)

    async def _give_way(self, names: Sequence[str]) -> None:
        """Leave views where they are while other generations of them are about to take over.

        Who fills one might else never reach a view that others keep moving.
        """
        while any(self._is_nearly_reached(self._points[key]) for key in self._ours(names)):
            await asyncio.sleep(LOOK_AGAIN)
            await self._look()

    def _is_nearly_reached(self, point: Checkpoint) -> bool:
        """Tell whether somebody fills a generation beside this one, and will soon be here."""
        since = time.time_ns() // 1000 - int(PATIENCE * 1_000_000)
        return point.is_serving and any(
            other.moved_at >= since and 0 <= point.position - other.position <= other.rate * NEAR
            for other in self._points.values()
            if other.projection == point.projection and not other.is_serving
        )

    async def _take_over(self, names: Sequence[str]) -> None:
        """Let those take over that were filled beside an older schema."""
        for key in self._ours(names):
            point = self._points[key]
            if point.is_serving or key in self._poisoned:
                continue
            await self._tables.take_over(point, specs(self._projections[point.projection]))
            await self._look()

    async def _advance(self, end: int, keys: Callable[[], list[Key]]) -> None:
        """Take events up to `end`."""
        while True:
            ours = keys()
            try:
                if await self._flow(end, keys):
                    return
            except StoreError:
                self._looked_at = 0.0
                await self._pipeline.abandon(at_once=False)
                await self._look()
                if all(key in self._points for key in ours):
                    raise
                # Somebody made a view anew, and that one is gone.
            except BaseException as error:
                await self._pipeline.abandon(at_once=not isinstance(error, Exception))
                raise
            else:
                await self._look()

    async def _flow(self, end: int, keys: Callable[[], list[Key]]) -> bool:
        """Take events up to `end`; False if another runner was first.

        Views that are at one position go together. A server stores a batch while the next is
        folded. On SQLite one comes after the other, so that the file is left to other processes
        half of the time: they wait by looking again, and would find it locked nearly always.
        """
        ahead = dict(self._points)
        while True:
            able = [ahead[key] for key in keys() if key not in self._poisoned]
            waiting = [point for point in able if point.position < end]
            if not waiting:
                break
            lowest = min(point.position for point in waiting)
            until = min([point.position for point in able if point.position > lowest] + [end])
            points = [point for point in waiting if point.position == lowest]
            names = [point.projection for point in points]
            with telemetry.projecting(names, min(until - lowest, self._tables.batch), "fold"):
                moved = await self._pipeline.take(points, until, end)
            if moved is None:
                return False
            ahead |= {point.key: point for point in moved}
            if not self._views.runs_out_of_process and not await self._pipeline.settle():
                return False
        if not await self._pipeline.settle():
            return False
        self._points = ahead
        return True


async def _leave(stop: asyncio.Event, leave: Callable[[], Awaitable[None]]) -> None:
    await stop.wait()
    await leave()
