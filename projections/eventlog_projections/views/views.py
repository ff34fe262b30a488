"""The views of a log: kept up to date, made anew, compared, and read."""

import asyncio
import weakref
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

from eventlog import EventLog, InvalidInputError, StoreError
from eventlog.errors import SchemaTooNewError
from eventlog.views import NO_LIMIT, Checkpoint, Compared, Search, Selection, ViewRow, ViewSource
from eventlog_projections.views.conversations import CONVERSATIONS
from eventlog_projections.views.projection import Projection, RowT, specs
from eventlog_projections.views.row import Row, Shape
from eventlog_projections.views.runner import Runner
from eventlog_projections.views.search import SEARCH, ItemRow
from eventlog_projections.views.tools import TOOLS
from eventlog_projections.views.turns import TURNS

BUILT_IN: Final = (CONVERSATIONS, TURNS, TOOLS, SEARCH)

SHOWN_ASIDES: Final = 100


class SetAside(NamedTuple):
    """An event that a view goes on without, and why."""

    position: int
    stream_id: bytes
    version: int
    error: str


class Status(NamedTuple):
    """Where a view is. `behind` counts events, `rate` is events/s of its last batch.

    `moved_at` is when it last moved, microseconds UTC; `is_serving` is False for one that is being
    filled beside the one that is read.
    """

    view: str
    schema: int
    position: int
    behind: int
    rate: int
    moved_at: int
    is_serving: bool
    set_aside: tuple[SetAside, ...]


class Difference(NamedTuple):
    """A row that only one of the two has: the view as it is, or as it was just made anew."""

    table: str
    row: Row
    is_new: bool


class _Mine(NamedTuple):
    lock: asyncio.Lock
    runner: Runner


