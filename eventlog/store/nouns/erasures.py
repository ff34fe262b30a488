"""Erasing: the event that says so, and everything of the content, in one transaction."""

import functools
from collections.abc import Sequence

from eventlog.format.records import StoredEvent
from eventlog.store.contract.erasures import Erasure
from eventlog.store.nouns.outcomes import settled
from eventlog.store.nouns.work import (
    Evict,
    Noun,
    Runner,
    Work,
    ask,
    ask_page,
    reads,
    transacts_once,
)
from eventlog.store.sql.names import (
    ErasureStatements,
    KeyStatements,
    LogStatements,
    SnapshotStatements,
)
from eventlog.store.sql.statement import Statement


class Erasures(Noun):
    """Erases content of streams. `first` runs before anything else, `beside` with the event."""

    def __init__(
        self,
        runner: Runner,
        sql: ErasureStatements,
        snapshots: SnapshotStatements,
        keys: KeyStatements,
        log: LogStatements,
        *,
        first: Sequence[Statement] = (),
        beside: Sequence[Statement] = (),
    ) -> None:
        super().__init__(runner)
        self._moved = sql.moved
        self._first = first
        # The event first: the database lets content go only where an event says so.
        self._then = (sql.inserted, sql.erased, sql.owed, *beside)
        self._snapshots = (snapshots.drop_snapshots, snapshots.drop_segments)
        self._keys = keys.destroyed
        self._page = log.page

    async def erase(self, erasure: Erasure) -> bool:
        """Erase in one transaction; False if the stream is not at the expected head."""
        return await settled(
            self._erase(erasure),
            functools.partial(self._found, erasure),
            stream=erasure.name,
            what="the erasure",
        )

    async def _found(self, erasure: Erasure) -> bool | None:
        """Return True if the event that tells of the erasure is there."""
        is_there = await self._is_there(erasure.event)
        return is_there or None

    @reads
    def _is_there(self, event: StoredEvent) -> Work[bool]:
        where = {"after": event.version - 1, "until": event.version, "limit": 1}
        rows = yield ask_page(self._page, stream_id=event.stream_id, **where)
        return [StoredEvent._make(row).hash for row in rows] == [event.hash]

    @transacts_once
    def _erase(self, erasure: Erasure) -> Work[bool]:
        yield Evict(erasure.event.stream_id)
        values = erasure.values()
        for statement in self._first:
            yield ask(statement, **values)
        if not (yield ask(self._moved, **values)):
            return False
        for statement in (*self._then, *self._snapshots):
            yield ask(statement, **values)
        if erasure.is_whole:
            yield ask(self._keys, **values)
        return True
