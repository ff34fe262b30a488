"""Rows of views, as the database gives them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, cast

from eventlog import StoreError
from eventlog.views import NO_LIMIT, Search, Selection, ViewRow, ViewSource
from eventlog_projections.views.projection import Projection, RowT
from eventlog_projections.views.row import Row, Shape
from eventlog_projections.views.serving import ServedViews


class RowReader:
    """Reads rows of the log's own tenant from the generation of a view that is read."""

    def __init__(self, served: ServedViews, projections: Sequence[Projection]) -> None:
        self._served = served
        self._log = served.log
        self._owners = {
            kind: projection for projection in projections for kind in projection.tables
        }
        self._shapes = {kind: Shape(kind) for kind in self._owners}

    def keeps(self, kind: type[Row]) -> bool:
        """Tell whether these rows are of one of the views."""
        return kind in self._owners

    async def show(self, projection: Projection, kind: type[Row], *, shown: bool) -> None:
        """Let any SQL client read rows of a table under its readable name, or no longer."""
        point = await self._served.serving(projection, stale=False)
        await self._log.spi.views.tables.show(Shape(kind).spec, point.generation, shown=shown)

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
        """Return a page of rows in which columns are equal to values, behind the row `after`."""
        shape = self._shapes[kind]
        by = tuple(order) or kind.key
        behind = None
        if after is not None:
            behind = [getattr(after, column.removeprefix("-")) for column in by]

        def ask(tables: ViewSource, generation: int) -> Awaitable[list[ViewRow]]:
            tenant = self._log.tenant
            asked = Selection(shape.spec, generation, tenant, dict(equal), by, behind, limit)
            return tables.select(asked)

        return await self._ask(kind, ask, stale=stale)

    async def held(
        self, kind: type[RowT], partitions: Sequence[Any], *, stale: bool = False
    ) -> list[RowT]:
        """Return the rows whose key begins with one of `partitions`."""
        spec = self._shapes[kind].spec

        def ask(tables: ViewSource, generation: int) -> Awaitable[list[ViewRow]]:
            return tables.held(spec, generation, partitions, self._log.tenant)

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
            tenant = self._log.tenant
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
        owner, tables = self._owners[kind], self._log.spi.views.tables
        generation = (await self._served.serving(owner, stale=stale)).generation
        try:
            rows = await ask(tables, generation)
        except StoreError:
            self._served.discard_runner()
            now = (await self._served.serving(owner, stale=stale)).generation
            if now == generation:
                raise
            rows = await ask(tables, now)
        return [cast("RowT", self._shapes[kind].load(row)) for row in rows]
