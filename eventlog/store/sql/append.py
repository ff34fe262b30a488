"""PostgreSQL's statements: an append is one, and moves the head only if it is the expected one.

A statement that returns no row has stored nothing and cannot say why: its snapshot may be older
than what refused it. Whoever gets no row looks again: `head`, then `by_event_id` and `hash_at`.
"""

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    any_,
    bindparam,
    cast,
    column,
    extract,
    func,
    insert,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.types import TypeEngine

from eventlog.format.records import StoredEvent
from eventlog.store.sql import names
from eventlog.store.sql.log import Statements, compiled
from eventlog.store.sql.schema import metadata
from eventlog.store.sql.stream_rows import FIRST

if TYPE_CHECKING:
    from eventlog.store.sql.views import ViewStatements

MAX_CLOCK_LEAD: Final = 60_000_000
"""How far a writer's clock may run ahead of the database's, in microseconds."""

_PLACED: Final = tuple(name for name in StoredEvent._fields if name != "stream_id")


class PostgresStatements(Statements):
    """Forms of the append: a stream's first or next events, one or several, one stream or many."""

    def __init__(self, schema: str) -> None:
        super().__init__("postgresql", schema)
        self.queue = metadata("postgresql", schema).tables[f"{schema}.queue"]

    @compiled
    def by_event_id(self) -> Select[Any]:
        event_id = self.events.c.event_id
        ids = bindparam("event_ids", type_=ARRAY(event_id.type))
        return self.of_stream(*self.row).where(event_id == any_(ids))

    @compiled
    def many(self) -> Select[Any]:
        events = self.events.c
        ids = bindparam("stream_ids", type_=ARRAY(events.stream_id.type))
        return (
            select(*self.row)
            .where(events.stream_id == any_(ids))
            .order_by(events.stream_id, events.version)
            .limit(bindparam("limit"))
        )

    @compiled
    def hash_at(self) -> Select[Any]:
        events = self.events.c
        return self.of_stream(events.hash).where(events.version == bindparam("version"))

    @compiled
    def append_first(self) -> Select[Any]:
        return self._append(self._first(), self._one())

    @compiled
    def append_next(self) -> Select[Any]:
        return self._append(self._next(), self._one())

    @compiled
    def append_several_first(self) -> Select[Any]:
        return self._append(self._first(), self._several())

    @compiled
    def append_several_next(self) -> Select[Any]:
        return self._append(self._next(), self._several())

    @compiled
    def group_first(self) -> Select[Any]:
        return self._group(self._group_first())

    @compiled
    def group_next(self) -> Select[Any]:
        return self._group(self._group_next())

    @compiled
    def head(self) -> Select[*tuple[Any, ...]]:
        """Ask for the head, NULLs where there is no stream, beside the database's clock."""
        streams = self.streams
        asked = select(
            bindparam("stream_id", type_=streams.c.stream_id.type).label("stream_id")
        ).subquery("asked")
        return select(
            streams.c.version,
            streams.c.head_hash,
            streams.c.head_at,
            _clock().label("clock"),
            streams.c.key_id,
        ).select_from(asked.outerjoin(streams, streams.c.stream_id == asked.c.stream_id))

    def _first(self) -> Any:
        """Create the stream, unless it exists or the writer's clock is ahead."""
        row = self.new_stream()
        fresh = select(*[value.label(name) for name, value in row.items()]).where(_clock_is_right())
        return (
            postgres_insert(self.streams)
            .from_select(list(row), fresh)
            .on_conflict_do_nothing()
            .returning(self.streams.c.stream_id)
        )

    def _next(self) -> Any:
        """Move the head on, if it and the key are what the new events are linked to and under."""
        streams = self.streams.c
        return (
            self.moved_stream()
            .where(
                streams.version == bindparam("linked_version", type_=BigInteger),
                streams.head_hash == bindparam("linked_hash", type_=streams.head_hash.type),
                streams.key_id.is_not_distinct_from(bindparam("key_id", type_=streams.key_id.type)),
                _clock_is_right(),
            )
            .returning(streams.stream_id)
        )

    def _one(self) -> FromClause:
        """One event from scalars: a third faster than an array of one."""
        events = self.events.c
        return select(
            *[bindparam(f"event_{name}", type_=events[name].type).label(name) for name in _PLACED]
        ).subquery("new")

    def _several(self) -> FromClause:
        events = self.events.c
        return unnest("event_", {name: events[name].type for name in _PLACED}, "new")

    def _append(self, moved: Any, new: FromClause) -> Select[Any]:
        head = moved.cte("head")
        # A constant, not head.stream_id: a sharding planner must see the shard of each INSERT.
        stream_id = bindparam("of_stream", type_=self.events.c.stream_id.type).label("stream_id")
        return self._stored(head, head.join(new, true()), new, stream_id)

    def _stored(
        self, head: Any, both: FromClause, new: FromClause, stream_id: ColumnElement[bytes]
    ) -> Select[Any]:
        """Insert the events, and their rows of the queue, of every stream whose head has moved."""
        stored = insert(self.events).from_select(
            ["stream_id", *_PLACED],
            select(stream_id, *[new.c[name] for name in _PLACED]).select_from(both),
        )
        queued = insert(self.queue).from_select(
            ["stream_id", "version", "recorded_at"],
            select(stream_id, new.c.version, new.c.recorded_at).select_from(both),
        )
        return select(head.c.stream_id).add_cte(stored.cte("stored"), queued.cte("queued"))

    def _group(self, moved: Any) -> Select[Any]:
        """Append to many streams at once; a stream whose head has moved on is left out."""
        events = self.events.c
        new = unnest("event_", {name: events[name].type for name in StoredEvent._fields}, "new")
        head = moved.cte("head")
        both = head.join(new, new.c.stream_id == head.c.stream_id)
        return self._stored(head, both, new, new.c.stream_id)

    def _group_first(self) -> Any:
        asked = self._asked(*(name for name in FIRST if name != "created_at"))
        fresh = select(*asked.c, asked.c.head_at).where(_clock_is_right())
        return (
            postgres_insert(self.streams)
            .from_select([*asked.c.keys(), "created_at"], fresh)
            .on_conflict_do_nothing()
            .returning(self.streams.c.stream_id)
        )

    def _group_next(self) -> Any:
        streams = self.streams.c
        linked = {"linked_version": BigInteger(), "linked_hash": streams.head_hash.type}
        asked = self._asked("stream_id", "version", "head_hash", "head_at", "key_id", **linked)
        return (
            update(self.streams)
            .values({name: asked.c[name] for name in ("version", "head_hash", "head_at")})
            .where(
                streams.stream_id == asked.c.stream_id,
                streams.version == asked.c.linked_version,
                streams.head_hash == asked.c.linked_hash,
                streams.key_id.is_not_distinct_from(asked.c.key_id),
                _clock_is_right(),
            )
            .returning(streams.stream_id)
        )

    def _asked(self, *names: str, **others: TypeEngine[Any]) -> FromClause:
        types = {name: self.streams.c[name].type for name in names}
        return unnest("stream_", {**types, **others}, "asked")


