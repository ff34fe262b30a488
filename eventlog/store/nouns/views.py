"""Views: the tables that projections fill, their checkpoints and their rows."""

from collections.abc import Sequence
from typing import Any

from eventlog.format.records import FoldInput
from eventlog.store.contract.log import MAX_VERSION
from eventlog.store.contract.views import (
    Batch,
    Checkpoint,
    Compared,
    DeadLetter,
    Forgotten,
    Mark,
    Moved,
    Put,
    Search,
    Selection,
    TableSpec,
    ViewRow,
)
from eventlog.store.nouns.generations import Generations
from eventlog.store.nouns.work import (
    Ask,
    Each,
    Noun,
    Repeat,
    Runner,
    Work,
    ask,
    reads,
    reads_at_once,
    transacts,
)
from eventlog.store.sql.view_rows import ViewStatements
from eventlog.store.sql.view_text import index_new


class Views(Noun):
    """A ViewSource."""

    batch = 1000

    def __init__(self, runner: Runner, sql: ViewStatements) -> None:
        super().__init__(runner)
        self.sql = sql

    @property
    def _generations(self) -> Generations:
        # Not kept: what it would be kept in, it refers to, and connections end with their store.
        return Generations(self.sql, self.guard)

    def guard(self, _relation: str, _columns: Sequence[str] | None) -> Work[None]:
        """Let the roles of the log read what was made, where a database has roles.

        It is a table with these columns, or a view of SQL, which has None.
        """
        yield from ()

    @reads
    def checkpoints(self) -> Work[list[Checkpoint]]:
        return [Checkpoint.load(row) for row in (yield ask(self.sql.checkpoints))]

    @transacts
    def begin(
        self, projection: str, schema: int, tables: Sequence[TableSpec], *, beside: bool
    ) -> Work[int]:
        return self._generations.begin(projection, schema, tables, beside=beside)

    @transacts
    def take_over(self, new: Checkpoint, tables: Sequence[TableSpec]) -> Work[bool]:
        return self._generations.take_over(new, tables)

    @transacts
    def drop(self, projection: str, generation: int, tables: Sequence[TableSpec]) -> Work[None]:
        return self._generations.drop(projection, generation, tables)

    @reads_at_once
    def compare(
        self, table: TableSpec, first: Checkpoint, second: Checkpoint, limit: int
    ) -> Work[Compared | None]:
        return self._generations.compare(table, first, second, limit)

    @transacts
    def show(self, table: TableSpec, generation: int, *, shown: bool) -> Work[None]:
        return self._generations.show(table, generation, shown=shown)

    @reads
    def headers(self, stream_id: bytes, until: int) -> Work[list[FoldInput]]:
        rows = yield ask(self.sql.headers, stream_id=stream_id, until=until)
        return [FoldInput._make(row) for row in rows]

    @transacts
    def apply(self, batch: Batch) -> Work[bool]:
        """Move the checkpoints and write the rows; False if a checkpoint is elsewhere."""
        for moved in batch.moves:
            if not (yield _move(self.sql, moved)):
                return False
        for write in batch.writes:
            if isinstance(write, Put):
                yield from _put(self.sql, write)
            elif isinstance(write, Forgotten):
                width = len(write.keys[0])
                statement = self.sql.forget(write.table, write.generation, width)
                yield Repeat(statement.text, write.keys)
            else:
                yield _mark(self.sql, write)
        if batch.asides:
            add = self.sql.add_aside
            yield Repeat(add.text, [add.args(aside._asdict()) for aside in batch.asides])
        return True

    @reads
    def held(
        self, table: TableSpec, generation: int, partitions: Sequence[Any], tenant: str | None
    ) -> Work[list[ViewRow]]:
        statement = self.sql.held(table, generation, of_tenant=tenant is not None)
        every = [{"partition": one} for one in partitions]
        return (yield Each(statement, every, {"of_tenant": tenant}))

    @reads
    def search(self, search: Search) -> Work[list[ViewRow]]:
        phrases = {f"phrase_{number}": text for number, text in enumerate(search.phrases)}
        match = words(search.phrases)
        return (yield ask(self.sql.search(search), match=match, **phrases, **search.values()))

    @reads
    def select(self, selection: Selection) -> Work[list[ViewRow]]:
        return (yield ask(self.sql.select(selection), **selection.values()))

    @reads
    def asides(
        self, projection: str, generation: int, tenant: str, limit: int
    ) -> Work[list[DeadLetter]]:
        of = {"of_projection": projection, "of_generation": generation, "of_tenant": tenant}
        rows = yield ask(self.sql.asides, limit=limit, **of)
        return [DeadLetter._make(row) for row in rows]


def words(phrases: Sequence[str]) -> str:
    """Return what SQLite looks for: quoted phrases, as they are (fts5.html, section 3.2)."""
    return " ".join('"' + phrase.replace('"', '""') + '"' for phrase in phrases)


def _move(sql: ViewStatements, moved: Moved) -> Ask:
    return ask(
        sql.move,
        of_projection=moved.projection,
        of_generation=moved.generation,
        before=moved.before,
        after=moved.after,
        new_rate=moved.rate,
        at=moved.at,
    )


def _put(sql: ViewStatements, put: Put) -> Work[None]:
    if put.table.text is None or sql.dialect == "postgresql":
        yield from _rows(sql, put)
    else:
        asked, index = index_new(put.table, put.generation)
        ((last,),) = yield Ask(asked)
        yield from _rows(sql, put)
        yield Ask(index, [last])


def _rows(sql: ViewStatements, put: Put) -> Work[None]:
    for text, args in sql.put(put.table, put.generation, put.rows):
        yield Ask(text, args)


def _mark(sql: ViewStatements, mark: Mark) -> Repeat:
    statement = sql.mark(mark.table, mark.generation)
    rows = [
        statement.args(
            {
                "is_removed": int(removed.removed),
                "of_stream": removed.stream_id,
                "start": removed.start,
                "stop": removed.stop,
                "first": removed.version or 0,
                "last": removed.version or MAX_VERSION,
            }
        )
        for removed in mark.removals
    ]
    return Repeat(statement.text, rows)
