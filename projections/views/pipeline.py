"""The pipeline: takes batches of events into views; a server stores one while the next is folded.

On SQLite one comes after the other, so that the file is left to other processes half of the time:
they wait by looking again, and would find it locked nearly always.

A batch is one transaction with the checkpoints. A generation that is read goes on without an event
that its function cannot take; one that is being filled beside it stops there.
"""

import asyncio
import itertools
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Final

from eventlog import PoisonEventError, telemetry
from eventlog.views import Aside, Batch, Checkpoint, Forgotten, LogViews, Mark, Moved, Put
from projections.views.folding import Folding
from projections.views.listing import Lists
from projections.views.projection import Projection
from projections.views.step import Step

_log: Final = logging.getLogger("eventlog.views")

Key = tuple[str, int]
"""A projection's name, and a generation of it."""

Replays = Mapping[int, Sequence[Step]]
"""All steps of a conversation up to that at a position, which took content away from it."""


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
        self._foldings: dict[Key, Folding] = {}
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

        Returns where they will be once that is settled; None if the batch before it was refused.
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
        writes, asides = await self._fold(foldings, steps, replays, points)
        if not await self.settle():
            return None
        rate = int(len(steps) / (time.perf_counter() - started))
        at = time.time_ns() // 1000
        moved = [
            point._replace(position=reached, rate=rate, moved_at=at)
            for point in points
            if _key(point) not in self.poisoned
        ]
        for folding in foldings:
            folding.position = reached
        if moved:
            moves = [Moved(*_key(point), after, reached, rate, at) for point in moved]
            batch = Batch(moves, writes, asides)
            self._storing = asyncio.ensure_future(self._store(batch, moved, end))
        if not self._views.is_elsewhere and not await self.settle():
            return None
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
        if not await self._tables.apply(batch):
            return False
        for move, point in zip(batch.moves, moved, strict=True):
            if point.is_serving:
                telemetry.projected(point.projection, move.after - move.before, end - move.after)
        return True

    def _forget(self) -> None:
        self._storing = None
        self._foldings.clear()

    async def _fold(
        self,
        foldings: Sequence[Folding],
        steps: Sequence[Step],
        replays: Replays,
        points: Sequence[Checkpoint],
    ) -> tuple[list[Put | Mark | Forgotten], list[Aside]]:
        """Return what the steps come to; a generation that stops there is noted as poisoned."""
        writes: list[Put | Mark | Forgotten] = []
        wanted = [*steps, *itertools.chain(*replays.values())]
        asides: list[Aside] = []
        for folding, point in zip(foldings, points, strict=True):
            await folding.load(self._tables, wanted)
            try:
                asides += _take_steps(folding, steps, replays, is_strict=not point.is_serving)
            except PoisonEventError as error:
                _log.error("%s", error)
                self.poisoned[_key(point)] = error
                folding.forget()
            else:
                writes += folding.take()
        return writes, asides

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

    def _folding(self, point: Checkpoint) -> Folding:
        key = _key(point)
        if key not in self._foldings:
            projection = self._projections[point.projection]
            self._foldings[key] = Folding(projection, point.generation, point.position)
        return self._foldings[key]


def _key(point: Checkpoint) -> Key:
    return point.projection, point.generation


def _take_steps(
    folding: Folding, steps: Sequence[Step], replays: Replays, *, is_strict: bool
) -> list[Aside]:
    """Take the steps, and return those that could not be.

    Where a conversation lost content, all of it is folded anew; what of that cannot be taken was
    told before.
    """
    asides: list[Aside] = []
    for step in steps:
        replay = replays.get(step.position, ())
        if replay and folding.restarts(replay):
            for before in replay[:-1]:
                _take_step(folding, before, is_strict=is_strict)
        asides += _take_step(folding, step, is_strict=is_strict)
    return asides


def _take_step(folding: Folding, step: Step, *, is_strict: bool) -> list[Aside]:
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
