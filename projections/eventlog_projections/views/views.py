"""The views of a log: kept up to date, made anew, compared, and read."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Final

from eventlog import EventLog
from eventlog.views import NO_LIMIT, Search, Selection, ViewRow, ViewSource
from eventlog_projections.views.asides import Asides
from eventlog_projections.views.asking import check_phrases, check_values
from eventlog_projections.views.conversations import CONVERSATIONS
from eventlog_projections.views.projection import Projection, RowT
from eventlog_projections.views.reader import RowReader
from eventlog_projections.views.rebuild import Difference, Rebuild
from eventlog_projections.views.row import Row, Shape
from eventlog_projections.views.search import SEARCH, ItemRow
from eventlog_projections.views.searching.asked import asked
from eventlog_projections.views.serving import ServedViews
from eventlog_projections.views.status import SetAside, Status, set_aside, status
from eventlog_projections.views.tools import TOOLS
from eventlog_projections.views.turns import TURNS

BUILT_IN: Final = (CONVERSATIONS, TURNS, TOOLS, SEARCH)


class Views:
    """The views of a log, in any event loop. They are of all tenants, and so is their upkeep.

    What is read is of the log's own tenant. A read brings the views up to date first; with `stale`,
    or as a database role that may not, it answers from what is there. `projections` may be one's
    own too (docs/views.md).
    """

    def __init__(self, log: EventLog, projections: Sequence[Projection] = BUILT_IN) -> None:
        self.log: Final = log
        self._served: Final = ServedViews(log, projections)
        self._reader: Final = RowReader(self._served, projections)
        self._asides: Final = Asides(self._served)

    def keeps(self, kind: type[Row]) -> bool:
        """Tell whether these rows are of one of the views."""
        return self._reader.keeps(kind)

    async def catch_up(self, *names: str) -> None:
        """Bring views, or all of them, to where the feed is now.

        A view that is not there is made; one with a higher schema number is filled beside the old
        one and takes over. An event that one
        cannot take is set aside for it. Raises StoreError.
        """
        await self._served.catch_up(names)

    async def follow(self, stop: asyncio.Event) -> None:
        """Keep the views up to date until `stop` is set. Any number of processes may do so.

        Outages of the database are waited out. Raises StoreError if it cannot begin.
        """
        await self._served.runner().follow(stop)

    async def status(self) -> list[Status]:
        """Return where every view in the database is; moves nothing.

        Positions are those of the feed of all tenants; what was set aside is of the log's own.
        """
        return await status(self.log)

    async def rebuild(self, name: str, *, strict: bool = False) -> list[SetAside]:
        """Make a view anew beside itself, and let the new one take over at once.

        Everything goes on meanwhile. Returns the log's own events that were set aside, at most
        SHOWN. With `strict`, raises PoisonEventError at the first event, of any tenant, that cannot
        be taken; nothing has changed then.
        """
        rebuild = Rebuild(self._served, self._served.named(name), is_strict=strict)
        return await set_aside(self.log, await rebuild.take_over())

    async def retry(self, *names: str, conversation: str | None = None) -> list[SetAside]:
        """Try again to take what was set aside, of some views or all, in the log's own tenant.

        The rows of the conversations that it is of are deleted and made anew, where the view is, in
        one transaction each; a projection that cannot do that is made anew as a whole. Returns
        what is set aside still. Raises StoreError.
        """
        return await self._asides.retry(names, conversation)

    async def skip(self, *names: str, conversation: str | None = None) -> list[SetAside]:
        """Acknowledge what was set aside: `status` names it no more. Returns it.

        The views stay without these events. A view that is made anew tries them all again.
        """
        return await self._asides.skip(names, conversation)

    async def check(self, name: str, limit: int = 100) -> list[Difference]:
        """Make a view anew, compare it row by row with what is there, and throw it away.

        At most `limit` differences of a kind for each table.
        """
        return await Rebuild(self._served, self._served.named(name)).compare(limit)

    async def drop(self, name: str) -> None:
        """Delete a view with all its rows; the next read makes it anew."""
        rebuild = Rebuild(self._served, self._served.named(name))
        for point in await self.log.spi.views.tables.checkpoints():
            if point.projection == name:
                await rebuild.drop(point)

    async def show_items(self, *, shown: bool = True) -> None:
        """Let any SQL client read the text of items as `items`, or no longer."""
        point = await self._served.serving(SEARCH, stale=False)
        tables = self.log.spi.views.tables
        await tables.show(Shape(ItemRow).spec, point.generation, shown=shown)

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
        spec, by = self._reader.spec(kind), tuple(order) or kind.key
        check_values(spec, equal, limit)
        behind = None
        if after is not None:
            behind = [getattr(after, column.removeprefix("-")) for column in by]

        def query(tables: ViewSource, generation: int) -> Awaitable[list[ViewRow]]:
            asked = Selection(spec, generation, self.log.tenant, dict(equal), by, behind, limit)
            return tables.select(asked)

        return await self._reader.read(kind, query, stale=stale)

    async def held(
        self, kind: type[RowT], partitions: Sequence[Any], *, stale: bool = False
    ) -> list[RowT]:
        """Return the rows whose key begins with one of `partitions`."""
        spec = self._reader.spec(kind)
        for partition in partitions:
            check_values(spec, {kind.key[0]: partition})

        def query(tables: ViewSource, generation: int) -> Awaitable[list[ViewRow]]:
            return tables.held(spec, generation, partitions, self.log.tenant)

        return await self._reader.read(kind, query, stale=stale)

    async def search(
        self,
        kind: type[RowT],
        phrases: Sequence[str],
        equal: Mapping[str, Any],
        *,
        order: Sequence[str] = (),
        limit: int,
        stale: bool = False,
    ) -> list[RowT]:
        """Return rows whose text has every phrase, the best first, by the rules of docs/search.md.

        `phrase*` has the beginning of its last word. Those that are as good come by `order`, as in
        `select`. A phrase without any letter is in no text.
        """
        spec = self._reader.spec(kind)
        check_values(spec, equal, limit)
        check_phrases(phrases)
        wanted, by = tuple(map(asked, phrases)), tuple(order) or kind.key
        if not all(phrase.words for phrase in wanted):
            return []

        def query(tables: ViewSource, generation: int) -> Awaitable[list[ViewRow]]:
            tenant = self.log.tenant
            return tables.search(Search(spec, generation, tenant, dict(equal), wanted, by, limit))

        return await self._reader.read(kind, query, stale=stale)
