"""The stored data keys of streams."""

import functools
from collections.abc import Sequence

from eventlog.store.contract.keys import KeyRow, Linked
from eventlog.store.nouns.outcomes import settled
from eventlog.store.nouns.work import (
    Each,
    Evict,
    Noun,
    Rows,
    Runner,
    Work,
    ask,
    reads,
    writes_once,
)
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
    def strays(self) -> Work[list[bytes]]:
        return [row[0] for row in (yield ask(self._sql.stray_keys))]

    @reads
    def are_there(self) -> Work[bool]:
        return bool((yield ask(self._sql.any_key)))

    @reads
    def first_encrypted(self, stream_id: bytes) -> Work[int | None]:
        rows = yield ask(self._sql.first_encrypted, stream_id=stream_id)
        return rows[0][0] if rows else None

    async def add(self, name: str, row: KeyRow, linked: Linked) -> None:
        await settled(
            self._add(row, linked),
            functools.partial(self._is_used, row),
            stream=name,
            what="a new data key",
        )

    @writes_once
    def _add(self, row: KeyRow, linked: Linked) -> Work[bool]:
        yield Evict(row.stream_id)
        # The key first: a stream that uses it finds it.
        yield ask(self._sql.added, **row._asdict())
        stream = {"of_stream": row.stream_id, "key_id": row.key_id}
        yield ask(self._sql.used, **stream, linked=linked.key_id, seen=linked.erased_version)
        return True

    @reads
    def _is_used(self, row: KeyRow) -> Work[bool | None]:
        """Return True if the key is stored and its stream uses it."""
        stream = {"stream_id": row.stream_id}
        of_stream = _all((yield ask(self._sql.of_stream, **stream)))
        users = yield ask(self._sql.users, **stream, key_id=row.key_id)
        return (row in of_stream and bool(users)) or None

    @reads
    def _is_stored(self, row: KeyRow) -> Work[bool | None]:
        """Return True if the key is stored as it is."""
        return row in _all((yield ask(self._sql.of_stream, stream_id=row.stream_id))) or None

    @reads
    def wrapped_by_others(
        self, kek_id: str, after: tuple[bytes, str], limit: int
    ) -> Work[list[KeyRow]]:
        behind = {"after": after[0], "after_id": after[1]}
        return _all((yield ask(self._sql.wrapped_by_others, kek_id=kek_id, limit=limit, **behind)))

    async def rewrap(self, name: str, old: KeyRow, new: KeyRow) -> None:
        await settled(
            self._rewrap(old, new),
            functools.partial(self._is_stored, new),
            stream=name,
            what="a data key under the new key-encryption key",
        )

    @writes_once
    def _rewrap(self, old: KeyRow, new: KeyRow) -> Work[bool]:
        given = {**old._asdict(), "new_kek_id": new.kek_id, "new_wrapped": new.wrapped_key}
        yield ask(self._sql.rewrapped, **given)
        return True


def _all(rows: Rows) -> list[KeyRow]:
    return [KeyRow._make(row) for row in rows]
