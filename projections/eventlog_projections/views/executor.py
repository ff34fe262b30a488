"""The executor: reads, folds and stores batches of events for views, as the plan says.

A batch is one transaction with the checkpoints. A server stores a batch while the next is folded,
and what is folded counts on what is still being stored: if that is refused, all of it is evicted.
On SQLite one comes after the other, so that the file is left to other processes half of the time:
they wait by looking again, and would find it locked nearly always.
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Final

from eventlog import telemetry
from eventlog.errors import PoisonEventError
from eventlog.views import Batch, Checkpoint, LogViews, Moved
from eventlog_projections.views import batch
from eventlog_projections.views.batch import Folded, Replays
from eventlog_projections.views.list_sizes import ListSizes
from eventlog_projections.views.plan import Key, Range, plan
from eventlog_projections.views.projection import Projection
from eventlog_projections.views.state import ProjectionState
from eventlog_projections.views.step import Step

_log: Final = logging.getLogger("eventlog.views")


class Executor:
    """Takes events into views, one task at a time."""

    def __init__(self, views: LogViews, projections: Mapping[str, Projection]) -> None:
        self.poisoned: Final[dict[Key, PoisonEventError]] = {}
        """Generations that stopped at an event."""
        self._views = views
        self._tables = views.tables
        self._projections = projections
        self._sizes = ListSizes(views)
        self._states: dict[Key, ProjectionState] = {}
        self._storing: asyncio.Task[bool] | None = None

    def look(self, positions: Mapping[Key, int]) -> None:
        """Evict the rows of generations whose checkpoint is not where they are."""
        for key, state in tuple(self._states.items()):
            if positions.get(key) != state.position:
                del self._states[key]

    async def run(
        self, points: Sequence[Checkpoint], end: int, stop: asyncio.Event | None = None
    ) -> list[Checkpoint] | None:
        """Take events up to `end`, or until `stop` is set, and return where the views are then.

        None if another runner was first: look again. Whatever is raised, all that was folded and
        not stored is evicted.
        """
        ahead = {point.key: point for point in points}
        try:
            while stop is None or not stop.is_set():
                able = [point for key, point in ahead.items() if key not in self.poisoned]
                found = plan(able, end)
                if found is None:
                    break
                moved = await self._take(found, end)
                if moved is None:
                    return None
                ahead |= {point.key: point for point in moved}
                if not self._views.runs_out_of_process and not await self._settle():
                    return None
            return list(ahead.values()) if await self._settle() else None
        except BaseException as error:
            await self._abandon(at_once=not isinstance(error, Exception))
            raise

    async def _take(self, found: Range, end: int) -> list[Checkpoint] | None:
        """Take one batch, and begin to store it; None if another runner was first."""
        names = [point.projection for point in found.points]
        events = min(found.until - found.after, self._tables.batch)
        with telemetry.projecting(names, events, "fold"):
            started = time.perf_counter()
            steps, reached = await self._read(found)
            states = [self._state(point) for point in found.points]
            if any(state.is_full for state in states):
                if not await self._settle():
                    return None
                for state in states:
                    state.reset()
            replays = await self._replays(steps)
            await batch.load(states, self._tables, steps, replays)
            are_served = [point.is_serving for point in found.points]
            folded = batch.fold(states, are_served, steps, replays)
            if not await self._settle() or not await self._stop(found, folded):
                return None
            for state in states:
                state.position = reached
            rate = int(len(steps) / (time.perf_counter() - started))
            return self._store_later(found, folded, reached, rate, end)

    async def _read(self, found: Range) -> tuple[list[Step], int]:
        """Return the steps of a batch, and the position that it reaches."""
        events = await self._views.events(found.after, found.until, self._tables.batch)
        steps = [await self._sizes.step(event) for event in events]
        is_full = len(steps) == self._tables.batch
        return steps, steps[-1].position if is_full else found.until

    async def _replays(self, steps: Sequence[Step]) -> Replays:
        """Return the steps of conversations that lost content, by where the last erasure is."""
        erasing = {step.conversation_id: step for step in steps if step.is_erasing}
        return {step.position: await self._again(step) for step in erasing.values()}

    async def _again(self, erasing: Step) -> list[Step]:
        found = await self._views.conversation(
            erasing.tenant, erasing.conversation, erasing.position
        )
        sizes = ListSizes(self._views)
        return [await sizes.step(event) for event in found]

    async def _stop(self, found: Range, folded: Folded) -> bool:
        """Note which generations stop; False if one was folded on rows that are not those of then.

        Rows and checkpoint move together, so it is enough to look where that is afterwards.
        """
        both = zip(found.points, folded.stopped, strict=True)
        stopped = {point.key: error for point, error in both if error is not None}
        if stopped:
            now = {point.key: point.position for point in await self._tables.checkpoints()}
            if any(now.get(key) != found.after for key in stopped):
                self._reset()
                return False
            for error in stopped.values():
                _log.error("%s", error)
            self.poisoned.update(stopped)
        return True

    def _store_later(
        self, found: Range, folded: Folded, reached: int, rate: int, end: int
    ) -> list[Checkpoint]:
        at = time.time_ns() // 1000
        moved = [
            point._replace(position=reached, rate=rate, moved_at=at)
            for point in found.points
            if point.key not in self.poisoned
        ]
        if moved:
            moves = [Moved(*point.key, found.after, reached, rate, at) for point in moved]
            stored = Batch(moves, folded.writes, folded.dead_letters)
            self._storing = asyncio.ensure_future(self._store(stored, moved, end))
        return moved

    async def _store(self, stored: Batch, moved: Sequence[Checkpoint], end: int) -> bool:
        before, after = stored.moves[0].before, stored.moves[0].after
        with telemetry.projecting([each.projection for each in moved], after - before, "store"):
            if not await self._tables.apply(stored):
                return False
        for point in moved:
            if point.is_serving:
                telemetry.projected(point.projection, after - before, end - after)
        return True

    async def _settle(self) -> bool:
        """Wait until the last batch is stored; False if another runner was first."""
        if self._storing is not None:
            if not await self._storing:
                self._reset()
                return False
            self._storing = None
        return True

    async def _abandon(self, *, at_once: bool) -> None:
        """Evict what was folded, once what is being stored is; or `at_once`, stored or not."""
        storing = self._storing
        self._reset()
        if storing is not None:
            if at_once:
                storing.cancel()
            await asyncio.gather(storing, return_exceptions=True)

    def _reset(self) -> None:
        self._storing = None
        self._states.clear()

    def _state(self, point: Checkpoint) -> ProjectionState:
        if point.key not in self._states:
            projection = self._projections[point.projection]
            self._states[point.key] = ProjectionState(projection, point.generation, point.position)
        return self._states[point.key]