class Views:
    """The views of a log, in any event loop. They are of all tenants, and so is their upkeep.

    What is read is of the log's own tenant. A read brings the views up to date first; with `stale`,
    or as a database role that may not, it answers from what is there. `projections` may be one's
    own too (docs/views.md).
    """

    def __init__(self, log: EventLog, projections: Sequence[Projection] = BUILT_IN) -> None:
        self.log: Final = log
        self._projections = {projection.name: projection for projection in projections}
        self._owners = {
            kind: projection for projection in projections for kind in projection.tables
        }
        self._shapes = {kind: Shape(kind) for kind in self._owners}
        self._mine: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Mine] = (
            weakref.WeakKeyDictionary()
        )

    def keeps(self, kind: type[Row]) -> bool:
        """Tell whether these rows are of one of the views."""
        return kind in self._owners

    async def catch_up(self, *names: str) -> None:
        """Bring views, or all of them, to where the feed is now.

        A view that is not there is made; one with a higher schema number is filled beside the old
        one and takes over. Raises StoreError; PoisonEventError if such a one cannot take an event.
        """
        await self._caught_up(names or tuple(self._projections))

    async def follow(self, stop: asyncio.Event) -> None:
        """Keep the views up to date until `stop` is set. Any number of processes may do so.

        Outages of the database are waited out. Raises StoreError if it cannot begin.
        """
        await Runner(self.log, tuple(self._projections.values())).follow(stop)

    async def status(self) -> list[Status]:
        """Tell where every view is, whoever made it; moves nothing.

        Positions are those of the feed of all tenants; what was set aside is of the log's own.
        """
        end = await self.log.position()
        tables = self.log.spi.views.tables
        found: list[Status] = []
        for point in await tables.checkpoints():
            asides = await tables.asides(
                point.projection, point.generation, self.log.tenant, SHOWN_ASIDES
            )
            found.append(
                Status(
                    point.projection,
                    point.schema,
                    point.position,
                    max(0, end - point.position),
                    point.rate,
                    point.moved_at,
                    point.is_serving,
                    tuple(SetAside(*aside[2:]) for aside in asides),
                )
            )
        return found

    async def rebuild(self, name: str) -> None:
        """Make a view anew beside itself, and let the new one take over at once.

        Everything goes on meanwhile. Raises PoisonEventError at the first event that its function
        cannot take; nothing has changed then.
        """
        projection = self._named(name)
        new = await self._fill_new(projection)
        while not await self.log.spi.views.tables.take_over(new, specs(projection)):
            new = await self._fill(projection, new)

    async def check(self, name: str, limit: int = 100) -> list[Difference]:
        """Make a view anew, compare it row by row with what is there, and throw it away.

        At most `limit` differences of a kind for each table. Raises PoisonEventError.
        """
        projection = self._named(name)
        await self.catch_up(name)
        new = await self._fill_new(projection)
        try:
            return [
                difference
                for kind in projection.tables
                for difference in await self._compare(projection, kind, new, limit)
            ]
        finally:
            await self._drop(projection, new)

    async def drop(self, name: str) -> None:
        """Delete a view with all its rows; whoever reads it next makes it anew."""
        projection = self._named(name)
        for point in await self.log.spi.views.tables.checkpoints():
            if point.projection == name:
                await self._drop(projection, point)

    async def show_items(self, *, shown: bool = True) -> None:
        """Let any SQL client read the text of items as `items`, or no longer."""
        point = await self._serving(SEARCH, stale=False)
        spec = Shape(ItemRow).spec
        await self.log.spi.views.tables.show(spec, point.generation, shown=shown)

    async def select(
        self,
        kind: type[RowT],
        equal: Mapping[str, Any],
        *,
        order: Sequence[str] = (),
        after: RowT | None = None,
        limit: int = NO_LIMIT,
        stale: bool = False,
    ) -> list[RowT]:
        """Return a page of rows in which columns are equal to values.

        `order` names columns, a leading "-" for descending; it ends with the key, so that `after`,
        the last row of the page before, says where to go on. Here and below, rows that tell their
        tenant, by a column `tenant` or by a `stream_id`, are those of the log's own.
        """
        shape = self._shapes[kind]
        by = tuple(order) or kind.key
        behind = None
        if after is not None:
            behind = [getattr(after, column.removeprefix("-")) for column in by]

        def ask(tables: ViewSource, generation: int) -> Awaitable[list[ViewRow]]:
            tenant = self.log.tenant
            asked = Selection(shape.spec, generation, tenant, dict(equal), by, behind, limit)
            return tables.select(asked)

        return await self._ask(kind, ask, stale=stale)

    async def held(
        self, kind: type[RowT], partitions: Sequence[Any], *, stale: bool = False
    ) -> list[RowT]:
        """Return the rows whose key begins with one of `partitions`."""
        spec = self._shapes[kind].spec

        def ask(tables: ViewSource, generation: int) -> Awaitable[list[ViewRow]]:
            return tables.held(spec, generation, partitions, self.log.tenant)

        return await self._ask(kind, ask, stale=stale)

    async def search(
        self,
        kind: type[RowT],
        phrases: Sequence[str],
        equal: Mapping[str, Any],
        *,
        limit: int,
        stale: bool = False,
    ) -> list[RowT]:
        """Return rows whose text has every phrase, the best first."""
        spec = self._shapes[kind].spec

        def ask(tables: ViewSource, generation: int) -> Awaitable[list[ViewRow]]:
            tenant = self.log.tenant
            asked = Search(spec, generation, tenant, dict(equal), tuple(phrases), limit)
            return tables.search(asked)

        return await self._ask(kind, ask, stale=stale)

    async def _ask(
        self,
        kind: type[RowT],
        ask: Callable[[ViewSource, int], Awaitable[list[ViewRow]]],
        *,
        stale: bool,
    ) -> list[RowT]:
        """Ask the generation that is read; the next one if that was made anew meanwhile."""
        owner, tables = self._owners[kind], self.log.spi.views.tables
        generation = (await self._serving(owner, stale=stale)).generation
        try:
            rows = await ask(tables, generation)
        except StoreError:
            self._mine.pop(asyncio.get_running_loop(), None)  # It remembers what is gone.
            now = (await self._serving(owner, stale=stale)).generation
            if now == generation:
                raise
            rows = await ask(tables, now)
        return [cast("RowT", self._shapes[kind].load(row)) for row in rows]

    def _named(self, name: str) -> Projection:
        if name not in self._projections:
            known = ", ".join(sorted(self._projections))
            raise InvalidInputError(f"There is no view {name!r}. There are: {known}.")
        return self._projections[name]

    async def _caught_up(self, names: Sequence[str]) -> dict[str, Checkpoint]:
        for name in names:
            self._named(name)
        loop = asyncio.get_running_loop()
        mine = self._mine.get(loop)
        if mine is None:
            runner = Runner(self.log, tuple(self._projections.values()))
            mine = self._mine.setdefault(loop, _Mine(asyncio.Lock(), runner))
        async with mine.lock:
            return await mine.runner.catch_up(names)

    async def _serving(self, projection: Projection, *, stale: bool) -> Checkpoint:
        """Return the generation that is read, up to date unless `stale`."""
        name = projection.name
        if not stale and (await self.log.spi.views.rights()).projects:
            found = (await self._caught_up([name])).get(name)
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
            return (await self._caught_up([name]))[name]
        return points[0]

    async def _fill_new(self, projection: Projection) -> Checkpoint:
        """Make a generation beside the one that is read, and fill it."""
        tables = self.log.spi.views.tables
        await self.catch_up(projection.name)
        name, schema = projection.name, projection.schema
        generation = await tables.begin(name, schema, specs(projection), beside=True)
        new = Checkpoint(name, generation, schema, 0, 0, 0, is_serving=False)
        try:
            return await self._fill(projection, new)
        except BaseException:
            await self._drop(projection, new)
            raise

    async def _fill(self, projection: Projection, point: Checkpoint) -> Checkpoint:
        filled = await Runner(self.log, [projection]).reach(point)
        if filled is None:
            raise InvalidInputError(f"Somebody else took the new view {projection.name!r} away.")
        return filled

    async def _drop(self, projection: Projection, point: Checkpoint) -> None:
        tables = self.log.spi.views.tables
        await tables.drop(projection.name, point.generation, specs(projection))

    async def _compare(
        self, projection: Projection, kind: type[Row], new: Checkpoint, limit: int
    ) -> list[Difference]:
        shape = self._shapes[kind]
        found: Compared | None = None
        while found is None:
            new = await self._fill(projection, new)
            old = await self._serving(projection, stale=True)
            if old.position < new.position:  # An erasure moved the new one.
                await self.catch_up(projection.name)
            found = await self.log.spi.views.tables.compare(shape.spec, old, new, limit)
        return [
            Difference(kind.table, shape.load(row), is_new)
            for is_new, rows in zip((False, True), found, strict=True)
            for row in rows
        ]
