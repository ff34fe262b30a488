"""Events on PostgreSQL: what is read up to the end of a stream tells where the next append goes."""

from collections.abc import Sequence

from eventlog.format.chain import GENESIS
from eventlog.format.records import Head, StoredEvent
from eventlog.store.nouns.events import Events
from eventlog.store.nouns.work import Runner
from eventlog.store.postgres.appending.heads import Heads
from eventlog.store.sql.names import PostgresLogStatements


class PostgresEvents(Events):
    """An EventSource that lets `heads` know of the ends that it comes by."""

    def __init__(self, runner: Runner, sql: PostgresLogStatements, heads: Heads) -> None:
        super().__init__(runner, sql)
        self._heads = heads

    def came_to_end(self, stream_id: bytes, after: int, events: Sequence[StoredEvent]) -> None:
        """Know the head from a read up to the end: the append that follows is one round trip."""
        if events:
            last = events[-1]
            head = Head(last.version, last.hash, last.recorded_at)
            self._heads.suggest(stream_id, head, last.kind)
        elif after <= 0:
            self._heads.suggest(stream_id, GENESIS, "")
