"""Data keys in a SQLite file: every question is one function on a connection's thread."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eventlog.store.contract.keys import KeyRow
from eventlog.store.sql.statement import Statement
from eventlog.store.sqlite.snapshots import Hop, in_transaction
from eventlog.store.sqlite.statements import KEYS


class SqliteKeys:
    """A KeySource. `forget` has the committer look at a stream again."""

    def __init__(self, read: Hop, write: Hop, forget: Callable[[bytes], None]) -> None:
        self._read = read
        self._write = write
        self._forget = forget

    async def of_streams(self, stream_ids: Sequence[bytes]) -> list[KeyRow]:
        def ask(db: sqlite3.Connection) -> list[Any]:
            return [
                row
                for stream_id in stream_ids
                for row in _run(db, KEYS.of_stream, {"stream_id": stream_id})
            ]

        return [KeyRow._make(row) for row in await self._read(ask)]

    async def first_encrypted(self, stream_id: bytes) -> int | None:
        def ask(db: sqlite3.Connection) -> list[Any]:
            return _run(db, KEYS.first_encrypted, {"stream_id": stream_id})

        rows = await self._read(ask)
        return rows[0][0] if rows else None

    async def add(self, row: KeyRow, linked: str | None) -> None:
        def write(db: sqlite3.Connection) -> bool:
            self._forget(row.stream_id)
            _run(db, KEYS.added, row._asdict())
            used = {"of_stream": row.stream_id, "key_id": row.key_id, "linked": linked}
            _run(db, KEYS.used, used)
            return True

        await self._write(lambda db: in_transaction(db, write))

    async def wrapped_by_others(
        self, kek_id: str, after: tuple[bytes, str], limit: int
    ) -> list[KeyRow]:
        behind = {"after": after[0], "after_id": after[1]}
        values = {"kek_id": kek_id, "limit": limit, **behind}

        def ask(db: sqlite3.Connection) -> list[Any]:
            return _run(db, KEYS.wrapped_by_others, values)

        return [KeyRow._make(row) for row in await self._read(ask)]

    async def rewrap(self, old: KeyRow, new: KeyRow) -> None:
        values = {**old._asdict(), "new_kek_id": new.kek_id, "new_wrapped": new.wrapped_key}
        await self._write(lambda db: _run(db, KEYS.rewrapped, values))


def _run(db: sqlite3.Connection, statement: Statement, values: Mapping[str, Any]) -> list[Any]:
    return db.execute(statement.text, statement.args(values)).fetchall()
