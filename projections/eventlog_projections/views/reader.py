"""Rows of views, from the generation of each that is read."""

from collections.abc import Awaitable, Callable, Sequence
from typing import cast

from eventlog import StoreError
from eventlog.views import TableSpec, ViewRow, ViewSource
from eventlog_projections.views.projection import Projection, RowT
from eventlog_projections.views.row import Row, Shape
from eventlog_projections.views.serving import ServedViews

Query = Callable[[ViewSource, int], Awaitable[list[ViewRow]]]
"""Asks for rows of one generation."""


class RowReader:
    """Answers queries for rows from the generation that is read, and decodes them."""

    def __init__(self, served: ServedViews, projections: Sequence[Projection]) -> None:
        self._served = served
        self._owners = {
            kind: projection for projection in projections for kind in projection.tables
        }
        self._shapes = {kind: Shape(kind) for kind in self._owners}

    def keeps(self, kind: type[Row]) -> bool:
        """Tell whether these rows are of one of the projections."""
        return kind in self._owners

    def spec(self, kind: type[Row]) -> TableSpec:
        """Return the table of these rows as the database knows it."""
        return self._shapes[kind].spec

    async def read(self, kind: type[RowT], query: Query, *, stale: bool) -> list[RowT]:
        """Query the generation that is read; the next one if that was made anew meanwhile."""
        owner, tables = self._owners[kind], self._served.log.spi.views.tables
        generation = (await self._served.serving(owner, stale=stale)).generation
        try:
            rows = await query(tables, generation)
        except StoreError:
            self._served.discard_runner()
            now = (await self._served.serving(owner, stale=stale)).generation
            if now == generation:
                raise
            rows = await query(tables, now)
        return [cast("RowT", self._shapes[kind].load(row)) for row in rows]
