"""The pipeline: takes batches of events into views; one can be stored while the next is folded.

A batch is one transaction with the checkpoints. A generation that is read goes on without an event
that its function cannot take; one that is being filled beside it stops there.
"""

import asyncio
import itertools
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from eventlog import telemetry
from eventlog.errors import PoisonEventError
from eventlog.views import Batch, Checkpoint, DeadLetter, Forgotten, LogViews, Mark, Moved, Put
from eventlog_projections.views.folding import ProjectionState
from eventlog_projections.views.listing import Lists
from eventlog_projections.views.projection import Projection
from eventlog_projections.views.step import Step

_log: Final = logging.getLogger("eventlog.views")

Key = tuple[str, int]
"""A projection's name, and a generation of it."""

Replays = Mapping[int, Sequence[Step]]
"""All steps of a conversation up to that at a position, which took content away from it."""


class _Folded(NamedTuple):
    """What a batch comes to, and what cannot go on."""

    writes: list[Put | Mark | Forgotten]
    asides: list[DeadLetter]
    stopped: dict[Key, PoisonEventError]


class Pipeline:
    """Reads, folds and stores, for a runner that says which views and up to where.

    What is folded counts on what is still being stored: if that is refused, everything is forgotten
    that was folded.
    """

    def __init__(self, views: LogViews, projections: Mapping[str, Projection]) -> None:
        self.poisoned: Final[dict[Key, PoisonEventError]] = {}
        """Generations that stopped at an event."""
        self._views = views
        self._tables = views.tables
        self._projections = projections
        self._lists = Lists(views)
        self._foldings: dict[Key, ProjectionState] = {}
        self._storing: asyncio.Task[bool] | None = None

    def look(self, positions: Mapping[Key, int]) -> None:
        """Forget the rows of views that somebody else has written, or made anew."""
        for key, folding in tuple(self._foldings.items()):
            if positions.get(key) != folding.position:
                del self._foldings[key]

    async def take(
        self, points: Sequence[Checkpoint], until: int, end: int
    ) -> list[Checkpoint] | None:
        """Take one batch into views that are at one position, of a feed that has an `end`.

        Returns where they will be once that is settled; None if it cannot be, because another
        runner was first: look again.
        """
        started = time.perf_counter()
        after = points[0].position
        found = await self._views.events(after, until, self._tables.batch)
        steps = [await self._lists.step(event) for event in found]
        reached = steps[-1].position if len(steps) == self._tables.batch else until
        foldings = [self._folding(point) for point in points]
        if any(folding.is_full for folding in foldings):
            if not await self.settle():
                return None
            for folding in foldings:
                folding.forget()
        replays = await self._replays(steps)
        folded = await self._fold(foldings, steps, replays, points)
        if not await self.settle() or not await self._stop(folded.stopped, after):
            return None
        rate = int(len(steps) / (time.perf_counter() - started))
        at = time.time_ns() // 1000
        moved = [
            point._replace(position=reached, rate=rate, moved_at=at)
            for point in points
            if point.key not in self.poisoned
        ]
        for folding in foldings:
            folding.position = reached
        if moved:
            moves = [Moved(*point.key, after, reached, rate, at) for point in moved]
            batch = Batch(moves, folded.writes, folded.asides)
            self._storing = asyncio.ensure_future(self._store(batch, moved, end))
        return moved

    async def settle(self) -> bool:
        """Wait until the last batch is stored; False if another runner was first."""
        if self._storing is not None:
            if not await self._storing:
                self._forget()
                return False
            self._storing = None
        return True

    async def abandon(self, *, at_once: bool) -> None:
        """Forget what was folded, once what is being stored is; or `at_once`, stored or not."""
        storing = self._storing
        self._forget()
        if storing is not None:
            if at_once:
                storing.cancel()
            await asyncio.gather(storing, return_exceptions=True)

    async def _store(self, batch: Batch, moved: Sequence[Checkpoint], end: int) -> bool:
        before, after = batch.moves[0].before, batch.moves[0].after
        with telemetry.projecting([each.projection for each in moved], after - before, "store"):
            if not await self._tables.apply(batch):
                return False
        for point in moved:
            if point.is_serving:
                telemetry.projected(point.projection, after - before, end - after)
        return True

    def _forget(self) -> None:
        self._storing = None
        self._foldings.clear()

    async def _fold(
        self,
        foldings: Sequence[ProjectionState],
        steps: Sequence[Step],
        replays: Replays,
        points: Sequence[Checkpoint],
    ) -> "_Folded":
        """Return what the steps come to, but for the generations that stop there."""
        found = _Folded([], [], {})
        wanted = [*steps, *itertools.chain(*replays.values())]
        for folding, point in zip(foldings, points, strict=True):
            await folding.load(self._tables, wanted)
            is_strict = not point.is_serving
            try:
                found.asides.extend(_take_steps(folding, steps, replays, is_strict=is_strict))
            except PoisonEventError as error:
                found.stopped[point.key] = error
                folding.forget()
            else:
                found.writes.extend(folding.take())
        return found

    async def _stop(self, stopped: Mapping[Key, PoisonEventError], after: int) -> bool:
        """Note which generations stop; False if one was folded on rows that are not those of then.

        Rows and checkpoint move together, so it is enough to look where that is afterwards.
        """
        if stopped:
            now = {point.key: point.position for point in await self._tables.checkpoints()}
            if any(now.get(key) != after for key in stopped):
                self._forget()
                return False
            for error in stopped.values():
                _log.error("%s", error)
            self.poisoned.update(stopped)
        return True

    async def _replays(self, steps: Sequence[Step]) -> Replays:
        """Return the steps of conversations that lost content, by where the last erasure is."""
        erasing = {step.conversation_id: step for step in steps if step.is_erasing}
        return {step.position: await self._again(step) for step in erasing.values()}

    async def _again(self, erasing: Step) -> list[Step]:
        found = await self._views.conversation(
            erasing.tenant, erasing.conversation, erasing.position
        )
        lists = Lists(self._views)
        return [await lists.step(event) for event in found]

    def _folding(self, point: Checkpoint) -> ProjectionState:
        key = point.key
        if key not in self._foldings:
            projection = self._projections[point.projection]
            self._foldings[key] = ProjectionState(projection, point.generation, point.position)
        return self._foldings[key]


def _take_steps(
    folding: ProjectionState, steps: Sequence[Step], replays: Replays, *, is_strict: bool
) -> list[DeadLetter]:
    """Take the steps, and return those that could not be.

    Where a conversation lost content, all of it is folded anew; what of that cannot be taken was
    told before.
    """
    asides: list[DeadLetter] = []
    for step in steps:
        replay = replays.get(step.position, ())
        if replay and folding.restarts(replay):
            for before in replay[:-1]:
                _take_step(folding, before, is_strict=is_strict)
        asides += _take_step(folding, step, is_strict=is_strict)
    return asides


def _take_step(folding: ProjectionState, step: Step, *, is_strict: bool) -> list[DeadLetter]:
    try:
        folding.fold(step)
    except Exception as error:
        aside = folding.aside(step, error)
        if is_strict:
            raise PoisonEventError(aside.projection, step.position, aside.error) from error
        _log.warning(
            "view %s goes on without the event at position %d: %s",
            aside.projection,
            step.position,
            aside.error,
        )
        return [aside]
    return []
