"""The feed's statements: read a page, and on PostgreSQL who gives positions, and how far it is."""

from typing import Any, Final

from sqlalchemy import (
    CTE,
    BigInteger,
    Column,
    ColumnElement,
    LargeBinary,
    Text,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.dialects.postgresql import insert as postgres_insert

from eventlog.store.sql.compiling import on_both, on_postgres, on_sqlite
from eventlog.store.sql.parts import (
    Query,
    between,
    bounded,
    clock,
    content_size,
    event_row,
    is_each,
    unnest,
)
from eventlog.store.sql.schema import Tables

LEASE: Final = "sequencer"


@on_both
def page(t: Tables) -> Query:
    """Read the events of a tenant by position."""
    names = [t.streams.c.name, t.streams.c.branch]
    if t.is_postgres:
        return _by_stream(t, names, _is_of_tenant(t))
    # An expression, or SQLite goes by the index on tenant: through the whole log for each page.
    tenant = t.streams.c.tenant.concat("")
    return _by_position(t, names).where(tenant == bindparam("tenant"))


@on_both
def every_page(t: Tables) -> Query:
    """Read the events of all tenants, who are named, by position."""
    names = [t.streams.c.tenant, t.streams.c.name, t.streams.c.branch]
    return _by_stream(t, names, true()) if t.is_postgres else _by_position(t, names)


@on_sqlite
def head(t: Tables) -> Query:
    """Ask for the last position."""
    return select(func.coalesce(func.max(t.events.c.position), 0))


@on_postgres
def spans(t: Tables) -> Query:
    """Aggregate, for each stream, versions of the first positions between the bounds, and these."""
    feed = t.feed.c
    rows = select(feed.position, feed.stream_id, feed.version).where(*between(feed.position))
    first = rows.order_by(feed.position).limit(bindparam("limit")).subquery("first").c
    version = _by_version(first.version, first.version)
    position = _by_version(first.position, first.version)
    return select(first.stream_id, version, position).group_by(first.stream_id)


@on_postgres
def of_tenant(t: Tables) -> Query:
    """Find which of several streams are a tenant's."""
    stream_id = t.streams.c.stream_id
    return select(stream_id).where(is_each(t, stream_id), _is_of_tenant(t))


@on_postgres
def ranges(t: Tables) -> Query:
    """Read a range of the events of each of several streams, if they are a tenant's.

    Last is how much each event holds. Content of more than `most` bytes is left out: `contents`
    has it.
    """
    names = [t.streams.c.name, t.streams.c.branch]
    return _ranges(t, names).where(_is_of_tenant(t))


@on_postgres
def every_ranges(t: Tables) -> Query:
    """Read as `ranges` does, of all tenants, who are named."""
    return _ranges(t, [t.streams.c.tenant, t.streams.c.name, t.streams.c.branch])


@on_postgres
def contents(t: Tables) -> Query:
    """Read the content of several events."""
    events = t.events.c
    of = unnest("every_", {"stream_id": LargeBinary(), "version": BigInteger()}, "of")
    same = (events.stream_id == of.c.stream_id) & (events.version == of.c.version)
    row = [events[name] for name in ("stream_id", "version", "salt", "context", "body")]
    return select(*row).join_from(t.events, of, same).where(is_each(t, events.stream_id))


@on_postgres
def progress(t: Tables) -> Query:
    """Ask for the last position, whether `queue` has rows, and whether another holds the lease."""
    waiting = select(t.queue.c.stream_id).limit(1).cte("waiting")
    lease = t.lease.c
    at_it = (
        select(lease.name)
        .where(
            lease.name == LEASE,
            lease.holder != bindparam("holder", type_=Text),
            ~_is_over(t),
        )
        .cte("at_it")
    )
    return select(
        t.feed_head.c.position,
        select(func.count() > 0).select_from(waiting).scalar_subquery().label("waiting"),
        select(func.count() > 0).select_from(at_it).scalar_subquery().label("at_it"),
    )


@on_postgres
def standby(_t: Tables) -> Query:
    """Ask whether the server is a standby, whatever it was when the connection was opened."""
    return select(func.pg_is_in_recovery())


@on_postgres
def hold(t: Tables) -> Any:
    """Take the lease or renew it, unless another holder's is not over."""
    until = clock() + bindparam("microseconds", type_=BigInteger)
    row = postgres_insert(t.lease).values(
        name=literal(LEASE, Text),
        holder=bindparam("holder", type_=Text),
        expires_at=until,
    )
    lease = t.lease.c
    return row.on_conflict_do_update(
        index_elements=[lease.name],
        set_={"holder": row.excluded.holder, "expires_at": row.excluded.expires_at},
        where=or_(lease.holder == row.excluded.holder, _is_over(t)),
    ).returning(lease.holder)


def _is_over(t: Tables) -> ColumnElement[bool]:
    """Tell whether a lease has expired, or has an end that no holder can have given it.

    The server's clock may have been put back: a lease that goes on for longer than any lasts is of
    before that, and its holder may be gone.
    """
    end, most = t.lease.c.expires_at, bindparam("microseconds", type_=BigInteger)
    return or_(end <= clock(), end > clock() + most)


def _by_position(t: Tables, names: list[Column[Any]]) -> Query:
    """Read the events of SQLite, which have positions of their own."""
    events, streams = t.events.c, t.streams.c
    return (
        select(events.position, *names, *event_row(t))
        .join_from(t.events, t.streams, events.stream_id == streams.stream_id)
        .where(*between(events.position))
        .order_by(events.position)
        .limit(bindparam("limit"))
    )


def _by_stream(t: Tables, names: list[Column[Any]], wanted: ColumnElement[bool]) -> Query:
    """Read the events of each stream as one range: half the work of looking up each.

    OFFSET 0 keeps the planner from reading all of `events` or `streams` instead, whatever it
    believes: a page takes as long in a large log.
    """
    events = t.events.c
    spans = _spans(t, names, wanted)
    events_of = (
        select(*event_row(t))
        .where(
            events.stream_id == spans.c.stream_id,
            events.version.between(spans.c.first, spans.c.last),
        )
        .offset(0)
        .lateral("events_of")
    )
    version = events_of.c.version
    dense = spans.c.positions[version - spans.c.first + 1]
    sparse = spans.c.positions[func.array_position(spans.c.versions, version)]
    is_dense = func.cardinality(spans.c.versions) == spans.c.last - spans.c.first + 1
    # Only somebody who edited the feed makes it sparse.
    position = case((is_dense, dense), else_=sparse).label("position")
    page = (
        select(position, *[spans.c[name.name] for name in names], *events_of.c)
        .select_from(spans.join(events_of, true()))
        .where(position.is_not(None))
        .order_by(position)
        .limit(bindparam("limit"))
    )
    return bounded(t, page, "position")


def _spans(t: Tables, names: list[Column[Any]], wanted: ColumnElement[bool]) -> CTE:
    """Aggregate, for each wanted stream, the versions between the bounds and their positions."""
    feed, streams = t.feed.c, t.streams.c
    grouped = (
        select(
            feed.stream_id,
            func.min(feed.version).label("first"),
            func.max(feed.version).label("last"),
            _by_version(feed.version, feed.version).label("versions"),
            _by_version(feed.position, feed.version).label("positions"),
        )
        .where(*between(feed.position))
        .group_by(feed.stream_id)
        .subquery("grouped")
    )
    named = (
        select(*names)
        .where(streams.stream_id == grouped.c.stream_id, wanted)
        .offset(0)
        .lateral("named")
    )
    return select(*named.c, *grouped.c).select_from(grouped.join(named, true())).cte("spans")


def _ranges(t: Tables, names: list[Column[Any]]) -> Query:
    events, streams = t.events.c, t.streams.c
    wanted: dict[str, Any] = {
        "stream_id": LargeBinary(),
        "first": BigInteger(),
        "last": BigInteger(),
    }
    of = unnest("every_", wanted, "of")
    held = content_size(events)
    is_small = held <= bindparam("most", type_=BigInteger)
    row: list[ColumnElement[Any]] = [
        case((is_small, column)).label(column.name)
        if column.name in ("context", "body")
        else column
        for column in event_row(t)
    ]
    return (
        select(*names, *row, held.label("held"))
        .select_from(
            t.events.join(of, events.stream_id == of.c.stream_id).join(
                t.streams, streams.stream_id == events.stream_id
            )
        )
        .where(events.version.between(of.c.first, of.c.last), is_each(t, events.stream_id))
    )


def _by_version(column: ColumnElement[int], version: ColumnElement[int]) -> ColumnElement[Any]:
    return func.array_agg(aggregate_order_by(column, version), type_=ARRAY(BigInteger))


def _is_of_tenant(t: Tables) -> ColumnElement[bool]:
    return t.streams.c.tenant == bindparam("tenant")
