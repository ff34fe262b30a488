"""The append: on PostgreSQL one statement, which moves the head only if it is the expected one.

On SQLite it is a handful inside one transaction. A statement of PostgreSQL that has stored nothing
cannot say why: its snapshot may be older than what refused it. Whoever is told so looks again:
`head`, then `by_event_id` and `hashes_at`.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    FromClause,
    Insert,
    Select,
    Text,
    Update,
    and_,
    any_,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.sql.functions import Function
from sqlalchemy.types import TypeEngine

from eventlog.clocks import MAX_CLOCK_LEAD
from eventlog.format.records import StoredEvent
from eventlog.store.sql.compiling import on_both, on_postgres, on_sqlite
from eventlog.store.sql.parts import Query, clock, event_row, given, of_stream, unnest
from eventlog.store.sql.schema import Tables
from eventlog.store.sql.stream_rows import ASKED, FIRST

_HEAD: Final = ("version", "head_hash", "head_at")
_PLACED: Final = tuple(name for name in StoredEvent._fields if name != "stream_id")


@on_both
def head(t: Tables) -> Query:
    """Ask for the head, the key, the last erasure and the kind of the last event.

    On PostgreSQL beside its clock and whether it is a standby, with NULLs where there is no stream.
    """
    streams, events = t.streams.c, t.events.c
    row = (
        streams.version,
        streams.head_hash,
        streams.head_at,
        streams.key_id,
        streams.erased_version,
        events.kind,
    )
    is_last = and_(events.stream_id == streams.stream_id, events.version == streams.version)
    if not t.is_postgres:
        ended = t.streams.outerjoin(t.events, is_last)
        of_it = streams.stream_id == bindparam("stream_id")
        return select(*row).select_from(ended).where(of_it)
    asked = select(
        bindparam("stream_id", type_=streams.stream_id.type).label("stream_id")
    ).subquery("asked")
    known = asked.outerjoin(t.streams, streams.stream_id == asked.c.stream_id)
    is_standby = func.pg_is_in_recovery().label("is_standby")
    beside = clock().label("clock"), is_standby
    return select(*row, *beside).select_from(known.outerjoin(t.events, is_last))


@on_both
def by_event_id(t: Tables) -> Query:
    """Find an event of a stream by its id; on PostgreSQL several by several."""
    event_id = t.events.c.event_id
    if not t.is_postgres:
        return of_stream(t, *event_row(t)).where(event_id == bindparam("event_id"))
    ids = bindparam("event_ids", type_=ARRAY(event_id.type))
    return of_stream(t, *event_row(t)).where(event_id == any_(ids))


@on_postgres
def hashes_at(t: Tables) -> Query:
    """Ask for the hashes of versions: whether what is stored there was written or read here."""
    version = t.events.c.version
    wanted = bindparam("versions", type_=ARRAY(version.type))
    return of_stream(t, version, t.events.c.hash).where(version == any_(wanted))


@on_postgres
def confirm(t: Tables) -> Query:
    """Lock a stream and change nothing: its commit is answered once all before it is as durable.

    With a synchronous standby, what was committed may be there and not be replicated: a wait that
    was broken off, by a timeout or with its connection, leaves it so
    (https://www.postgresql.org/docs/current/warm-standby.html#SYNCHRONOUS-REPLICATION).
    """
    streams = t.streams.c
    of_it = streams.stream_id == bindparam("stream_id")
    return select(streams.version).where(of_it).with_for_update(key_share=True)


@on_sqlite
def insert_event(t: Tables) -> Insert:
    """Insert an event."""
    return insert(t.events).values({name: bindparam(name) for name in StoredEvent._fields})


@on_sqlite
def insert_stream(t: Tables) -> Insert:
    """Insert a stream with its first head."""
    return insert(t.streams).values(given(t.streams, *FIRST))


@on_sqlite
def update_stream(t: Tables) -> Update:
    """Move the head of a stream."""
    return _moved(t)


@on_postgres
def append_first(t: Tables) -> Insert:
    """Create a stream with one event."""
    return _append(t, _first(t), _one(t))


@on_postgres
def append_next(t: Tables) -> Insert:
    """Append one event to a stream."""
    return _append(t, _next(t), _one(t))


@on_postgres
def append_several_first(t: Tables) -> Insert:
    """Create a stream with several events."""
    return _append(t, _first(t), _several(t))


@on_postgres
def append_several_next(t: Tables) -> Insert:
    """Append several events to a stream."""
    return _append(t, _next(t), _several(t))


@on_postgres
def group_first(t: Tables) -> Query:
    """Create many streams."""
    return _group(t, _group_first(t))


@on_postgres
def group_next(t: Tables) -> Query:
    """Append to many streams."""
    return _group(t, _group_next(t))


@on_postgres
def append(t: Tables) -> Query:
    """Append to streams that are on one node of a distributed log, by its function."""
    streams, events = t.streams.c, t.events.c
    types: dict[str, TypeEngine[Any]] = {"linked_version": BigInteger()}
    types |= {"linked_hash": streams.head_hash.type}
    types |= {name: streams[name].type for name in FIRST if name != "created_at"}
    return _called(
        t,
        "append",
        bindparam("place", type_=streams.stream_id.type),
        bindparam("at", type_=BigInteger),
        bindparam("durability", type_=Text),
        *[bindparam(f"stream_{name}", type_=ARRAY(types[name])) for name in ASKED],
        *[
            bindparam(f"event_{name}", type_=ARRAY(events[name].type))
            for name in StoredEvent._fields
        ],
    )


@on_postgres
def nodes(t: Tables) -> Query:
    """Ask a distributed log on which node each of many streams is."""
    ids = bindparam("stream_ids", type_=ARRAY(t.streams.c.stream_id.type))
    return _called(t, "nodes", ids, columns=("stream_id", "node"))


@on_postgres
def free(t: Tables) -> Query:
    """Find which of many streams nobody has locked; on many nodes, whether one is such.

    Citus locks rows of one shard at a time.
    """
    stream_id = t.streams.c.stream_id
    if t.is_distributed:
        free = select(stream_id).where(stream_id == bindparam("stream_id"))
    else:
        ids = bindparam("stream_ids", type_=ARRAY(stream_id.type))
        free = select(stream_id).where(stream_id == any_(ids))
    return free.with_for_update(key_share=True, skip_locked=True)


def _called(
    t: Tables, name: str, *given: ColumnElement[Any], columns: Sequence[str] = ("stream_id",)
) -> Query:
    """Call a function of the log alone, FROM nothing else: so Citus has the node call it."""
    function = Function[Any](name, *given, packagenames=(str(t.schema),))
    rows = function.table_valued(*columns).render_derived(name="of_log")
    return select(*[rows.c[each] for each in columns]).select_from(rows)


def _moved(t: Tables) -> Update:
    streams = t.streams.c
    is_wanted = streams.stream_id == bindparam("of_stream", type_=streams.stream_id.type)
    return update(t.streams).values(given(t.streams, *_HEAD)).where(is_wanted)


def _first(t: Tables) -> Any:
    """Create the stream, unless it exists or the writer's clock is ahead."""
    row = given(t.streams, *FIRST)
    fresh = select(*[value.label(name) for name, value in row.items()]).where(_clock_is_right())
    return (
        postgres_insert(t.streams)
        .from_select(list(row), fresh)
        .on_conflict_do_nothing()
        .returning(t.streams.c.stream_id)
    )


def _next(t: Tables) -> Any:
    """Move the head on, if it and the key are what the new events are linked to and under."""
    streams = t.streams.c
    return (
        _moved(t)
        .where(
            streams.version == bindparam("linked_version", type_=BigInteger),
            streams.head_hash == bindparam("linked_hash", type_=streams.head_hash.type),
            streams.key_id.is_not_distinct_from(bindparam("key_id", type_=streams.key_id.type)),
            _clock_is_right(),
        )
        .returning(streams.stream_id)
    )


def _one(t: Tables) -> FromClause:
    """One event from scalars: a third faster than an array of one."""
    events = t.events.c
    return select(
        *[bindparam(f"event_{name}", type_=events[name].type).label(name) for name in _PLACED]
    ).subquery("new")


def _several(t: Tables) -> FromClause:
    return unnest("event_", {name: t.events.c[name].type for name in _PLACED}, "new")


def _append(t: Tables, moved: Any, new: FromClause) -> Insert:
    """Insert the events if the head has moved; the driver says how many there were."""
    both = moved.cte("head").join(new, true())
    # A constant, not head.stream_id: a sharding planner must see the shard of each INSERT.
    stream_id = bindparam("of_stream", type_=t.events.c.stream_id.type).label("stream_id")
    return _stored(t, both, new, stream_id).add_cte(_queued(t, both, new, stream_id))


def _group(t: Tables, moved: Any) -> Query:
    """Append to many streams at once; a stream whose head has moved on is left out."""
    events = t.events.c
    new = unnest("event_", {name: events[name].type for name in StoredEvent._fields}, "new")
    head = moved.cte("head")
    both = head.join(new, new.c.stream_id == head.c.stream_id)
    queued = _queued(t, both, new, new.c.stream_id)
    stored = _stored(t, both, new, new.c.stream_id).cte("stored")
    found: Select[Any] = select(head.c.stream_id)
    return found.add_cte(queued, stored)


def _stored(
    t: Tables, both: FromClause, new: FromClause, stream_id: ColumnElement[bytes]
) -> Insert:
    """Insert the events of every stream whose head has moved."""
    row = select(stream_id, *[new.c[name] for name in _PLACED]).select_from(both)
    return insert(t.events).from_select(["stream_id", *_PLACED], row)


def _queued(t: Tables, both: FromClause, new: FromClause, stream_id: ColumnElement[bytes]) -> CTE:
    """Insert their rows of the queue.

    PostgreSQL runs the statement before what is WITH it, and of that the last first (execMain.c and
    nodeModifyTable.c, es_auxmodifytables): the events are there then. It matters to roles of
    tenants alone: from them `queue` takes no row whose event is not there yet.
    """
    row = select(stream_id, new.c.version, new.c.recorded_at).select_from(both)
    return insert(t.queue).from_select(["stream_id", "version", "recorded_at"], row).cte("queued")


def _group_first(t: Tables) -> Any:
    asked = _asked(t, *(name for name in FIRST if name != "created_at"))
    fresh = select(*asked.c, asked.c.head_at).where(_clock_is_right())
    return (
        postgres_insert(t.streams)
        .from_select([*asked.c.keys(), "created_at"], fresh)
        .on_conflict_do_nothing()
        .returning(t.streams.c.stream_id)
    )


def _group_next(t: Tables) -> Any:
    streams = t.streams.c
    linked = {"linked_version": BigInteger(), "linked_hash": streams.head_hash.type}
    asked = _asked(t, "stream_id", *_HEAD, "key_id", **linked)
    return (
        update(t.streams)
        .values({name: asked.c[name] for name in _HEAD})
        .where(
            streams.stream_id == asked.c.stream_id,
            streams.version == asked.c.linked_version,
            streams.head_hash == asked.c.linked_hash,
            streams.key_id.is_not_distinct_from(asked.c.key_id),
            _clock_is_right(),
        )
        .returning(streams.stream_id)
    )


def _asked(t: Tables, *names: str, **others: TypeEngine[Any]) -> FromClause:
    types = {name: t.streams.c[name].type for name in names}
    return unnest("stream_", {**types, **others}, "asked")


def _clock_is_right() -> ColumnElement[bool]:
    return bindparam("at", type_=BigInteger) <= clock() + literal_column(str(MAX_CLOCK_LEAD))
