"""SQLite's feed: the write lock makes AUTOINCREMENT dense and the order of commits."""

from collections.abc import Awaitable, Callable
from typing import Any

from eventlog.store.contract.feed import FeedRow
from eventlog.store.sqlite.statements import FEED


class SqliteFeedSource:
    """A FeedSource without a queue."""

    queue = None
    reads_ahead = False

    def __init__(self, ask: Callable[[str, list[Any]], Awaitable[list[Any]]]) -> None:
        self._ask = ask

    async def position(self) -> int:
        rows = await self._ask(FEED.head.text, FEED.head.args({}))
        position: int = rows[0][0]
        return position

    async def page(self, tenant: str, after: int, until: int, limit: int) -> list[FeedRow]:
        values = {"tenant": tenant, "after": after, "until": until, "limit": limit}
        return await self._ask(FEED.page.text, FEED.page.args(values))

    async def every_page(self, after: int, until: int, limit: int) -> list[FeedRow]:
        values = {"after": after, "until": until, "limit": limit}
        return await self._ask(FEED.every_page.text, FEED.every_page.args(values))

    async def listen(self, _notify: Callable[[], None]) -> None:
        return
