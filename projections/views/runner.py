"""The runner: brings views up to the feed, a batch in one transaction with the checkpoints.

Rule: a checkpoint moves only from where the runner believes it to be, so any number of runners at
once take every event once. A generation that is read goes on without an event that its function
cannot take; one that is being filled beside it stops there.
"""

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from eventlog import EventLog, PoisonEventError, StoreError, UnavailableError, telemetry
from eventlog.views import Aside, Batch, Checkpoint, Forgotten, Mark, Moved, Put
from projections.views.folding import Folding
from projections.views.listing import Lists
from projections.views.projection import Projection, specs
from projections.views.step import Step

OUTAGE_PAUSE: Final = 0.5

_log: Final = logging.getLogger("eventlog.views")

Key = tuple[str, int]
"""A projection's name, and a generation of it."""

Replays = Mapping[int, Sequence[Step]]
"""All steps of a conversation up to that at a position, which took content away from it."""


class Runner:
    """Follows the feed for some projections, in one event loop; one task at a time."""

    def __init__(self, log: EventLog, projections: Sequence[Projection]) -> None:
        self._views = log.views
        self._tables = self._views.tables
        self._projections = {projection.name: projection for projection in projections}
        self._lists = Lists(self._views)
        self._foldings: dict[Key, Folding] = {}
        self._points: dict[Key, Checkpoint] = {}
        self._poisoned: dict[Key, PoisonEventError] = {}

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
        key = (point.projection, point.generation)
        await self._look()
        end = await self._views.end()
        await self._advance(end, lambda: [key] if key in self._points else [])
        if key in self._poisoned:
            raise self._poisoned[key]
        return self._points.get(key)

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
        known, points = self._points, await self._tables.checkpoints()
        self._points = {(point.projection, point.generation): point for point in points}
        for key in tuple(self._foldings):
            point = self._points.get(key)
            if point is None or point.position != known[key].position:
                del self._foldings[key]  # Somebody else has written, or made it anew.

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

    async def _take_over(self, names: Sequence[str]) -> None:
        """Let those take over that were filled beside an older schema."""
        for key in self._ours(names):
            point = self._points[key]
            if point.is_serving or key in self._poisoned:
                continue
            await self._tables.take_over(point, specs(self._projections[point.projection]))
            await self._look()

    async def _advance(self, end: int, keys: Callable[[], list[Key]]) -> None:
        """Take events up to `end`; views that are at one position go together."""
        while True:
            able = [self._points[key] for key in keys() if key not in self._poisoned]
            waiting = [point for point in able if point.position < end]
            if not waiting:
                return
            lowest = min(point.position for point in waiting)
            until = min([point.position for point in able if point.position > lowest] + [end])
            points = [point for point in waiting if point.position == lowest]
            names = [point.projection for point in points]
            with telemetry.projecting(names, min(until - lowest, self._tables.batch)):
                await self._take(points, until, end)

    async def _take(self, points: Sequence[Checkpoint], until: int, end: int) -> None:
        """Take one batch into views that are at one position, of a feed that has an `end`."""
        started = time.perf_counter()
        after = points[0].position
        found = await self._views.events(after, until, self._tables.batch)
        steps = [await self._lists.step(event) for event in found]
        reached = steps[-1].position if len(steps) == self._tables.batch else until
        foldings = [self._folding(point) for point in points]
        try:
            replays = await self._replays(steps)
            writes, asides = await self._fold(foldings, steps, replays, points)
            rate = int(len(steps) / (time.perf_counter() - started))
            at = time.time_ns() // 1000
            moved = [point for point in points if _key(point) not in self._poisoned]
            moves = [Moved(*_key(point), after, reached, rate, at) for point in moved]
            is_done = not moves or await self._tables.apply(Batch(moves, writes, asides))
        except StoreError:
            _forget(foldings)
            if await self._are_there(points):
                raise
            return  # Somebody made a view anew, and this one is gone.
        except BaseException:
            _forget(foldings)
            raise
        if not is_done:  # Another runner was first.
            _forget(foldings)
            await self._look()
            return
        for point in moved:
            self._points[_key(point)] = point._replace(position=reached, rate=rate, moved_at=at)
            if point.is_serving:
                telemetry.projected(point.projection, reached - after, end - reached)

    async def _are_there(self, points: Sequence[Checkpoint]) -> bool:
        await self._look()
        return all(_key(point) in self._points for point in points)

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
                self._poisoned[_key(point)] = error
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
            self._foldings[key] = Folding(self._projections[point.projection], point.generation)
        return self._foldings[key]


def _key(point: Checkpoint) -> Key:
    return point.projection, point.generation


def _forget(foldings: Sequence[Folding]) -> None:
    for folding in foldings:
        folding.forget()


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


async def _leave(stop: asyncio.Event, leave: Callable[[], Awaitable[None]]) -> None:
    await stop.wait()
    await leave()
