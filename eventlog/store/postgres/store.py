"""The store of a PostgreSQL schema: every noun over one runner, and appends in groups."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from eventlog.format.records import AppendRequest, Outcome
from eventlog.loops import PerLoop
from eventlog.store.addresses.log import PostgresAddress
from eventlog.store.contract.erasures import Erasure
from eventlog.store.contract.options import Options
from eventlog.store.contract.rights import Rights
from eventlog.store.limiter import ByteLimiter, size_of
from eventlog.store.nouns.erasures import Erasures
from eventlog.store.nouns.keys import Keys
from eventlog.store.nouns.streams import Streams
from eventlog.store.nouns.tree import Tree
from eventlog.store.postgres import statements
from eventlog.store.postgres.append import OPEN, Appender
from eventlog.store.postgres.batcher import AppendBatcher
from eventlog.store.postgres.errors import translated
from eventlog.store.postgres.events import PostgresEvents
from eventlog.store.postgres.feed import PostgresFeed
from eventlog.store.postgres.heads import Heads
from eventlog.store.postgres.listening import Listening
from eventlog.store.postgres.runner import PostgresRunner
from eventlog.store.postgres.snapshots import PostgresSnapshots
from eventlog.store.postgres.views import PostgresViews
from eventlog.store.sql.roles import rights
from eventlog.store.sql.statement import Statement


class PostgresStore:
    """Store over one schema of one database. A noun's statements are made when it is asked for."""

    runs_out_of_process = True

    def __init__(self, address: PostgresAddress, options: Options) -> None:
        self._address = address
        self._options = options
        self._heads = Heads()
        self._limiter = ByteLimiter()
        self._batchers: PerLoop[AppendBatcher] = PerLoop()
        self._rights: Rights | None = None
        self.runner = PostgresRunner(address, options)

    @property
    def _sql(self) -> statements.OfSchema:
        return statements.of(self._address.schema)

    @cached_property
    def streams(self) -> Streams:
        return Streams(self.runner, self._sql.log)

    @cached_property
    def events(self) -> PostgresEvents:
        return PostgresEvents(self.runner, self._sql.log, self._heads)

    @cached_property
    def snapshots(self) -> PostgresSnapshots:
        return PostgresSnapshots(self.runner, self._sql.snapshots)

    @cached_property
    def keys(self) -> Keys:
        return Keys(self.runner, self._sql.keys)

    @cached_property
    def tree(self) -> Tree:
        sql = self._sql.violations
        wrong = (sql.created, sql.disordered, sql.unplaced, sql.queued, sql.end)
        return Tree(self.runner, self._sql.tree, wrong)

    @cached_property
    def views(self) -> PostgresViews:
        return PostgresViews(self.runner, self._sql.views, self._address.schema)

    @cached_property
    def feed(self) -> PostgresFeed:
        # What stands between here and the server may hand a notice to somebody else's client.
        hears = not self._options.postgres.pgbouncer
        listening = (
            Listening(self._address, self._options.postgres.connect_timeout) if hears else None
        )
        return PostgresFeed(self.runner, self._sql.feed, self.rights, listening)

    @cached_property
    def _erasures(self) -> Erasures:
        sql = self._sql
        # The stream's row is locked all along; the event waits for its position as others do.
        first, beside = [sql.erasures.lock], [sql.erasures.queued]
        nouns = sql.erasures, sql.snapshots, sql.keys
        return Erasures(self.runner, *nouns, first=first, beside=beside)

    @cached_property
    def _appender(self) -> Appender:
        return Appender(self._address, self._sql.log, self._heads, self._send)

    async def append(self, request: AppendRequest) -> Outcome:
        size = size_of(request)
        await self._limiter.enter(size)
        try:
            return await self._batchers.get(self._new_batcher).append(request)
        finally:
            self._limiter.leave(size)

    async def erase(self, erasure: Erasure) -> bool:
        return await self._erasures.erase(erasure)

    async def rights(self) -> Rights:
        if self._rights is None:
            (row,) = await self.runner.fetch(rights(self._address.schema), {})
            self._rights = Rights._make(row)
        return self._rights

    async def close(self) -> None:
        await self.runner.pools.close()

    async def _send(
        self, statement: Statement, values: dict[str, Any], *, again: bool
    ) -> list[Any]:
        untouched = () if again else OPEN
        return await self.runner.fetch(statement, values, again=again, untouched=untouched)

    def _new_batcher(self) -> AppendBatcher:
        return AppendBatcher(self._alone, self._together)

    async def _alone(self, request: AppendRequest) -> Outcome:
        with translated(self._address):
            return await self._appender.append(request)

    async def _together(self, requests: Sequence[AppendRequest]) -> list[Outcome | BaseException]:
        outcomes = await self._appender.append_group(requests)
        return [self._told(outcome) for outcome in outcomes]

    def _told(self, outcome: Outcome | BaseException) -> Outcome | BaseException:
        if not isinstance(outcome, BaseException):
            return outcome
        try:
            with translated(self._address):
                raise outcome
        except Exception as error:  # noqa: BLE001 - told to whoever waits
            return error
