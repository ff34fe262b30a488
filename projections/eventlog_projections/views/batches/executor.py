"""The executor: reads, folds and stores batches of events for views, as the plan says.

A batch is one transaction with the checkpoints. By a server it is stored while the next is folded,
and what is folded counts on what is still being stored: if that is refused, all of it is evicted.
On SQLite nothing is folded meanwhile: the thread that stores would wait for the interpreter with
the file locked. And a file is left to other processes for as long as it was taken: they wait by
looking again, and could find it locked always.
"""

import asyncio
import logging
import time
from collections.abc import Generator, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

from eventlog import telemetry
from eventlog.errors import PoisonEventError, RefusedValueError
from eventlog.views import Batch, Checkpoint, LogViews, Moved, is_whole
from eventlog_projections.views.batches import batch
from eventlog_projections.views.batches.batch import Folded, Replays
from eventlog_projections.views.batches.narrowing import Narrowing
from eventlog_projections.views.batches.refolding import Named, Refold, read_replay
from eventlog_projections.views.letters import WAITING, is_because, letter_of
from eventlog_projections.views.list_sizes import ListSizes
from eventlog_projections.views.plan import Key, Range, plan
from eventlog_projections.views.projection import Projection, can_refold
from eventlog_projections.views.state import ProjectionState
from eventlog_projections.views.step import Step

_T = TypeVar("_T")

_log: Final = logging.getLogger("eventlog.views")


class _Taken(NamedTuple):
    """A batch: the steps of a range, and the position that it reaches."""

    found: Range
    steps: Sequence[Step]
    reached: int

    def first(self, steps: int) -> "_Taken":
        """Return the batch of its first steps."""
        if steps == len(self.steps):
            return self
        return self._replace(steps=self.steps[:steps], reached=self.steps[steps - 1].position)


class _BatchRefusedError(Exception):
    """The database refused a value of a batch."""

    def __init__(self, taken: _Taken, error: RefusedValueError) -> None:
        super().__init__(error.code)
        self.taken = taken
        self.error = error


