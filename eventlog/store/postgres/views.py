"""Views in PostgreSQL: rows go in as one statement for each table, and roles may read them."""

import functools
from collections.abc import Sequence
from typing import Any

from eventlog.store.contract.views import Search, TableSpec, ViewRow
from eventlog.store.nouns.views import ViewsAlike
from eventlog.store.nouns.work import Ask, Runner, Work, ask, reads
from eventlog.store.postgres import role_statements
from eventlog.store.sql.views import ViewStatements


class PostgresViews(ViewsAlike):
    """A ViewSource."""

    batch = 2000

    def __init__(self, runner: Runner, sql: ViewStatements, schema: str) -> None:
        super().__init__(runner, sql, functools.partial(guard, schema))

    @reads
    def held(
        self, table: TableSpec, generation: int, partitions: Sequence[Any], tenant: str | None
    ) -> Work[list[ViewRow]]:
        statement = self.sql.held(table, generation, of_tenant=tenant is not None)
        return (yield ask(statement, partitions=list(partitions), of_tenant=tenant))

    @reads
    def search(self, search: Search) -> Work[list[ViewRow]]:
        phrases = {f"phrase_{number}": text for number, text in enumerate(search.phrases)}
        return (yield ask(self.sql.search(search), **search.values(), **phrases))


def guard(schema: str, relation: str, columns: Sequence[str] | None) -> Work[None]:
    """Let the roles of the log read what was made, if it has any; those of a tenant its rows."""
    rows = yield Ask(role_statements.known(schema))
    there = {row[0] for row in rows}
    for text in role_statements.guard(schema, relation, columns, there):
        yield Ask(text)
