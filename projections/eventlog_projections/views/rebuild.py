"""Making a view anew beside itself: to take over, or to be compared with what is there."""

from typing import NamedTuple

from eventlog import InvalidInputError
from eventlog.views import Checkpoint, Compared
from eventlog_projections.views.projection import Projection, specs
from eventlog_projections.views.row import Row, Shape
from eventlog_projections.views.runner import Runner
from eventlog_projections.views.serving import ServedViews


class Difference(NamedTuple):
    """A row that only one of the two has: the view as it is, or as it was just made anew."""

    table: str
    row: Row
    is_new: bool


class Rebuild:
    """Fills another generation of one view from the whole feed."""

    def __init__(
        self, served: ServedViews, projection: Projection, *, is_strict: bool = False
    ) -> None:
        self._served = served
        self._projection = projection
        self._tables = served.log.spi.views.tables
        self._runner = Runner(served.log, [projection], is_strict=is_strict)

    async def take_over(self) -> Checkpoint:
        """Fill a new generation, let it be the one that is read, and return it.

        What has taken events that the feed does not have any more is dropped before.
        """
        await self._drop_lost()
        new = await self._fill_new()
        while not await self._tables.take_over(new, specs(self._projection)):
            new = await self._fill(new)
        return new

    async def compare(self, limit: int) -> list[Difference]:
        """Fill a new generation, compare it row by row with the one that is read, and drop it."""
        new = await self._fill_new()
        try:
            return [
                difference
                for kind in self._projection.tables
                for difference in await self._differences(kind, new, limit)
            ]
        finally:
            await self.drop(new)

    async def drop(self, point: Checkpoint) -> None:
        """Delete a generation with its rows."""
        await self._tables.drop(self._projection.name, point.generation, specs(self._projection))

    async def _drop_lost(self) -> None:
        points = await self._tables.checkpoints()
        end = await self._served.log.spi.views.end()
        for point in points:
            if point.projection == self._projection.name and point.position > end:
                await self.drop(point)

    async def _fill_new(self) -> Checkpoint:
        name, schema = self._projection.name, self._projection.schema
        await self._served.catch_up([name])
        generation = await self._tables.begin(name, schema, specs(self._projection), beside=True)
        new = Checkpoint(name, generation, schema, 0, 0, 0, is_serving=False)
        try:
            return await self._fill(new)
        except BaseException:
            await self.drop(new)
            raise

    async def _fill(self, point: Checkpoint) -> Checkpoint:
        filled = await self._runner.reach(point)
        if filled is None:
            raise InvalidInputError(
                f"Somebody else took the new view {self._projection.name!r} away."
            )
        return filled

    async def _differences(self, kind: type[Row], new: Checkpoint, limit: int) -> list[Difference]:
        shape = Shape(kind)
        found: Compared | None = None
        while found is None:
            new = await self._fill(new)
            old = await self._served.serving(self._projection, stale=True)
            if old.position < new.position:  # An erasure moved the new one.
                await self._served.catch_up([self._projection.name])
            found = await self._tables.compare(shape.spec, old, new, limit)
        return [
            Difference(kind.table, shape.load(row), is_new)
            for is_new, rows in zip((False, True), found, strict=True)
            for row in rows
        ]
