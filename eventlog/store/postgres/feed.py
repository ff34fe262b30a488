"""PostgreSQL's feed: `feed`, and the `queue` that it is filled from."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import asyncpg

from eventlog.errors import UnavailableError
from eventlog.retrying import Tries
from eventlog.store.contract.feed import LEASE, FeedProgress, FeedRow, Placed
from eventlog.store.contract.rights import Rights
from eventlog.store.nouns.feed import FeedPages
from eventlog.store.postgres.listening import Listening
from eventlog.store.postgres.runner import PostgresRunner
from eventlog.store.postgres.statements import FeedStatements
from eventlog.store.sql.statement import Statement

PATIENCE: Final = 5.0
"""Seconds for which others may be in the way of positions."""

_AGAIN: Final = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
"""Nothing was placed; a new snapshot may."""


class PostgresFeed:
    """FeedSource and Queue over one schema; `rights` are the role's."""

    reads_ahead = True

    def __init__(
        self,
        runner: PostgresRunner,
        sql: FeedStatements,
        rights: Callable[[], Awaitable[Rights]],
        listening: Listening | None,
    ) -> None:
        self._pages = FeedPages(runner, sql.page, sql.every_page)
        self._plain_pages = FeedPages(runner, sql.plain_page, sql.every_plain_page)
        self._fetch = runner.fetch
        self._pools = runner.pools
        self._sql = sql
        self._rights = rights
        self._listening = listening

    @property
    def queue(self) -> "PostgresFeed":
        return self

    @property
    def server(self) -> int:
        return self._pools.server

    async def is_standby(self) -> bool:
        (row,) = await self._fetch(self._sql.standby, {})
        return bool(row[0])

    async def position(self) -> int:
        return (await self.progress("")).position

    async def page(self, tenant: str, after: int, until: int, limit: int) -> list[FeedRow]:
        return await self._read(lambda pages: pages.page(tenant, after, until, limit))

    async def every_page(self, after: int, until: int, limit: int) -> list[FeedRow]:
        return await self._read(lambda pages: pages.every_page(after, until, limit))

    async def _read(self, read: "Callable[[FeedPages], Awaitable[list[FeedRow]]]") -> list[FeedRow]:
        try:
            return await read(self._pages)
        except UnavailableError as error:
            if not _is_refused(error):
                raise
            return await read(self._plain_pages)

    async def listen(self, notify: Callable[[], None]) -> None:
        if self._listening is not None:
            await self._listening.run(self._sql.channel, notify)

    async def may_place(self) -> bool:
        return (await self._rights()).places

    async def progress(self, holder: str) -> FeedProgress:
        values = {"holder": holder, "microseconds": int(LEASE * 1_000_000)}
        (row,) = await self._fetch(self._sql.progress, values)
        return FeedProgress(*row)

    async def hold(self, holder: str, seconds: float) -> bool:
        values = {"holder": holder, "microseconds": int(seconds * 1_000_000)}
        return bool(await self._again(self._sql.hold, values))

    async def place(self, limit: int) -> Placed:
        values = {"limit": limit, "channel": self._sql.channel}
        try:
            (row,) = await self._again(self._sql.place, values)
            if row[3]:
                (row,) = await self._again(self._sql.sift, values)
        except UnavailableError as error:
            if not _is_refused(error):
                raise
            (row,) = await self._again(self._sql.plain_place, values)
        return Placed(*row[:3])

    async def _again(self, statement: Statement, values: dict[str, Any]) -> list[Any]:
        async for _ in Tries(PATIENCE):
            try:
                return await self._fetch(statement, values)
            except UnavailableError as error:
                if not isinstance(error.__cause__, _AGAIN):
                    raise
        return await self._fetch(statement, values)


def _is_refused(error: UnavailableError) -> bool:
    """Tell, by the SQLSTATE, whether a distributed database cannot do that, such as LATERAL."""
    return isinstance(error.__cause__, asyncpg.FeatureNotSupportedError)
