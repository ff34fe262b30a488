"""Views in PostgreSQL: rows go in as one statement for each table, and roles may read them."""

from collections.abc import Sequence

from eventlog.store.contract.views import Put
from eventlog.store.nouns.views import Views
from eventlog.store.nouns.work import Ask, Runner, Work
from eventlog.store.postgres.view_statements import PostgresViewStatements
from eventlog.store.sql.roles import known
from eventlog.store.sql.row_security import guard


class PostgresViews(Views):
    """A ViewSource."""

    batch = 2000

    def __init__(self, runner: Runner, sql: PostgresViewStatements, schema: str) -> None:
        super().__init__(runner, sql)
        self._sql = sql
        self._schema = schema

    def put(self, put: Put) -> Work[None]:
        text = self._sql.put(put.table, put.generation)
        yield Ask(text, self._sql.arrays(put.table, put.rows))

    def guard(self, relation: str, columns: Sequence[str] | None) -> Work[None]:
        rows = yield Ask(known(self._schema))
        there = {row[0] for row in rows}
        for text in guard(self._schema, relation, columns, there):
            yield Ask(text)
