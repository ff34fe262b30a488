"""Events on PostgreSQL: what is read up to the end of a stream tells where the next append goes."""

from collections.abc import Sequence

from eventlog.format.chain import GENESIS
from eventlog.format.records import Head, StoredEvent
from eventlog.store.contract.log import MAX_VERSION
from eventlog.store.nouns.events import Events
from eventlog.store.nouns.work import Runner
from eventlog.store.postgres.heads import Heads
from eventlog.store.sql.names import PostgresLogStatements


class PostgresEvents(Events):
    """An EventSource that lets `heads` know of the ends that it comes by."""

    def __init__(self, runner: Runner, sql: PostgresLogStatements, heads: Heads) -> None:
        super().__init__(runner, sql)
        self._heads = heads

    async def page(
        self, stream_id: bytes, after: int, until: int, limit: int, kind: str | None = None
    ) -> list[StoredEvent]:
        events = await super().page(stream_id, after, until, limit, kind)
        if kind is None and len(events) < limit and until >= MAX_VERSION:
            self._remember_end(stream_id, after, events)
        return events

    def _remember_end(self, stream_id: bytes, after: int, events: Sequence[StoredEvent]) -> None:
        """Know the head from a read up to the end: the append that follows is one round trip."""
        if events:
            last = events[-1]
            self._heads.suggest(stream_id, Head(last.version, last.hash, last.recorded_at))
        elif after <= 0:
            self._heads.suggest(stream_id, GENESIS)
