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
    PostgresErasureStatements,
    SnapshotStatements,
)
from eventlog.store.sql.statement import Statement


class Erasures(Noun):
    """Erases content of streams."""

    def __init__(
        self,
        runner: Runner,
        sql: ErasureStatements,
        snapshots: SnapshotStatements,
        keys: KeyStatements,
        log: LogStatements,
    ) -> None:
        super().__init__(runner)
        self._sql = sql
        self._snapshots = snapshots
        self._keys = keys
        self._log = log

    def first(self) -> Sequence[Statement]:
        """Return what runs before anything else."""
        return ()

    def then(self) -> Sequence[Statement]:
        """Return what runs where the head has moved.

        The event first: the database lets content go only where an event says so.
        """
        snapshots = self._snapshots
        sql = self._sql
        return (
            sql.inserted,
            sql.erased,
            sql.owed,
            snapshots.drop_snapshots,
            snapshots.drop_segments,
        )

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
        is_there = await self._is_there(erasure)
        return is_there or None

    @reads
    def _is_there(self, erasure: Erasure) -> Work[bool]:
        event = erasure.event
        for statement in self.first():  # Answered once all before it is as durable: `confirm`.
            yield ask(statement, **erasure.values())
        where = {"after": event.version - 1, "until": event.version, "limit": 1}
        rows = yield ask_page(self._log.page, stream_id=event.stream_id, **where)
        return [StoredEvent._make(row).hash for row in rows] == [event.hash]

    @transacts_once
    def _erase(self, erasure: Erasure) -> Work[bool]:
        yield Evict(erasure.event.stream_id)
        values = erasure.values()
        for statement in self.first():
            yield ask(statement, **values)
        if not (yield ask(self._sql.moved, **values)):
            return False
        for statement in self.then():
            yield ask(statement, **values)
        if erasure.is_whole:
            yield ask(self._keys.destroyed, **values)
        return True


class PostgresErasures(Erasures):
    """Erases where others may append meanwhile, and events wait for their positions."""

    def __init__(
        self,
        runner: Runner,
        sql: PostgresErasureStatements,
        snapshots: SnapshotStatements,
        keys: KeyStatements,
        log: LogStatements,
    ) -> None:
        super().__init__(runner, sql, snapshots, keys, log)
        self._own = sql

    def first(self) -> Sequence[Statement]:
        """Lock the row of the stream, all along."""
        return (self._own.lock,)

    def then(self) -> Sequence[Statement]:
        """Have the event wait for its position as others do."""
        return (*super().then(), self._own.queued)
