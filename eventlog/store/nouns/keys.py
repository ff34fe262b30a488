"""The stored data keys of streams."""

from collections.abc import Sequence

from eventlog.store.contract.keys import KeyRow
from eventlog.store.nouns.work import Each, Evict, Noun, Rows, Runner, Work, ask, reads, writes
from eventlog.store.sql.names import KeyStatements


class Keys(Noun):
    """A KeySource."""

    def __init__(self, runner: Runner, sql: KeyStatements) -> None:
        super().__init__(runner)
        self._sql = sql

    @reads
    def of_streams(self, stream_ids: Sequence[bytes]) -> Work[list[KeyRow]]:
        if len(stream_ids) == 1:  # The usual one, in a statement that a sharding planner can route.
            return _all((yield ask(self._sql.of_stream, stream_id=stream_ids[0])))
        every = [{"stream_id": stream_id} for stream_id in stream_ids]
        return _all((yield Each(self._sql.of_streams, every)))

    @reads
    def are_there(self) -> Work[bool]:
        return bool((yield ask(self._sql.any_key)))

    @reads
    def first_encrypted(self, stream_id: bytes) -> Work[int | None]:
        rows = yield ask(self._sql.first_encrypted, stream_id=stream_id)
        return rows[0][0] if rows else None

    @writes
    def add(self, row: KeyRow, linked: str | None) -> Work[None]:
        yield Evict(row.stream_id)
        # The key first: a stream that uses it finds it.
        yield ask(self._sql.added, **row._asdict())
        yield ask(self._sql.used, of_stream=row.stream_id, key_id=row.key_id, linked=linked)

    @reads
    def wrapped_by_others(
        self, kek_id: str, after: tuple[bytes, str], limit: int
    ) -> Work[list[KeyRow]]:
        behind = {"after": after[0], "after_id": after[1]}
        return _all((yield ask(self._sql.wrapped_by_others, kek_id=kek_id, limit=limit, **behind)))

    @writes
    def rewrap(self, old: KeyRow, new: KeyRow) -> Work[None]:
        given = {**old._asdict(), "new_kek_id": new.kek_id, "new_wrapped": new.wrapped_key}
        yield ask(self._sql.rewrapped, **given)


def _all(rows: Rows) -> list[KeyRow]:
    return [KeyRow._make(row) for row in rows]
