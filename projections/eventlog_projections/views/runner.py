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

from eventlog import EventLog, EventLogError, StoreError
from eventlog.errors import BeyondEndError
from eventlog.retrying import Tries, others_were_first
from eventlog.views import Checkpoint
from eventlog_projections.views.batches.chores import Chores
from eventlog_projections.views.batches.executor import Executor
from eventlog_projections.views.batches.refolding import Named, Refold, read_replay, where_it_is
from eventlog_projections.views.plan import Key, fillable, gives_way, missing
from eventlog_projections.views.projection import Projection, specs

OUTAGE_PAUSE: Final = 0.5

CHORES_PAUSE: Final = 5.0
"""Seconds after which a worker looks for what was left to do."""

LOOK_AGAIN: Final = 0.05
"""Seconds after which a worker looks what became of the views, and who waits for one does."""

_log: Final = logging.getLogger("eventlog.views")


class Runner:
    """Keeps some projections up with the feed, in one event loop; one task at a time.

    An event that a projection cannot take is set aside; if that `is_strict`, its generation stops
    there.
    """

    def __init__(
        self, log: EventLog, projections: Sequence[Projection], *, is_strict: bool = False
    ) -> None:
        self._views = log.spi.views
        self._tables = self._views.tables
        self._projections = {projection.name: projection for projection in projections}
        self._executor = Executor(self._views, self._projections, is_strict=is_strict)
        self._points: dict[Key, Checkpoint] = {}
        self._lock = asyncio.Lock()
        self._chores = Chores(self._views, self._projections, self.refold)
        self._server = self._views.server
        self._looked_at = 0.0
        """On the monotonic clock; 0 since something failed."""

    async def catch_up(self, names: Sequence[str]) -> dict[str, Checkpoint]:
        """Bring views to where the feed is now, and return where they are.

        One that is not there is made; one whose schema number was raised is filled beside the old
        one, and takes over. Raises BeyondEndError if a view has taken events that the feed does not
        have.
        """
        end = await self._views.end()
        if self._executor.is_waiting:
            self._executor.is_waiting = await self._chores.open_again(asyncio.Event())
        if self._server != self._views.server:
            await self._look()
        ours = self._ours(names)
        if len(ours) == len(names) and all(p.is_serving and p.position == end for p in ours):
            return {point.projection: point for point in ours}
        await self._look()
        await self._check_end(end, names)
        await self._give_way(names)
        await self._prepare(names)
        await self._advance(end, names)
        await self._take_over(names)
        ours = self._ours(names)
        for point in ours:
            self._raise_poisoned(point.key)
        return {point.projection: point for point in ours}

    async def fill(self, point: Checkpoint) -> Checkpoint | None:
        """Bring one generation to where the feed is now; None if it is gone.

        Raises PoisonEventError.
        """
        await self._look()
        return await self._fill(point.key, await self._views.end())

    async def refold(self, key: Key, of: Named, *, retries: bool, purged: Sequence[bytes]) -> None:
        """Fold a conversation anew in one generation, at the position where that is.

        Raises InvalidInputError where its projection cannot, or StoreError; BusyError if others
        move it all the time.
        """
        async for _ in Tries():
            await self._look()
            if key not in self._points:
                return
            point = self._points[key]
            replay = await read_replay(self._views, of, point.position, [key])
            projection, moved = self._projections[point.projection], where_it_is(point)
            work = Refold(self._tables, projection, point, moved, replay)
            if await work.run(retries=retries, purged=purged):
                await self._look()
                return
        raise others_were_first(of.conversation, "Its rows in views were left as they are.")

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

        Raises StoreError if it cannot begin, BeyondEndError if the feed became shorter.
        """
        names = tuple(self._projections)
        await self._look()
        await self._prepare(names)
        await self._check_end(0, names)
        async with self._views.following() as reader:
            stopping = asyncio.ensure_future(_leave(stop, reader.leave))
            tending = asyncio.ensure_future(self._tend(stop))
            try:
                end = 0
                while (moved := await reader.wait_beyond(self._lowest(names, end))) is not None:
                    end = moved
                    async with self._lock:
                        await self._follow(end, names, stop)
            finally:
                stopping.cancel()
                tending.cancel()
                await asyncio.wait((tending,))

    async def _tend(self, stop: asyncio.Event) -> None:
        """Do now and then what was left to do: purges, and events that can be opened by now."""
        while not stop.is_set():
            try:
                async with self._lock:
                    await self._chores.do(stop)
            except EventLogError as error:
                _log.warning("views have more to do, and could not now: %s", error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CHORES_PAUSE):
                    await stop.wait()

    async def _follow(self, end: int, names: Sequence[str], stop: asyncio.Event) -> None:
        try:
            if time.monotonic() - self._looked_at >= LOOK_AGAIN:
                await self._look()
                await self._give_way(names)
            await self._prepare(names)
            await self._advance(end, names, stop=stop)
            await self._take_over(names)
        except StoreError as error:
            self._looked_at = 0.0
            _log.warning("views wait for their database: %s", error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(OUTAGE_PAUSE):
                    await stop.wait()

    async def _fill(self, key: Key, end: int) -> Checkpoint | None:
        await self._advance(end, only=key)
        self._raise_poisoned(key)
        return self._points.get(key)

    async def _advance(
        self,
        end: int,
        names: Sequence[str] = (),
        *,
        only: Key | None = None,
        stop: asyncio.Event | None = None,
    ) -> None:
        """Take events up to `end`, or until `stop`, into the views `names`, or one generation."""
        while True:
            points = self._ours(names) if only is None else self._one(only)
            try:
                moved = await self._executor.run(points, end, stop)
            except StoreError:
                self._looked_at = 0.0
                await self._look()
                is_there = all(point.key in self._points for point in points)
                if is_there and not await self.drop_broken(points):
                    raise
                if only is None:
                    await self._prepare(names)
                continue  # Somebody made a view anew, or dropped it.
            if moved is not None:
                self._points |= {point.key: point for point in moved}
                return
            await self._look()

    async def drop_broken(self, points: Sequence[Checkpoint]) -> bool:
        """Delete the generations that lack a table; the next read makes the view anew."""
        found = False
        for point in points:
            tables = specs(self._projections[point.projection])
            if not await self._tables.are_there(point.generation, tables):
                _log.error("view %s lacks a table, and is made anew", point.projection)
                await self._tables.drop(*point.key, tables)
                found = True
        await self._look()
        return found

    async def _look(self) -> None:
        self._server = self._views.server
        self._points = {point.key: point for point in await self._tables.checkpoints()}
        self._looked_at = time.monotonic()
        self._executor.look(self._points)

    async def _check_end(self, end: int, names: Sequence[str]) -> None:
        """Raise BeyondEndError if a view is beyond the end; `end` may be one of before the look."""
        for point in self._ours(names):
            if point.position > end:
                end = await self._views.end()
            if point.position > end:
                view = f"View {point.projection!r}, which has to be rebuilt,"
                raise BeyondEndError(point.position, end, view)

    async def _give_way(self, names: Sequence[str]) -> None:
        """Leave views where they are while other generations of them are about to take over."""
        while self._are_reached(time.time_ns() // 1000, names):
            await asyncio.sleep(LOOK_AGAIN)
            await self._look()

    def _are_reached(self, now: int, names: Sequence[str]) -> bool:
        points = self._points.values()
        return any(gives_way(point, points, now) for point in self._ours(names))

    async def _prepare(self, names: Sequence[str]) -> None:
        """Make views that are not there yet, and the next schema of those that have an old one."""
        for name in missing(self._points.values(), self._schemas(names)):
            projection = self._projections[name]
            await self._tables.begin(name, projection.schema, specs(projection), beside=False)
            await self._look()

    async def _take_over(self, names: Sequence[str]) -> None:
        """Let those take over that were filled beside an older schema."""
        for key in [point.key for point in self._ours(names)]:
            for point in self._one(key):
                if not point.is_serving and key not in self._executor.poisoned:
                    await self._tables.take_over(point, specs(self._projections[point.projection]))
                    await self._look()

    def _lowest(self, names: Sequence[str], end: int) -> int:
        """Return how far those views are that can go on; `end` where none can."""
        able = [each for each in self._ours(names) if each.key not in self._executor.poisoned]
        return min((each.position for each in able), default=end)

    def _ours(self, names: Sequence[str]) -> list[Checkpoint]:
        return fillable(self._points.values(), self._schemas(names))

    def _one(self, key: Key) -> list[Checkpoint]:
        return [self._points[key]] if key in self._points else []

    def _schemas(self, names: Sequence[str]) -> dict[str, int]:
        return {name: self._projections[name].schema for name in names}

    def _raise_poisoned(self, key: Key) -> None:
        if key in self._executor.poisoned:
            raise self._executor.poisoned[key]


async def _leave(stop: asyncio.Event, leave: Callable[[], Awaitable[None]]) -> None:
    await stop.wait()
    await leave()
