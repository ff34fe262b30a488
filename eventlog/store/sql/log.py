"""The statements that both stores share, written in SQLAlchemy Core, compiled once for the driver.

The hot paths run the compiled text on the driver's own connection. Every statement of the append
and read path names exactly one stream.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, overload

from sqlalchemy import (
    BigInteger,
    ClauseElement,
    Column,
    ColumnElement,
    Insert,
    Select,
    Table,
    Text,
    Update,
    and_,
    bindparam,
    case,
    cast,
    exists,
    func,
    insert,
    literal,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.engine import Dialect as Driver

from eventlog.format.records import StoredEvent
from eventlog.store.sql.schema import Dialect, metadata
from eventlog.store.sql.statement import Statement
from eventlog.store.sql.stream_rows import FIRST, STREAM

_DRIVERS: Final[Mapping[Dialect, Driver]] = {
    "sqlite": sqlite.dialect(paramstyle="qmark"),
    "postgresql": asyncpg.dialect(),  # type: ignore[no-untyped-call]
}


class compiled:  # noqa: N801 - a decorator
    """A statement of its owner, compiled when it is first asked for: that takes a millisecond."""

    def __init__(self, build: Callable[[Any], ClauseElement]) -> None:
        self._build = build
        self._name = build.__name__
        self.__doc__ = build.__doc__

    @overload
    def __get__(self, owner: None, kind: type) -> "compiled": ...

    @overload
    def __get__(self, owner: "Compiles", kind: type) -> Statement: ...

    def __get__(self, owner: "Compiles | None", kind: type) -> "Statement | compiled":
        """Compile, once for each owner."""
        if owner is None:
            return self
        statement = owner.compile(self._build(owner))
        vars(owner)[self._name] = statement
        return statement


class Compiles(Protocol):
    """Whoever has statements."""

    def compile(self, statement: ClauseElement) -> Statement:
        """Compile for the driver."""
        ...


class Statements:
    """What both stores ask."""

    def __init__(self, dialect: Dialect, schema: str | None = None) -> None:
        tables = metadata(dialect, schema).tables
        self._dialect: Dialect = dialect
        self._prefix = "" if schema is None else f"{schema}."
        self.streams: Table = tables[f"{self._prefix}streams"]
        self.events: Table = tables[f"{self._prefix}events"]
        self.row: list[Column[Any]] = [self.events.c[name] for name in StoredEvent._fields]

    def compile(self, statement: ClauseElement) -> Statement:
        """Compile for the driver."""
        compiled = statement.compile(dialect=_DRIVERS[self._dialect])
        defaults: Mapping[str, Any] = compiled.params or {}
        names: list[str] = getattr(compiled, "positiontup", None) or []
        return Statement(str(compiled), tuple((name, defaults[name]) for name in names))

    def literal(self, statement: ClauseElement) -> str:
        """Compile with its values in the text, for what the database keeps as text."""
        return str(
            statement.compile(
                dialect=_DRIVERS[self._dialect], compile_kwargs={"literal_binds": True}
            )
        )

    def quoted(self, name: str) -> str:
        """Return the name of a schema as SQL has it."""
        return _DRIVERS[self._dialect].identifier_preparer.quote_schema(name)

    def of_stream(self, *columns: ColumnElement[Any]) -> Select[*tuple[Any, ...]]:
        """Select from the events of the one stream that is asked for."""
        return select(*columns).where(self.events.c.stream_id == bindparam("stream_id"))

    def new_stream(self) -> dict[str, Any]:
        """Return the values of a stream's first row, as parameters."""
        return {name: bindparam(name, type_=self.streams.c[name].type) for name in FIRST}

    def moved_stream(self) -> Update:
        """Move the head of the one stream that is asked for."""
        streams = self.streams.c
        names = ("version", "head_hash", "head_at")
        return (
            update(self.streams)
            .values({name: bindparam(name, type_=streams[name].type) for name in names})
            .where(streams.stream_id == bindparam("of_stream", type_=streams.stream_id.type))
        )

    @compiled
    def page(self) -> Select[*tuple[Any, ...]]:
        version = self.events.c.version
        return (
            self.of_stream(*self.row)
            .where(version > bindparam("after"), version <= bindparam("until"))
            .order_by(version)
            .limit(bindparam("limit"))
        )

    @compiled
    def version_at(self) -> Select[*tuple[Any, ...]]:
        """Bisect: time never falls within a stream, and no index on it has to be kept."""
        events, streams = self.events.c, self.streams.c
        of_stream = bindparam("stream_id", type_=events.stream_id.type)
        head = select(streams.version).where(streams.stream_id == of_stream).scalar_subquery()
        search = select(
            cast(literal(0), BigInteger).label("low"),
            cast(func.coalesce(head, 0), BigInteger).label("high"),
        ).cte("search", recursive=True)
        middle = (search.c.low + search.c.high + 1) // 2
        at = (
            select(events.recorded_at)
            .where(events.stream_id == of_stream, events.version == middle)
            .scalar_subquery()
        )
        is_before = at <= bindparam("moment", type_=BigInteger)
        search = search.union_all(
            select(
                case((is_before, middle), else_=search.c.low),
                case((is_before, search.c.high), else_=middle - 1),
            ).where(search.c.low < search.c.high)
        )
        return select(search.c.low).where(search.c.low >= search.c.high)

    def stream_rows(self, *where: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
        """Select streams as rows that `stream_row` reads."""
        return select(*[self.streams.c[name] for name in STREAM]).where(*where)

    @compiled
    def stream(self) -> Select[*tuple[Any, ...]]:
        return self.stream_rows(self.streams.c.stream_id == bindparam("stream_id"))

    @compiled
    def children(self) -> Select[*tuple[Any, ...]]:
        """Find the forks of a stream."""
        return self.stream_rows(self.streams.c.parent_id == bindparam("parent_id"))

    @compiled
    def stream_page(self) -> Select[*tuple[Any, ...]]:
        """Read by name, the main branches only."""
        streams = self.streams.c
        return (
            self.stream_rows(
                streams.tenant == bindparam("tenant"),
                streams.name > bindparam("after"),
                streams.branch == literal("", Text),
            )
            .order_by(streams.name)
            .limit(bindparam("limit"))
        )

    @compiled
    def latest(self) -> Select[*tuple[Any, ...]]:
        """Look at every head of the tenant: an index would be one more write of each append."""
        streams = self.streams.c
        return (
            self.stream_rows(streams.tenant == bindparam("tenant"))
            .order_by(streams.head_at.desc(), streams.name)
            .limit(1)
        )

    @compiled
    def every_stream_page(self) -> Select[*tuple[Any, ...]]:
        streams = self.streams.c
        place = tuple_(streams.name, streams.branch)
        after = tuple_(bindparam("after", type_=Text), bindparam("after_branch", type_=Text))
        return (
            self.stream_rows(streams.tenant == bindparam("tenant"), place > after)
            .order_by(streams.name, streams.branch)
            .limit(bindparam("limit"))
        )

    @compiled
    def branch_page(self) -> Select[*tuple[Any, ...]]:
        """Read the branches of one conversation by name; the main branch is none of them."""
        streams = self.streams.c
        return (
            self.stream_rows(
                streams.tenant == bindparam("tenant"),
                streams.name == bindparam("name"),
                streams.branch > bindparam("after"),
            )
            .order_by(streams.branch)
            .limit(bindparam("limit"))
        )

    @compiled
    def of_kind(self) -> Select[*tuple[Any, ...]]:
        version = self.events.c.version
        return (
            self.of_stream(*self.row)
            .where(
                version > bindparam("after"),
                version <= bindparam("until"),
                self.events.c.kind == bindparam("kind"),
            )
            .order_by(version)
            .limit(bindparam("limit"))
        )

    @compiled
    def unlisted(self) -> Select[*tuple[Any, ...]]:
        streams = self.streams.c
        is_listed = and_(streams.tenant == bindparam("tenant"), streams.name != "")
        return (
            select(streams.stream_id, streams.tenant, streams.name, streams.branch)
            .where(streams.stream_id > bindparam("after"), ~is_listed)
            .order_by(streams.stream_id)
            .limit(bindparam("limit"))
        )

    @compiled
    def strays(self) -> Select[*tuple[Any, ...]]:
        known = exists().where(self.streams.c.stream_id == self.events.c.stream_id)
        return select(self.events.c.stream_id).where(~known).distinct().limit(100)


class SqliteStatements(Statements):
    """One append is a handful of these inside one transaction, on the connection's thread."""

    def __init__(self) -> None:
        super().__init__("sqlite")

    @compiled
    def head(self) -> Select[*tuple[Any, ...]]:
        streams = self.streams.c
        head = (streams.version, streams.head_hash, streams.head_at, streams.key_id)
        return select(*head).where(streams.stream_id == bindparam("stream_id"))

    @compiled
    def by_event_id(self) -> Select[*tuple[Any, ...]]:
        return self.of_stream(*self.row).where(self.events.c.event_id == bindparam("event_id"))

    @compiled
    def insert_event(self) -> Insert:
        values: dict[str, Any] = {name: bindparam(name) for name in StoredEvent._fields}
        return insert(self.events).values(values)

    @compiled
    def insert_stream(self) -> Insert:
        return insert(self.streams).values(self.new_stream())

    @compiled
    def update_stream(self) -> Update:
        return self.moved_stream()
