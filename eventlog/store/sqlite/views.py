"""Views in a SQLite file: a transaction is one function on a connection's thread."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

from eventlog.store.contract.views import Checkpoint, Compared, Search, TableSpec, ViewRow
from eventlog.store.nouns import views as view_work
from eventlog.store.nouns.stored_views import StoredViews
from eventlog.store.nouns.views import Work
from eventlog.store.sql.statement import Statement
from eventlog.store.sqlite.snapshots import Hop
from eventlog.store.sqlite.statements import VIEWS


class SqliteViews(StoredViews):
    """A ViewSource. `read` and `write` run on the reading and on the writing connection."""

    batch = 1000

    def __init__(self, read: Hop, write: Hop) -> None:
        super().__init__(VIEWS)
        self._read = read
        self._write = write

    async def held(
        self, table: TableSpec, generation: int, partitions: Sequence[Any], tenant: str | None
    ) -> list[ViewRow]:
        held = self._sql.held(table, generation, of_tenant=tenant is not None)
        each = [held.args({"partition": one, "of_tenant": tenant}) for one in partitions]

        def ask(db: sqlite3.Connection) -> list[ViewRow]:
            return [row for args in each for row in db.execute(held.text, args)]

        rows: list[ViewRow] = await self._read(ask)
        return rows

    async def search(self, search: Search) -> list[ViewRow]:
        # A phrase in quotes is looked for as it is: https://sqlite.org/fts5.html, section 3.2.
        quoted = ['"' + phrase.replace('"', '""') + '"' for phrase in search.phrases]
        values = {**search.values(), "match": " ".join(quoted)}
        return await self._rows(self._sql.search(search), values)

    async def compare(
        self, table: TableSpec, first: Checkpoint, second: Checkpoint, limit: int
    ) -> Compared | None:
        work = view_work.compare(self._sql, table, first, second, limit)
        found: Compared | None = await self._read(lambda db: _run(db, work, "BEGIN"))
        return found

    async def _rows(self, statement: Statement, values: dict[str, Any]) -> list[Any]:
        args = statement.args(values)
        rows: list[Any] = await self._read(lambda db: db.execute(statement.text, args).fetchall())
        return rows

    async def _do(self, begin: Callable[[], Work]) -> Any:
        return await self._write(lambda db: _run(db, begin(), "BEGIN IMMEDIATE"))


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
