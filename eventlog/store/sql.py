"""The statements that both stores share, written in SQLAlchemy Core, compiled once for the driver.

The hot paths run the compiled text on the driver's own connection. Every statement of the append
and read path names exactly one stream.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    ClauseElement,
    Column,
    ColumnElement,
    Select,
    Table,
    Update,
    bindparam,
    case,
    cast,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.engine import Dialect as Driver

from eventlog.records import StoredEvent
from eventlog.store.schema import Dialect, metadata

_DRIVERS: Final[Mapping[Dialect, Driver]] = {
    "sqlite": sqlite.dialect(paramstyle="qmark"),
    "postgresql": asyncpg.dialect(),  # type: ignore[no-untyped-call]
}


class Statement(NamedTuple):
    """SQL text for the driver, and its positional arguments in order: name and default."""

    text: str
    parameters: tuple[tuple[str, Any], ...]

    def args(self, values: Mapping[str, Any]) -> list[Any]:
        """Put named values in the driver's order."""
        return [values.get(name, default) for name, default in self.parameters]


class Statements:
    """What both stores ask."""

    def __init__(self, dialect: Dialect, schema: str | None = None) -> None:
        tables = metadata(dialect, schema).tables
        self._dialect: Dialect = dialect
        self._prefix = "" if schema is None else f"{schema}."
        self.streams: Table = tables[f"{self._prefix}streams"]
        self.events: Table = tables[f"{self._prefix}events"]
        self.row: list[Column[Any]] = [self.events.c[name] for name in StoredEvent._fields]
        self.page = self.compile(self._page())
        self.version_at = self.compile(self._version_at())
        self.stream_page = self.compile(self._stream_page())
        self.identities = self.compile(self._identities())
        self.strays = self.compile(self._strays())

    def compile(self, statement: ClauseElement) -> Statement:
        """Compile for the driver."""
        compiled = statement.compile(dialect=_DRIVERS[self._dialect])
        defaults: Mapping[str, Any] = compiled.params or {}
        names: list[str] = getattr(compiled, "positiontup", None) or []
        return Statement(str(compiled), tuple((name, defaults[name]) for name in names))

    def of_stream(self, *columns: ColumnElement[Any]) -> Select[Any]:
        """Select from the events of the one stream that is asked for."""
        return select(*columns).where(self.events.c.stream_id == bindparam("stream_id"))

    def new_stream(self) -> dict[str, Any]:
        """Return the values of a stream's first row, as parameters."""
        names = ("stream_id", "tenant", "name", "version", "head_hash", "head_at", "created_at")
        return {name: bindparam(name, type_=self.streams.c[name].type) for name in names}

    def moved_stream(self) -> Update:
        """Move the head of the one stream that is asked for."""
        streams = self.streams.c
        names = ("version", "head_hash", "head_at")
        return (
            update(self.streams)
            .values({name: bindparam(name, type_=streams[name].type) for name in names})
            .where(streams.stream_id == bindparam("of_stream", type_=streams.stream_id.type))
        )

    def _page(self) -> Select[Any]:
        version = self.events.c.version
        return (
            self.of_stream(*self.row)
            .where(version > bindparam("after"), version <= bindparam("until"))
            .order_by(version)
            .limit(bindparam("limit"))
        )

    def _version_at(self) -> Select[Any]:
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

    def _stream_page(self) -> Select[Any]:
        streams = self.streams.c
        columns = ("stream_id", "tenant", "name", "version", "head_hash", "head_at")
        return (
            select(*[streams[name] for name in columns])
            .where(streams.tenant == bindparam("tenant"), streams.name > bindparam("after"))
            .order_by(streams.name)
            .limit(bindparam("limit"))
        )

    def _identities(self) -> Select[*tuple[Any, ...]]:
        streams = self.streams.c
        return (
            select(streams.stream_id, streams.tenant, streams.name)
            .where(streams.stream_id > bindparam("after"))
            .order_by(streams.stream_id)
            .limit(bindparam("limit"))
        )

    def _strays(self) -> Select[Any]:
        known = exists().where(self.streams.c.stream_id == self.events.c.stream_id)
        return select(self.events.c.stream_id).where(~known).distinct().limit(100)


class SqliteStatements(Statements):
    """One append is a handful of these inside one transaction, on the connection's thread."""

    def __init__(self) -> None:
        super().__init__("sqlite")
        streams, events = self.streams.c, self.events.c
        self.head = self.compile(
            select(streams.version, streams.head_hash, streams.head_at).where(
                streams.stream_id == bindparam("stream_id")
            )
        )
        self.by_event_id = self.compile(
            self.of_stream(*self.row).where(events.event_id == bindparam("event_id"))
        )
        values: dict[str, Any] = {name: bindparam(name) for name in StoredEvent._fields}
        self.insert_event = self.compile(insert(self.events).values(values))
        self.insert_stream = self.compile(insert(self.streams).values(self.new_stream()))
        self.update_stream = self.compile(self.moved_stream())
