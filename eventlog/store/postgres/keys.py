"""Data keys in PostgreSQL."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from eventlog.store.contract.keys import KeyRow
from eventlog.store.sql.names import PostgresKeyStatements
from eventlog.store.sql.statement import Statement

_Run = Callable[[Statement, dict[str, Any]], Awaitable[list[Any]]]


class PostgresKeys:
    """A KeySource; `run` sends a statement."""

    def __init__(self, sql: PostgresKeyStatements, run: _Run) -> None:
        self._sql = sql
        self._run = run

    async def of_streams(self, stream_ids: Sequence[bytes]) -> list[KeyRow]:
        if len(stream_ids) == 1:
            rows = await self._run(self._sql.of_stream, {"stream_id": stream_ids[0]})
        else:
            rows = await self._run(self._sql.of_streams, {"stream_ids": list(stream_ids)})
        return [KeyRow._make(row) for row in rows]

    async def first_encrypted(self, stream_id: bytes) -> int | None:
        rows = await self._run(self._sql.first_encrypted, {"stream_id": stream_id})
        return rows[0][0] if rows else None

    async def add(self, row: KeyRow, linked: str | None) -> None:
        # The key first: a stream that uses it finds it.
        await self._run(self._sql.added, row._asdict())
        used = {"of_stream": row.stream_id, "key_id": row.key_id, "linked": linked}
        await self._run(self._sql.used, used)

    async def wrapped_by_others(
        self, kek_id: str, after: tuple[bytes, str], limit: int
    ) -> list[KeyRow]:
        behind = {"after": after[0], "after_id": after[1]}
        values = {"kek_id": kek_id, "limit": limit, **behind}
        return [KeyRow._make(row) for row in await self._run(self._sql.wrapped_by_others, values)]

    async def rewrap(self, old: KeyRow, new: KeyRow) -> None:
        values = {**old._asdict(), "new_kek_id": new.kek_id, "new_wrapped": new.wrapped_key}
        await self._run(self._sql.rewrapped, values)
