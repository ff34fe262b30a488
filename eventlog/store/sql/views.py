"""The statements of views, for both databases."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Final

from sqlalchemy import (
    ClauseElement,
    ColumnElement,
    LargeBinary,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    case,
    column,
    delete,
    exists,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    true,
    update,
)
from sqlalchemy import table as named_table
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.schema import CreateIndex, CreateTable

from eventlog.store.contract.views import (
    Checkpoint,
    DeadLetter,
    Search,
    Selection,
    TableSpec,
    ViewRow,
)
from eventlog.store.sql.log import Statements, compiled
from eventlog.store.sql.schema import Dialect, metadata
from eventlog.store.sql.statement import Statement
from eventlog.store.sql.view_tables import SEARCHABLE, column_type, readable, table
from eventlog.store.sql.view_text import table_name, text_index

_LOCK: Final = 7_306_867_134_501_212_248
"""Key of the advisory lock of those who make or delete tables of views."""

_CACHED: Final = 512


class ViewStatements:
    """Statements over the tables of views, compiled when they are first used.

    Those over a generation of a table are PostgreSQL's; SQLite's are in `view_sqlite_sql`.
    """

    def __init__(self, sql: Statements, dialect: Dialect, schema: str | None) -> None:
        self.dialect: Final[Dialect] = dialect
        self.schema: Final = schema
        tables = metadata(dialect, schema).tables
        prefix = "" if schema is None else f"{schema}."
        self._checkpoints = tables[f"{prefix}checkpoints"]
        self._set_aside = tables[f"{prefix}set_aside"]
        self._sql = sql
        self._known: dict[Hashable, Statement] = {}
        self.compile = sql.compile

    @property
    def lock(self) -> Statement | None:
        """What makes those who change tables wait for each other, where BEGIN does not."""
        if self.dialect == "sqlite":
            return None
        return Statement(f"SELECT pg_advisory_xact_lock({_LOCK})", ())

    @compiled
    def checkpoints(self) -> Select[*tuple[Any, ...]]:
        points = self._checkpoints.c
        columns = [points[name] for name in Checkpoint._fields]
        return select(*columns).order_by(points.projection, points.generation)

    @compiled
    def add_checkpoint(self) -> ClauseElement:
        return insert(self._checkpoints).values(
            {name: bindparam(name) for name in Checkpoint._fields}
        )

    @compiled
    def move(self) -> ClauseElement:
        points = self._checkpoints.c
        return (
            update(self._checkpoints)
            .values(
                position=bindparam("after"), rate=bindparam("new_rate"), moved_at=bindparam("at")
            )
            .where(*self._which(self._checkpoints), points.position == bindparam("before"))
            .returning(points.position)
        )

    @compiled
    def serve(self) -> ClauseElement:
        return update(self._checkpoints).values(is_serving=1).where(*self._which(self._checkpoints))

    @compiled
    def served(self) -> Select[*tuple[Any, ...]]:
        """Read, and keep from moving, the generations of a projection."""
        points = self._checkpoints.c
        return (
            select(*[points[name] for name in Checkpoint._fields])
            .where(points.projection == bindparam("of_projection", type_=Text))
            .order_by(points.generation)
            .with_for_update()
        )

    @compiled
    def drop_checkpoint(self) -> ClauseElement:
        return delete(self._checkpoints).where(*self._which(self._checkpoints))

    @compiled
    def drop_asides(self) -> ClauseElement:
        return delete(self._set_aside).where(*self._which(self._set_aside))

    @compiled
    def add_aside(self) -> ClauseElement:
        return insert(self._set_aside).values(
            {name: bindparam(name) for name in DeadLetter._fields}
        )

    @compiled
    def asides(self) -> Select[*tuple[Any, ...]]:
        aside = self._set_aside.c
        return (
            select(*[aside[name] for name in DeadLetter._fields])
            .where(*self._which(self._set_aside), self._of_tenant(self._set_aside))
            .order_by(aside.position.desc())
            .limit(bindparam("limit"))
        )

    @compiled
    def headers(self) -> Select[*tuple[Any, ...]]:
        events = self._sql.events.c
        nothing = literal(b"", LargeBinary)
        return (
            self._sql.of_stream(
                events.version,
                events.kind,
                events.schema,
                events.header,
                events.codec,
                events.key_id,
                nothing.label("body"),
                events.hash,
            )
            .where(events.version <= bindparam("until"))
            .order_by(events.version)
        )

    @compiled
    def is_ours(self) -> ClauseElement:
        """Ask whether what has a name was made by `show`: 1 or 0; no row where nothing has it."""
        name = bindparam("name", type_=Text)
        ours = bindparam("ours", type_=Text)
        if self.dialect == "sqlite":
            there = named_table("sqlite_master", column("name"), column("sql"))
            made = func.instr(there.c.sql, ours) > 0
            return select(case((made, 1), else_=0)).where(there.c.name == name)
        there = named_table(
            "tables", column("table_name"), column("table_schema"), schema="information_schema"
        )
        views = named_table(
            "pg_views", column("viewname"), column("schemaname"), column("definition")
        )
        of_schema = literal(self.schema, Text)
        same = (views.c.viewname == there.c.table_name) & (views.c.schemaname == of_schema)
        made = func.strpos(views.c.definition, ours) > 0
        return (
            select(case((made, 1), else_=0))
            .select_from(there.outerjoin(views, same))
            .where(there.c.table_name == name, there.c.table_schema == of_schema)
        )

    def create(self, spec: TableSpec, generation: int) -> list[Statement]:
        """Make the table of a generation, and what belongs to it."""
        made = self._table(spec, generation)
        # In the order of their names: a set of indexes has none.
        indexes = sorted(made.indexes, key=lambda index: str(index.name))
        steps = [self.compile(CreateTable(made)), *(self.compile(CreateIndex(i)) for i in indexes)]
        if spec.text is not None and self.dialect == "sqlite":
            steps += [Statement(text, ()) for text in text_index(spec, generation)]
        return steps

    def drop(self, spec: TableSpec, generation: int) -> list[Statement]:
        """Delete the table of a generation."""
        names = [self._table(spec, generation).name]
        if spec.text is not None and self.dialect == "sqlite":
            names.append(f"{table_name(spec, generation)}_text")
        return [Statement(f"DROP TABLE IF EXISTS {self._quoted(name)}", ()) for name in names]

    def show(self, spec: TableSpec, generation: int) -> Statement:
        """Make the readable view of a table."""
        seen = readable(spec, generation, self.dialect, self.schema)
        text = self._sql.literal(seen)
        return Statement(f"CREATE VIEW {self._quoted(spec.readable or '')} AS {text}", ())

    def hide(self, spec: TableSpec) -> Statement:
        """Delete the readable view of a table."""
        return Statement(f"DROP VIEW IF EXISTS {self._quoted(spec.readable or '')}", ())

    def put(
        self, spec: TableSpec, generation: int, rows: Sequence[ViewRow]
    ) -> list[tuple[str, list[Any]]]:
        """Put rows, each in the place of the one with its key: an array for each column."""
        put = self._once(("put", spec, generation), lambda: self._put(spec, generation))
        return [(put.text, [list(values) for values in zip(*rows, strict=True)])]

    def mark(self, spec: TableSpec, generation: int) -> Statement:
        """Mark rows by their place."""
        return self._once(("mark", spec, generation), lambda: self._mark(spec, generation))

    def forget(self, spec: TableSpec, generation: int, width: int) -> Statement:
        """Delete rows by the first columns of their key."""
        shape = ("forget", spec, generation, width)
        return self._once(shape, lambda: self._forget(spec, generation, width))

    def held(self, spec: TableSpec, generation: int, *, of_tenant: bool) -> Statement:
        """Read the rows of several partitions."""
        shape = ("held", spec, generation, of_tenant)
        return self._once(shape, lambda: self._held(spec, generation, of_tenant=of_tenant))

    def select(self, asked: Selection) -> Statement:
        """Read a page of rows."""
        shape = ("select", *asked[:2], tuple(asked.equal), asked.order, asked.after is not None)
        return self._once(shape, lambda: self._select(asked))

    def search(self, asked: Search) -> Statement:
        """Find rows by their text."""
        shape = ("search", *asked[:2], tuple(asked.equal), len(asked.phrases))
        return self._once(shape, lambda: self._search(asked))

    def only_in(self, spec: TableSpec, generation: int, other: int) -> Statement:
        """Read rows that the other generation has not."""
        ours, theirs = (select(*self._columns(spec, which)) for which in (generation, other))
        return self.compile(ours.except_(theirs).limit(bindparam("limit")))

    def _once(self, shape: Hashable, build: Callable[[], ClauseElement]) -> Statement:
        found = self._known.get(shape)
        if found is None:
            if len(self._known) >= _CACHED:
                self._known.clear()
            found = self._known[shape] = self.compile(build())
        return found

    def _table(self, spec: TableSpec, generation: int) -> Table:
        return table(spec, generation, self.dialect, self.schema)

    def _columns(self, spec: TableSpec, generation: int) -> list[ColumnElement[Any]]:
        made = self._table(spec, generation)
        return [made.c[column.name] for column in spec.columns]

    def _quoted(self, name: str) -> str:
        return name if self.schema is None else f"{self._sql.quoted(self.schema)}.{name}"

    def _which(self, owner: Table) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        return (
            owner.c.projection == bindparam("of_projection", type_=Text),
            owner.c.generation == bindparam("of_generation", type_=owner.c.generation.type),
        )

    def _put(self, spec: TableSpec, generation: int) -> ClauseElement:
        from eventlog.store.postgres.statements import unnest

        made = self._table(spec, generation)
        names = [column.name for column in spec.columns]
        others = [name for name in names if name not in spec.key]
        types = {column.name: column_type(column.type) for column in spec.columns}
        rows = unnest("new_", types, "new")
        put = postgres_insert(made).from_select(names, select(*rows.c))
        if not others:
            return put.on_conflict_do_nothing(index_elements=spec.key)
        return put.on_conflict_do_update(
            index_elements=spec.key, set_={name: put.excluded[name] for name in others}
        )

    def _mark(self, spec: TableSpec, generation: int) -> ClauseElement:
        made = self._table(spec, generation)
        rows = made.c
        wanted = bindparam("is_removed", type_=rows.removed.type)
        return (
            update(made)
            .values(removed=wanted)
            .where(
                rows.stream_id == bindparam("of_stream", type_=LargeBinary),
                rows.place >= bindparam("start", type_=rows.place.type),
                rows.place < bindparam("stop", type_=rows.place.type),
                rows.version >= bindparam("first", type_=rows.version.type),
                rows.version <= bindparam("last", type_=rows.version.type),
                rows.removed != wanted,
            )
        )

    def _forget(self, spec: TableSpec, generation: int, width: int) -> ClauseElement:
        made = self._table(spec, generation)
        return delete(made).where(*_equal(made, spec.key[:width]))

    def _of_tenant(self, rows: Table) -> ColumnElement[bool]:
        """Say which rows are those of the tenant."""
        tenant = bindparam("of_tenant", type_=Text)
        if "tenant" in rows.c:
            return rows.c.tenant == tenant
        if "stream_id" not in rows.c:
            return true()
        streams = self._sql.streams.c
        return exists().where(streams.stream_id == rows.c.stream_id, streams.tenant == tenant)

    def _held(self, spec: TableSpec, generation: int, *, of_tenant: bool) -> ClauseElement:
        made = self._table(spec, generation)
        first = made.c[spec.key[0]]
        rows = select(*self._columns(spec, generation))
        if of_tenant:
            rows = rows.where(self._of_tenant(made))
        several = bindparam("partitions", type_=ARRAY(first.type))
        return rows.where(first == func.any(several))

    def _select(self, asked: Selection) -> ClauseElement:
        rows = self._table(asked.table, asked.generation)
        order = [_direction(rows, name) for name in asked.order]
        query = select(*self._columns(asked.table, asked.generation)).where(
            self._of_tenant(rows), *_equal(rows, tuple(asked.equal))
        )
        if asked.after is not None:
            query = query.where(_behind(order))
        sorting = [column.desc() if falls else column for column, falls in order]
        return query.order_by(*sorting).limit(bindparam("limit"))

    def _search(self, asked: Search) -> ClauseElement:
        rows = self._table(asked.table, asked.generation)
        query = select(*self._columns(asked.table, asked.generation)).where(
            self._of_tenant(rows), *_equal(rows, tuple(asked.equal))
        )
        phrases = [
            func.phraseto_tsquery(literal_column("'simple'"), bindparam(f"phrase_{n}", type_=Text))
            for n in range(len(asked.phrases))
        ]
        wanted: ColumnElement[Any] = phrases[0]
        for phrase in phrases[1:]:
            wanted = wanted.op("&&")(phrase)
        found = rows.c[SEARCHABLE]
        rank = func.ts_rank(found, wanted)
        newest = [rows.c[name].desc() for name in asked.table.key]
        return (
            query.where(found.op("@@")(wanted))
            .order_by(rank.desc(), *newest)
            .limit(bindparam("limit"))
        )


def _equal(rows: Table, names: Sequence[str]) -> list[ColumnElement[bool]]:
    return [rows.c[name] == bindparam(f"is_{name}", type_=rows.c[name].type) for name in names]


def _direction(rows: Table, name: str) -> tuple[ColumnElement[Any], bool]:
    return rows.c[name.removeprefix("-")], name.startswith("-")


def _behind(order: Sequence[tuple[ColumnElement[Any], bool]]) -> ColumnElement[bool]:
    """Rows behind the values of `after_0`, `after_1` ...: in the first that differs, beyond."""
    values = [
        bindparam(f"after_{number}", type_=column.type) for number, (column, _) in enumerate(order)
    ]
    return or_(
        *[
            and_(
                *[column == value for (column, _), value in zip(order[:n], values, strict=False)],
                order[n][0] < values[n] if order[n][1] else order[n][0] > values[n],
            )
            for n in range(len(order))
        ]
    )
