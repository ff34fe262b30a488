"""What contradicts the events: rows of `streams`, and places in the feed and its queue."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    LargeBinary,
    Select,
    Text,
    bindparam,
    case,
    column,
    func,
    literal,
    or_,
    select,
    table,
    union_all,
)

from eventlog.store.contract.tree import ViolationKind
from eventlog.store.sql.log import Statements, compiled
from eventlog.store.sql.schema import metadata

LIMIT: Final = 100
"""Rows of each kind: one is enough to know."""

LAST: Final = 2**63 - 1
"""Stands for the position of what waits for one."""


class ViolationStatements:
    """What both stores ask. Each is one statement: what is appended meanwhile looks no odder."""

    def __init__(self, sql: Statements) -> None:
        self._sql = sql
        self.compile = sql.compile

    @compiled
    def created(self) -> Select[*tuple[Any, ...]]:
        streams, events = self._sql.streams, self._sql.events.c
        row = streams.c
        first = (events.stream_id == row.stream_id) & (events.version == 1)
        return (
            _oddity(ViolationKind.CREATED, row.stream_id, _of(streams), literal(0))
            .select_from(streams.join(self._sql.events, first))
            .where(row.created_at != events.recorded_at)
            .limit(LIMIT)
        )


class SqliteViolations(ViolationStatements):
    """The feed is `events`, and its end is what SQLite remembers to have given."""

    @compiled
    def disordered(self) -> Select[*tuple[Any, ...]]:
        """Find what has a lower position than the event before it; none can be there twice."""
        events, streams = self._sql.events, self._sql.streams
        row, before = events.c, events.alias("before")
        is_before = (before.c.stream_id == row.stream_id) & (before.c.version == row.version - 1)
        return (
            _oddity(ViolationKind.ORDER, row.stream_id, _of(streams), row.version, row.position)
            .select_from(
                events.join(before, is_before).outerjoin(
                    streams, streams.c.stream_id == row.stream_id
                )
            )
            .where(row.position < before.c.position)
            .limit(LIMIT)
        )

    @compiled
    def end(self) -> Select[*tuple[Any, ...]]:
        given = table("sqlite_sequence", column("name", Text), column("seq", BigInteger))
        last = select(func.coalesce(func.max(self._sql.events.c.position), 0)).scalar_subquery()
        return (
            _oddity(ViolationKind.END, literal(b"", LargeBinary), _OF_NONE, literal(0), last + 1)
            .select_from(given)
            .where(given.c.name == literal("events", Text), given.c.seq != last)
        )


class PostgresViolations(ViolationStatements):
    """The feed is `feed`, and `queue` what waits for it."""

    def __init__(self, sql: Statements, schema: str) -> None:
        super().__init__(sql)
        tables = metadata("postgresql", schema).tables
        self._queue = tables[f"{schema}.queue"]
        self._feed = tables[f"{schema}.feed"]
        self._feed_head = tables[f"{schema}.feed_head"]

    @compiled
    def disordered(self) -> Select[*tuple[Any, ...]]:
        """Find what the feed has twice, or in another order than that of its stream."""
        place = self._placed().c
        order = (place.version, place.position)
        version = func.lag(place.version).over(partition_by=place.stream_id, order_by=order)
        position = func.lag(place.position).over(partition_by=place.stream_id, order_by=order)
        ranked = select(
            *place, version.label("version_before"), position.label("position_before")
        ).subquery("ranked")
        row, streams = ranked.c, self._sql.streams
        is_twice = row.version == row.version_before
        return (
            _oddity(
                case(
                    (is_twice, literal(ViolationKind.TWICE, Text)),
                    else_=literal(ViolationKind.ORDER, Text),
                ),
                row.stream_id,
                _of(streams),
                row.version,
                row.position,
            )
            .select_from(ranked.outerjoin(streams, streams.c.stream_id == row.stream_id))
            .where(or_(is_twice, row.position < row.position_before))
            .limit(LIMIT)
        )

    @compiled
    def unplaced(self) -> Select[*tuple[Any, ...]]:
        events, streams, placed = self._sql.events, self._sql.streams, self._placed()
        row = events.c
        there = (placed.c.stream_id == row.stream_id) & (placed.c.version == row.version)
        return (
            _oddity(
                ViolationKind.UNPLACED,
                row.stream_id,
                _of(streams),
                row.version,
            )
            .select_from(
                events.outerjoin(placed, there).outerjoin(
                    streams, streams.c.stream_id == row.stream_id
                )
            )
            .where(placed.c.position.is_(None))
            .limit(LIMIT)
        )

    @compiled
    def queued(self) -> Select[*tuple[Any, ...]]:
        queue, events, streams = self._queue, self._sql.events, self._sql.streams
        row = queue.c
        same = (events.c.stream_id == row.stream_id) & (events.c.version == row.version)
        return (
            _oddity(ViolationKind.QUEUED, row.stream_id, _of(streams), row.version)
            .select_from(
                queue.outerjoin(events, same).outerjoin(
                    streams, streams.c.stream_id == row.stream_id
                )
            )
            .where(or_(events.c.version.is_(None), events.c.recorded_at != row.recorded_at))
            .limit(LIMIT)
        )

    @compiled
    def end(self) -> Select[*tuple[Any, ...]]:
        last = select(func.coalesce(func.max(self._feed.c.position), 0)).scalar_subquery()
        head = self._feed_head.c
        stated = select(func.max(head.position)).where(head.id == 1).scalar_subquery()
        oddity = _oddity(
            ViolationKind.END, literal(b"", LargeBinary), _OF_NONE, literal(0), last + 1
        )
        return oddity.where(func.coalesce(stated, -1) != last)

    def _placed(self) -> FromClause:
        feed, queue = self._feed.c, self._queue.c
        waiting = literal(LAST, BigInteger).label("position")
        return union_all(
            select(feed.stream_id, feed.version, feed.position),
            select(queue.stream_id, queue.version, waiting),
        ).subquery("placed")


def _oddity(
    what: ViolationKind | ColumnElement[str],
    stream_id: ColumnElement[bytes],
    of: Sequence[ColumnElement[Any]],
    version: ColumnElement[int],
    position: ColumnElement[int] | None = None,
) -> Select[*tuple[Any, ...]]:
    kind = literal(what, Text) if isinstance(what, ViolationKind) else what
    place = literal(None, BigInteger) if position is None else position
    return select(kind, stream_id, *of, version, place)


def _of(streams: FromClause) -> Sequence[ColumnElement[Any]]:
    """Select name and branch, which are told to nobody but the stream's own tenant."""
    is_own = streams.c.tenant == bindparam("tenant", type_=Text)
    nothing = literal("", Text)
    return case((is_own, streams.c.name)), case((is_own, streams.c.branch), else_=nothing)


_OF_NONE: Final = (literal("", Text), literal("", Text))
