"""Views in a SQLite file: a transaction is one function on a connection's thread."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from eventlog.records import Entry
from eventlog.store import view_work
from eventlog.store.snapshot_sqlite import Hop
from eventlog.store.sqlite_sql import VIEWS
from eventlog.store.statement import Statement
from eventlog.store.view_base import (
    Aside,
    Batch,
    Checkpoint,
    Compared,
    Search,
    Selection,
    TableSpec,
    ViewRow,
)
from eventlog.store.view_work import Work


class SqliteViews:
    """A ViewSource. `read` and `write` run on the reading and on the writing connection."""

    batch = 500

    def __init__(self, read: Hop, write: Hop) -> None:
        self._read = read
        self._write = write

    async def checkpoints(self) -> list[Checkpoint]:
        return [Checkpoint.load(row) for row in await self._rows(VIEWS.checkpoints, {})]

    async def begin(
        self, projection: str, schema: int, tables: Sequence[TableSpec], *, beside: bool
    ) -> int:
        generation: int = await self._do(
            view_work.begin(VIEWS, projection, schema, tables, beside=beside)
        )
        return generation

    async def take_over(self, new: Checkpoint, tables: Sequence[TableSpec]) -> bool:
        return await self._do(view_work.take_over(VIEWS, new, tables)) is not None

    async def drop(self, projection: str, generation: int, tables: Sequence[TableSpec]) -> None:
        await self._do(view_work.drop(VIEWS, projection, generation, tables))

    async def headers(self, stream_id: bytes, until: int) -> list[Entry]:
        rows = await self._rows(VIEWS.headers, {"stream_id": stream_id, "until": until})
        return [Entry._make(row) for row in rows]

    async def held(
        self, table: TableSpec, generation: int, partitions: Sequence[Any], tenant: str | None
    ) -> list[ViewRow]:
        held = VIEWS.held(table, generation, of_tenant=tenant is not None)
        each = [held.args({"partition": one, "of_tenant": tenant}) for one in partitions]

        def ask(db: sqlite3.Connection) -> list[ViewRow]:
            return [row for args in each for row in db.execute(held.text, args)]

        rows: list[ViewRow] = await self._read(ask)
        return rows

    async def apply(self, batch: Batch) -> bool:
        return await self._do(view_work.apply(VIEWS, batch)) is not None

    async def select(self, selection: Selection) -> list[ViewRow]:
        return await self._rows(VIEWS.select(selection), selection.values())

    async def search(self, search: Search) -> list[ViewRow]:
        # A phrase in quotes is looked for as it is: https://sqlite.org/fts5.html, section 3.2.
        quoted = ['"' + phrase.replace('"', '""') + '"' for phrase in search.phrases]
        values = {**search.values(), "match": " ".join(quoted)}
        return await self._rows(VIEWS.search(search), values)

    async def asides(
        self, projection: str, generation: int, tenant: str, limit: int
    ) -> list[Aside]:
        of = {"of_projection": projection, "of_generation": generation, "of_tenant": tenant}
        rows = await self._rows(VIEWS.asides, {**of, "limit": limit})
        return [Aside._make(row) for row in rows]

    async def compare(
        self, table: TableSpec, first: Checkpoint, second: Checkpoint, limit: int
    ) -> Compared | None:
        work = view_work.compare(VIEWS, table, first, second, limit)
        found: Compared | None = await self._read(lambda db: _run(db, work, "BEGIN"))
        return found

    async def show(self, table: TableSpec, generation: int, *, shown: bool) -> None:
        await self._do(view_work.show(VIEWS, table, generation, shown=shown))

    async def _rows(self, statement: Statement, values: dict[str, Any]) -> list[Any]:
        args = statement.args(values)
        rows: list[Any] = await self._read(lambda db: db.execute(statement.text, args).fetchall())
        return rows

    async def _do(self, work: Work) -> Any:
        return await self._write(lambda db: _run(db, work, "BEGIN IMMEDIATE"))


def _run(db: sqlite3.Connection, work: Work, begin: str) -> Any:
    db.execute(begin)
    try:
        done = _answer(db, work)
        db.execute("COMMIT" if done is not None else "ROLLBACK")
        return done
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _answer(db: sqlite3.Connection, work: Work) -> Any:
    try:
        ask = next(work)
        while True:
            if ask.many is not None:
                db.executemany(ask.text, ask.many)
                ask = work.send([])
            else:
                ask = work.send(db.execute(ask.text, ask.args).fetchall())
    except StopIteration as end:
        return end.value
