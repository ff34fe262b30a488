"""PostgreSQL's feed: `feed`, and the `queue` that it is filled from."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import asyncpg

from eventlog.errors import UnavailableError
from eventlog.retrying import Tries
from eventlog.store.contract.feed import LEASE, FeedProgress, Placed
from eventlog.store.contract.rights import Rights
from eventlog.store.nouns.feed import PostgresFeedPages
from eventlog.store.nouns.work import Work, ask, reads
from eventlog.store.postgres.listening import Listening
from eventlog.store.postgres.runner import PostgresRunner
from eventlog.store.postgres.statements import FeedStatements

_T = TypeVar("_T")

PATIENCE: Final = 5.0
"""Seconds for which others may be in the way of positions."""

_AGAIN: Final = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
"""Nothing was placed; a new snapshot may."""


class PostgresFeed(PostgresFeedPages):
    """FeedSource and Queue over one schema; `rights` are the role's."""

    reads_ahead = True

    def __init__(
        self,
        runner: PostgresRunner,
        sql: FeedStatements,
        rights: Callable[[], Awaitable[Rights]],
        listening: Listening | None,
    ) -> None:
        super().__init__(runner, sql)
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

    @reads
    def is_standby(self) -> Work[bool]:
        (row,) = yield ask(self._sql.standby)
        return bool(row[0])

    async def position(self) -> int:
        return (await self.progress("")).position

    async def listen(self, notify: Callable[[], None]) -> None:
        if self._listening is not None:
            await self._listening.run(self._sql.channel, notify)

    async def may_place(self) -> bool:
        return (await self._rights()).places

    @reads
    def progress(self, holder: str) -> Work[FeedProgress]:
        values = {"holder": holder, "microseconds": int(LEASE * 1_000_000)}
        (row,) = yield ask(self._sql.progress, **values)
        return FeedProgress(*row)

    async def hold(self, holder: str, seconds: float) -> bool:
        return await _again(lambda: self._hold(holder, seconds))

    @reads
    def _hold(self, holder: str, seconds: float) -> Work[bool]:
        values = {"holder": holder, "microseconds": int(seconds * 1_000_000)}
        return bool((yield ask(self._sql.hold, **values)))

    async def place(self, limit: int) -> Placed:
        placed, is_doubted = await _again(lambda: self._place(limit))
        if is_doubted:
            placed, _ = await _again(lambda: self._place(limit, sifts=True))
        return placed

    @reads
    def _place(self, limit: int, *, sifts: bool = False) -> Work[tuple[Placed, bool]]:
        statement = self._sql.sift if sifts else self._sql.place
        (row,) = yield ask(statement, limit=limit, channel=self._sql.channel)
        return Placed(*row[:3]), row[3]


async def _again(attempt: Callable[[], Awaitable[_T]]) -> _T:
    async for _ in Tries(PATIENCE):
        try:
            return await attempt()
        except UnavailableError as error:
            if not isinstance(error.__cause__, _AGAIN):
                raise
    return await attempt()