class Executor:
    """Takes events into views, one task at a time."""

    def __init__(
        self, views: LogViews, projections: Mapping[str, Projection], *, is_strict: bool
    ) -> None:
        self.poisoned: Final[dict[Key, PoisonEventError]] = {}
        """Generations that stopped at an event."""
        self.is_waiting = False
        """Whether something was set aside here because a key service was down."""
        self._views = views
        self._tables = views.tables
        self._projections = projections
        self._sizes = ListSizes(views)
        self._states: dict[Key, ProjectionState] = {}
        self._narrowing = Narrowing()
        self._stores_beside: Final = views.runs_out_of_process
        self._is_strict = is_strict
        self._server = views.server
        self._storing: asyncio.Task[bool] | None = None
        self._left_until = 0.0
        """When, on the monotonic clock, a file has been left to others for long enough."""

    def look(self, points: Mapping[Key, Checkpoint]) -> None:
        """Evict the rows of generations whose checkpoint is not where they are, or renewed."""
        for key, state in tuple(self._states.items()):
            point = points.get(key)
            if point is None or (point.position, point.epoch) != (state.position, state.epoch):
                del self._states[key]

    async def run(
        self, points: Sequence[Checkpoint], end: int, stop: asyncio.Event | None = None
    ) -> list[Checkpoint] | None:
        """Take events up to `end`, or until `stop` is set, and return where the views are then.

        None if another runner was first, or the database refused a value of a batch, of which less
        is taken the next time: look again. Whatever is raised, all that was folded and
        not stored is evicted.
        """
        self._trust_caches()
        ahead = {point.key: point for point in points}
        self._left_until = 0.0
        try:
            while stop is None or not stop.is_set():
                able = [point for key, point in ahead.items() if key not in self.poisoned]
                found = plan(able, end, self._narrowing.alone)
                if found is None:
                    break
                moved = await self._take(found, end)
                if moved is None or not (self._stores_beside or await self._settle()):
                    return None
                ahead |= {point.key: point for point in moved}
            return list(ahead.values()) if await self._settle() else None
        except _BatchRefusedError as refused:
            await self._abandon(at_once=False)
            await self._narrow(refused)
            return None
        except BaseException as error:
            await self._abandon(at_once=not isinstance(error, Exception))
            raise

    def _trust_caches(self) -> None:
        """Evict rows and sizes of lists if a server that has others may have taken over."""
        server = self._views.server
        if server != self._server:
            self._states.clear()
            self._sizes.evict()
            self._server = server

    async def _take(self, found: Range, end: int) -> list[Checkpoint] | None:
        """Take one batch, and begin to store it; None if another runner was first."""
        keys = [point.key for point in found.points]
        limit = self._narrowing.limit(keys, self._tables.batch)
        events = min(found.until - found.after, limit)
        with telemetry.projecting([name for name, _ in keys], events, "fold"):
            started = time.perf_counter()
            steps, reached = await self._read(found, limit)
            taken = _Taken(found, steps, reached)
            try:
                done = await self._fold(taken)
            except RefusedValueError as error:
                raise _BatchRefusedError(taken, error) from None
            if done is None or not await self._settle() or not await self._stop(found, done[0]):
                return None
            folded, taken = done[0], taken.first(done[1])
            for point in found.points:
                self._state(point).position = taken.reached
            rate = int(len(taken.steps) / (time.perf_counter() - started))
            return self._store_later(taken, folded, rate, end)

    async def _fold(self, taken: _Taken) -> tuple[Folded, int] | None:
        """Fold a batch, or its first steps; None if another runner was first with the last one."""
        states = [self._state(point) for point in taken.found.points]
        is_full = any(state.is_full for state in states)
        # What was set aside of a conversation that is folded anew may be in the last batch.
        erasing = [step for step in taken.steps if step.is_erasing]
        if (is_full or erasing) and not await self._settle():
            return None
        if is_full:
            for state in states:
                state.reset()
        replays = await _replays(self._views, taken.found, erasing)
        await batch.load(states, self._tables, taken.steps, replays)
        work = batch.fold(states, taken.steps, replays, is_strict=self._is_strict)
        return await _turn_by_turn(work)

    async def _read(self, found: Range, limit: int) -> tuple[list[Step], int]:
        """Return the steps of a batch, and the position that it reaches."""
        until = min(found.until, found.after + limit)
        events = await self._views.events(found.after, until, limit)
        steps = await self._sizes.steps(events)
        return steps, until if is_whole(events, limit) else steps[-1].position

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

    def _store_later(self, taken: _Taken, folded: Folded, rate: int, end: int) -> list[Checkpoint]:
        found, reached = taken.found, taken.reached
        at = time.time_ns() // 1000
        moved = [
            point._replace(position=reached, rate=rate, moved_at=at)
            for point in found.points
            if point.key not in self.poisoned
        ]
        if moved:
            moves = [
                Moved(*point.key, found.after, reached, rate, at, point.epoch) for point in moved
            ]
            stored = Batch(moves, folded.writes, folded.letters, folded.taken, folded.purged)
            self.is_waiting |= any(is_because(letter, WAITING) for letter in folded.letters)
            self._storing = asyncio.ensure_future(self._store(stored, taken, moved, end))
        return moved

    async def _store(
        self, stored: Batch, taken: _Taken, moved: Sequence[Checkpoint], end: int
    ) -> bool:
        before, after = taken.found.after, taken.reached
        with telemetry.projecting([each.projection for each in moved], after - before, "store"):
            await asyncio.sleep(max(0.0, self._left_until - time.monotonic()))
            started = time.monotonic()
            try:
                if not await self._tables.apply(stored):
                    return False
            except RefusedValueError as error:
                raise _BatchRefusedError(taken, error) from None
            if not self._stores_beside:
                self._left_until = 2 * time.monotonic() - started
        self._narrowing.widen([point.key for point in moved], self._tables.batch)
        for point in moved:
            if point.is_serving:
                telemetry.projected(point.projection, after - before, end - after)
        return True

    async def _narrow(self, refused: _BatchRefusedError) -> None:
        """Take fewer events the next time; set the one aside that is refused by itself."""
        taken = refused.taken
        keys = [point.key for point in taken.found.points]
        if not self._narrowing.is_found(keys, len(taken.steps)):
            return
        (point,), (step,) = taken.found.points, taken.steps
        letter = letter_of(*point.key, step, refused.error)
        if self._is_strict:
            self.poisoned[point.key] = PoisonEventError(
                point.projection, step.position, letter.error
            )
            return
        at = time.time_ns() // 1000
        moved = Moved(*point.key, point.position, taken.reached, point.rate, at, point.epoch)
        projection = self._projections[point.projection]
        if step.is_erasing and can_refold(projection):
            of = Named(step.tenant, step.conversation)
            replay = await read_replay(self._views, of, step.position, keys)
            await Refold(self._tables, projection, point, moved, replay).run(retries=False)
        elif await self._tables.apply(Batch([moved], [], [letter])):
            batch.warn(letter)

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
            self._states[point.key] = ProjectionState(projection, point)
        return self._states[point.key]


async def _turn_by_turn(work: Generator[None, None, _T]) -> _T:
    """Do work, and let the event loop have its turn wherever that yields.

    Whatever else runs in it goes on: a server is sent the statements of the batch before.
    """
    while True:
        try:
            next(work)
        except StopIteration as end:
            done: _T = end.value
            return done
        await asyncio.sleep(0)


async def _replays(views: LogViews, found: Range, erasing: Sequence[Step]) -> Replays:
    """Return the steps of conversations that lost content, by where the last erasure is."""
    last = {step.conversation_id: step for step in erasing}
    keys = [point.key for point in found.points]
    return {
        step.position: await read_replay(
            views, Named(step.tenant, step.conversation), step.position, keys
        )
        for step in last.values()
    }
