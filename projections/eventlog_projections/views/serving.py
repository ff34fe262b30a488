"""Which generation of a view is read, and bringing it up to date before it is."""

import asyncio
import weakref
from collections.abc import Sequence
from typing import Final, NamedTuple

from eventlog import EventLog, InvalidInputError
from eventlog.errors import SchemaTooNewError
from eventlog.views import Checkpoint
from eventlog_projections.views.projection import Projection
from eventlog_projections.views.runner import Runner


class _OfLoop(NamedTuple):
    lock: asyncio.Lock
    runner: Runner


class ServedViews:
    """Projections of a log, each with the generation that is read; a runner for each event loop."""

    def __init__(self, log: EventLog, projections: Sequence[Projection]) -> None:
        self.log: Final = log
        self._projections = {projection.name: projection for projection in projections}
        self._of_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _OfLoop] = (
            weakref.WeakKeyDictionary()
        )

    def named(self, name: str) -> Projection:
        """Return a projection. Raises InvalidInputError if there is none of this name."""
        if name not in self._projections:
            known = ", ".join(sorted(self._projections))
            raise InvalidInputError(f"There is no view {name!r}. There are: {known}.")
        return self._projections[name]

    def schemas(self, names: Sequence[str] = ()) -> dict[str, int]:
        """Return the schema number of each of the projections that are named, or of all."""
        return {name: self.named(name).schema for name in names or tuple(self._projections)}

    async def catch_up(self, names: Sequence[str] = ()) -> dict[str, Checkpoint]:
        """Bring views, or all, to where the feed is now, and return where they are."""
        names = names or tuple(self._projections)
        for name in names:
            self.named(name)
        loop = asyncio.get_running_loop()
        mine = self._of_loop.get(loop)
        if mine is None:
            mine = self._of_loop.setdefault(loop, _OfLoop(asyncio.Lock(), self.runner()))
        async with mine.lock:
            return await mine.runner.catch_up(names)

    async def serving(self, projection: Projection, *, stale: bool) -> Checkpoint:
        """Return the generation that is read, up to date unless `stale`.

        Raises SchemaTooNewError if a later release made it.
        """
        name = projection.name
        if not stale and (await self.log.spi.views.rights()).projects:
            found = (await self.catch_up([name])).get(name)
            if found is not None:
                return found
        points = [
            point
            for point in await self.log.spi.views.tables.checkpoints()
            if point.projection == name and point.is_serving
        ]
        if points and points[0].schema > projection.schema:
            raise SchemaTooNewError(
                f"View {name!r} has schema {points[0].schema}, this release reads"
                f" {projection.schema}. Upgrade conversation-eventlog."
            )
        if not points or points[0].schema < projection.schema:
            return (await self.catch_up([name]))[name]
        return points[0]

    def runner(self) -> Runner:
        """Return a new runner of all the projections."""
        return Runner(self.log, tuple(self._projections.values()))

    def discard_runner(self) -> None:
        """Discard this event loop's runner: its checkpoints are gone from the database."""
        self._of_loop.pop(asyncio.get_running_loop(), None)
