"""Getting past events that were set aside: trying them again, or acknowledging them."""

import time
from collections.abc import Sequence

from eventlog.views import NO_LIMIT, Checkpoint, NamedLetter
from eventlog_projections.views.batches.refolding import Named
from eventlog_projections.views.projection import can_refold
from eventlog_projections.views.rebuild import Rebuild
from eventlog_projections.views.runner import Runner
from eventlog_projections.views.serving import ServedViews
from eventlog_projections.views.status import SetAside, as_set_aside


class Asides:
    """What the views that are read go on without, of the log's own tenant."""

    def __init__(self, served: ServedViews) -> None:
        self._served = served
        self._tables = served.log.spi.views.tables

    async def retry(self, names: Sequence[str], conversation: str | None) -> list[SetAside]:
        """Fold the conversations anew that the events are of; return what is set aside still."""
        for point in await self._points(names):
            found = await self._letters(point, conversation)
            if found:
                await self._retry(point, found)
        points = await self._points(names)
        left = [each for point in points for each in await self._letters(point, conversation)]
        return [as_set_aside(each) for each in left]

    async def skip(self, names: Sequence[str], conversation: str | None) -> list[SetAside]:
        """Acknowledge the events, and return them."""
        skipped: list[NamedLetter] = []
        for point in await self._points(names):
            found = await self._letters(point, conversation)
            await self._tables.skip([each.letter for each in found], time.time_ns() // 1000)
            skipped += found
        return [as_set_aside(each) for each in skipped]

    async def _retry(self, point: Checkpoint, found: Sequence[NamedLetter]) -> None:
        projection = self._served.named(point.projection)
        if not can_refold(projection):
            await Rebuild(self._served, projection).take_over()
            return
        runner = Runner(self._served.log, [projection])
        for of in dict.fromkeys(Named(each.tenant, each.conversation) for each in found):
            await runner.refold(point.key, of, retries=True, purged=[])

    async def _points(self, names: Sequence[str]) -> list[Checkpoint]:
        known = self._served.schemas(names)
        points = await self._tables.checkpoints()
        return [
            point
            for point in points
            if point.is_serving and known.get(point.projection) == point.schema
        ]

    async def _letters(self, point: Checkpoint, conversation: str | None) -> list[NamedLetter]:
        tenant = self._served.log.tenant
        found = await self._tables.asides(*point.key, tenant, NO_LIMIT)
        return [each for each in found if conversation in (None, each.conversation)]