def unnest(prefix: str, types: Mapping[str, TypeEngine[Any]], name: str) -> FromClause:
    """Make rows of array parameters, whose names are the columns' behind `prefix`."""
    arrays = [bindparam(prefix + key, type_=ARRAY(kind)) for key, kind in types.items()]
    columns = [column(key, kind) for key, kind in types.items()]
    return func.unnest(*arrays).table_valued(*columns, name=name).render_derived()


def _clock() -> ColumnElement[int]:
    """Read the database's clock in microseconds."""
    return cast(extract("epoch", func.clock_timestamp()) * 1_000_000, BigInteger)


def _clock_is_right() -> ColumnElement[bool]:
    return bindparam("at", type_=BigInteger) <= _clock() + MAX_CLOCK_LEAD


class FeedStatements(names.PostgresFeedStatements):
    """Statements of the feed, and the channel that tells of new positions."""

    channel: str


class OfSchema(NamedTuple):
    """The statements of every noun over the tables of one schema."""

    log: names.PostgresLogStatements
    erasures: names.PostgresErasureStatements
    snapshots: names.PostgresSnapshotStatements
    keys: names.PostgresKeyStatements
    feed: FeedStatements
    tree: names.PostgresTreeStatements
    violations: names.PostgresViolationStatements
    views: "ViewStatements"


@functools.cache
def of(schema: str) -> OfSchema:
    """Return the statements over the tables of a schema."""
    from eventlog.store.sql import erasures, feed, keys, snapshots, tree, views, violations

    sql = PostgresStatements(schema)
    made: Any = (
        sql,
        erasures.PostgresEraseStatements(sql),
        snapshots.PostgresSnapshotStatements(sql, schema),
        keys.PostgresKeyStatements(sql, schema),
        feed.PostgresFeed(sql, schema),
        tree.PostgresTreeStatements(sql, "postgresql", schema),
        violations.PostgresViolations(sql, schema),
        views.ViewStatements(sql, "postgresql", schema),
    )
    return OfSchema._make(made)
