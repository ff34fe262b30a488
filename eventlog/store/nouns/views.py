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
    NamedLetter,
    Purge,
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
from eventlog.store.sql.statement import Statement
from eventlog.store.sql.view_rows import ViewStatements
from eventlog.store.sql.view_text import index_new, is_of_generation, table_name, table_name_of


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

    @reads
    def are_there(self, generation: int, tables: Sequence[TableSpec]) -> Work[bool]:
        for table in tables:
            if not (yield ask(self.sql.is_ours, name=table_name(table, generation), ours="")):
                return False
        return True

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
    def headers(self, stream_id: bytes, after: int, until: int) -> Work[list[FoldInput]]:
        rows = yield ask(self.sql.headers, stream_id=stream_id, after=after, until=until)
        return [FoldInput._make(row) for row in rows]

    @transacts
    def apply(self, batch: Batch) -> Work[bool]:
        """Move the checkpoints and write the rows; False if a checkpoint is elsewhere."""
        for moved in batch.moves:
            if not (yield _move(self.sql, moved)):
                return False
        for write in batch.writes:
            yield from self._write(write)
        if batch.asides:
            add = self.sql.add_aside
            yield Repeat(add.text, [add.args(aside._asdict()) for aside in batch.asides])
        if batch.taken:
            yield _each_letter(self.sql.drop_aside, batch.taken)
        for projection, generation, stream_id in batch.purged:
            of = {"of_projection": projection, "of_generation": generation}
            yield ask(self.sql.drop_purge, of_stream=stream_id, **of)
        return not batch.is_trial

    @reads
    def held(
        self, table: TableSpec, generation: int, partitions: Sequence[Any], tenant: str | None
    ) -> Work[list[ViewRow]]:
        statement = self.sql.held(table, generation, of_tenant=tenant is not None)
        every = [{"partition": one} for one in partitions]
        return (yield Each(statement, every, {"of_tenant": tenant}))

    @reads
    def search(self, search: Search) -> Work[list[ViewRow]]:
        match = self.sql.match(search.phrases)
        return (yield ask(self.sql.search(search), match=match, **search.values()))

    @reads
    def select(self, selection: Selection) -> Work[list[ViewRow]]:
        return (yield ask(self.sql.select(selection), **selection.values()))

    @reads
    def asides(
        self, projection: str, generation: int, tenant: str | None, limit: int
    ) -> Work[list[NamedLetter]]:
        of = {"of_projection": projection, "of_generation": generation, "of_tenant": tenant}
        rows = yield ask(self.sql.asides, limit=limit, **of)
        size = len(DeadLetter._fields)
        return [NamedLetter(DeadLetter._make(row[:size]), *row[size:]) for row in rows]

    @reads
    def letters(
        self, projection: str, generation: int, streams: Sequence[bytes]
    ) -> Work[list[DeadLetter]]:
        of = {"of_projection": projection, "of_generation": generation}
        every = [{"stream_id": each} for each in streams]
        rows = yield Each(self.sql.letters, every, of)
        return [DeadLetter._make(row) for row in rows]

    @transacts
    def skip(self, letters: Sequence[DeadLetter], at: int) -> Work[None]:
        yield _each_letter(self.sql.skip_aside, letters, at=at)

    @reads
    def purges(self, tenant: str | None) -> Work[list[Purge]]:
        return [Purge._make(row) for row in (yield ask(self.sql.purges, of_tenant=tenant))]

    @transacts
    def wipe(self, point: Checkpoint, streams: Sequence[bytes], kept: Sequence[str]) -> Work[None]:
        of = {"of_projection": point.projection, "of_generation": point.generation}
        yield ask(self.sql.renew, **of)
        names = {table_name_of(name, point.generation) for name in kept}
        for table, column in (yield ask(self.sql.owners(), schema=self.sql.schema)):
            if is_of_generation(table, point.generation) and table not in names:
                yield Repeat(self.sql.wipe(table, column).text, [(each,) for each in streams])

    def put(self, put: Put) -> Work[None]:
        """Put rows one by one, and then all of their words into the index.

        A database that takes them by another statement says so.
        """
        rows = Repeat(self.sql.put(put.table, put.generation), put.rows)
        if put.table.text is None:
            yield rows
            return
        asked, index = index_new(put.table, put.generation)
        ((last,),) = yield Ask(asked)
        yield rows
        yield Ask(index, [last])

    def _write(self, write: Put | Mark | Forgotten) -> Work[None]:
        if isinstance(write, Put):
            yield from self.put(write)
        elif isinstance(write, Forgotten):
            width = len(write.keys[0])
            yield Repeat(self.sql.forget(write.table, write.generation, width).text, write.keys)
        else:
            yield _mark(self.sql, write)


def _move(sql: ViewStatements, moved: Moved) -> Ask:
    return ask(
        sql.move,
        of_projection=moved.projection,
        of_generation=moved.generation,
        before=moved.before,
        after=moved.after,
        new_rate=moved.rate,
        at=moved.at,
        of_epoch=moved.epoch,
        renews=int(moved.renews),
    )


def _each_letter(statement: Statement, letters: Sequence[DeadLetter], **values: Any) -> Repeat:
    every = [
        statement.args(
            {
                "of_projection": letter.projection,
                "of_generation": letter.generation,
                "of_position": letter.position,
                **values,
            }
        )
        for letter in letters
    ]
    return Repeat(statement.text, every)


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
