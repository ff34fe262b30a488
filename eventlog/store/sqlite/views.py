"""Views in a SQLite file: what its text search and its lack of arrays ask for."""

from collections.abc import Sequence
from typing import Any

from eventlog.store.contract.views import Search, TableSpec, ViewRow
from eventlog.store.nouns.generations import no_roles
from eventlog.store.nouns.views import ViewsAlike
from eventlog.store.nouns.work import Each, Runner, Work, ask, reads
from eventlog.store.sqlite.statements import VIEWS


class SqliteViews(ViewsAlike):
    """A ViewSource."""

    batch = 1000

    def __init__(self, runner: Runner) -> None:
        super().__init__(runner, VIEWS, no_roles)

    @reads
    def held(
        self, table: TableSpec, generation: int, partitions: Sequence[Any], tenant: str | None
    ) -> Work[list[ViewRow]]:
        statement = self.sql.held(table, generation, of_tenant=tenant is not None)
        every = [{"partition": one, "of_tenant": tenant} for one in partitions]
        return (yield Each(statement, every))

    @reads
    def search(self, search: Search) -> Work[list[ViewRow]]:
        # A phrase in quotes is looked for as it is: https://sqlite.org/fts5.html, section 3.2.
        quoted = ['"' + phrase.replace('"', '""') + '"' for phrase in search.phrases]
        return (yield ask(self.sql.search(search), match=" ".join(quoted), **search.values()))
