"""The store of a PostgreSQL schema: every noun over one runner, and appends in groups."""

from typing import Final

from eventlog.addresses.log import PostgresAddress
from eventlog.errors import ReadOnlyError
from eventlog.format.records import AppendRequest, Outcome
from eventlog.limiter import ByteLimiter
from eventlog.loops import PerLoop
from eventlog.store.contract.erasures import Erasure
from eventlog.store.contract.options import Options
from eventlog.store.contract.rights import Rights
from eventlog.store.nouns.concerned import concerning
from eventlog.store.nouns.erasures import PostgresErasures
from eventlog.store.nouns.keys import Keys
from eventlog.store.nouns.streams import Streams
from eventlog.store.nouns.tree import Searches, Tree
from eventlog.store.postgres import statements
from eventlog.store.postgres.appending.append import Appender
from eventlog.store.postgres.appending.batcher import AppendBatcher
from eventlog.store.postgres.appending.heads import Heads
from eventlog.store.postgres.appending.sending import Sending
from eventlog.store.postgres.catalog import PostgresGuards
from eventlog.store.postgres.events import PostgresEvents
from eventlog.store.postgres.feed import PostgresFeed
from eventlog.store.postgres.listening import Listening
from eventlog.store.postgres.pools import synchronous_commit
from eventlog.store.postgres.rights import PostgresRights
from eventlog.store.postgres.runner import PostgresRunner
from eventlog.store.postgres.snapshots import PostgresSnapshots
from eventlog.store.postgres.views import PostgresViews
from eventlog.store.sql.names import PostgresViolationStatements

LOCKED: Final = 4
"""A group that waits for locks has one connection of so many, and there are two groups."""

_READ_ONLY: Final = "{} was opened with read_only=True. Nothing was stored. Open it without."


class PostgresStore:
    """Store over one schema of one database. The first call opens the first connection."""

    runs_out_of_process = True
    is_replaced = False
    is_gone = False

    def __init__(self, address: PostgresAddress, options: Options) -> None:
        self._address = address
        self._options = options
        self._heads = Heads()
        self._limiter = ByteLimiter()
        self._batchers: PerLoop[AppendBatcher] = PerLoop()
        sql = statements.of(address.schema)
        runner = self.runner = PostgresRunner(address, options, sql.distribute)
        self.streams = Streams(runner, sql.log)
        self.events = PostgresEvents(runner, sql.log, self._heads)
        self.snapshots = PostgresSnapshots(runner, sql.snapshots, self._heads)
        self.keys = Keys(runner, sql.keys)
        self.tree = Tree(runner, sql.tree, lambda: _searches(sql.violations))
        self.views = PostgresViews(runner, sql.views, address.schema)
        self.guards = PostgresGuards(runner, address.schema)
        self._rights = PostgresRights(runner, address.schema)
        self.feed = PostgresFeed(runner, sql.feed, self._rights.read, self._listening())
        nouns = sql.erasures, sql.snapshots, sql.keys, sql.log
        self._erasures = PostgresErasures(runner, *nouns)
        # Whoever waits for a lock keeps its connection from the others.
        slots = max(1, options.postgres.pool_size // LOCKED)
        sending = Sending(sql.log, runner, synchronous_commit(options))
        self._appender = Appender(address, sql.log, self._heads, runner, sending, slots)

    def _listening(self) -> Listening | None:
        # What stands between here and the server may hand a notice to somebody else's client.
        if self._options.postgres.pgbouncer:
            return None
        return Listening(self._address, self._options.postgres.connect_timeout)

    async def append(self, request: AppendRequest) -> Outcome:
        if self._options.read_only:
            # A setting of the session does not reach the nodes that a log may be spread over.
            raise ReadOnlyError(_READ_ONLY.format(self._address)).of(request.name)
        size = request.size
        await self._limiter.enter(size)
        try:
            with concerning(request.name):
                return await self._batchers.get(self._new_batcher).append(request, size)
        finally:
            self._limiter.leave(size)

    async def erase(self, erasure: Erasure) -> bool:
        return await self._erasures.erase(erasure)

    async def rights(self) -> Rights:
        return await self._rights.read()

    async def close(self) -> None:
        await self.runner.pools.close()

    def _new_batcher(self) -> AppendBatcher:
        return AppendBatcher(self._appender.append, self._appender.append_group)


def _searches(wrong: PostgresViolationStatements) -> Searches:
    return Searches(
        whole=(wrong.end, wrong.refused),
        sliced=(wrong.created, wrong.disordered, wrong.unplaced, wrong.queued, wrong.nowhere),
        extent=wrong.extent,
    )
