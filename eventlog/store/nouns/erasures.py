"""Erasing: the event that says so, and everything of the content, in one transaction."""

from collections.abc import Sequence

from eventlog.store.contract.erasures import Erasure
from eventlog.store.nouns.work import Evict, Noun, Runner, Work, ask, transacts
from eventlog.store.sql.names import ErasureStatements, KeyStatements, SnapshotStatements
from eventlog.store.sql.statement import Statement


class Erasures(Noun):
    """Erases content of streams. `first` runs before anything else, `beside` with the event."""

    def __init__(
        self,
        runner: Runner,
        sql: ErasureStatements,
        snapshots: SnapshotStatements,
        keys: KeyStatements,
        *,
        first: Sequence[Statement] = (),
        beside: Sequence[Statement] = (),
    ) -> None:
        super().__init__(runner)
        self._moved = sql.moved
        self._first = first
        self._then = (sql.erased, sql.inserted, sql.owed, *beside)
        self._snapshots = (snapshots.drop_snapshots, snapshots.drop_segments)
        self._keys = keys.destroyed

    @transacts
    def erase(self, erasure: Erasure) -> Work[bool]:
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
