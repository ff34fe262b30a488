"""What is asked about streams and their events; the append is in `append`.

Every statement of the read path names exactly one stream.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    LargeBinary,
    Text,
    and_,
    bindparam,
    case,
    cast,
    exists,
    func,
    literal,
    select,
    tuple_,
)

from eventlog.store.sql.compiling import on_both
from eventlog.store.sql.constants import STRAYS
from eventlog.store.sql.parts import (
    Query,
    between,
    bounded,
    event_row,
    is_each,
    of_stream,
    unnest,
)
from eventlog.store.sql.schema import Tables
from eventlog.store.sql.stream_rows import STREAM


@on_both
def page(t: Tables) -> Query:
    """Read the events of a stream by version."""
    version = t.events.c.version
    page = of_stream(t, *event_row(t)).where(*between(version))
    return bounded(t, page.order_by(version).limit(bindparam("limit")), "version")


@on_both
def of_kind(t: Tables) -> Query:
    """Read the events of a stream that are of one kind."""
    version = t.events.c.version
    page = of_stream(t, *event_row(t)).where(
        *between(version), t.events.c.kind == bindparam("kind")
    )
    return bounded(t, page.order_by(version).limit(bindparam("limit")), "version")


@on_both
def many(t: Tables) -> Query:
    """Read the events of each of several streams, on PostgreSQL in the order of their ids."""
    events = t.events.c
    page = (
        select(*event_row(t))
        .where(is_each(t, events.stream_id))
        .order_by(events.stream_id, events.version)
        .limit(bindparam("limit"))
    )
    return bounded(t, page, "stream_id", "version")


@on_both
def many_behind(t: Tables) -> Query:
    """Read the events of each of several streams between two versions of it."""
    events = t.events.c
    page = select(*event_row(t)).order_by(events.stream_id, events.version)
    if not t.is_postgres:
        page = page.where(events.stream_id == bindparam("stream_id"), *between(events.version))
        return page.limit(bindparam("limit"))
    types: dict[str, Any] = {
        "stream_id": LargeBinary(),
        "after": BigInteger(),
        "until": BigInteger(),
    }
    asked = unnest("every_", types, "asked")
    is_asked = and_(
        events.stream_id == asked.c.stream_id,
        events.version > asked.c.after,
        events.version <= asked.c.until,
    )
    page = page.select_from(t.events.join(asked, is_asked)).limit(bindparam("limit"))
    return bounded(t, page, "stream_id", "version")


@on_both
def version_at(t: Tables) -> Query:
    """Bisect: time never falls within a stream, and no index on it has to be kept."""
    events, streams = t.events.c, t.streams.c
    stream_id = bindparam("stream_id", type_=events.stream_id.type)
    head = select(streams.version).where(streams.stream_id == stream_id).scalar_subquery()
    search = select(
        cast(literal(0), BigInteger).label("low"),
        cast(func.coalesce(head, 0), BigInteger).label("high"),
    ).cte("search", recursive=True)
    middle = (search.c.low + search.c.high + 1) // 2
    at = (
        select(events.recorded_at)
        .where(events.stream_id == stream_id, events.version == middle)
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


@on_both
def stream(t: Tables) -> Query:
    """Read the row of a stream."""
    return _streams(t, t.streams.c.stream_id == bindparam("stream_id"))


@on_both
def several(t: Tables) -> Query:
    """Read the rows of several streams, on PostgreSQL in one statement."""
    return _streams(t, is_each(t, t.streams.c.stream_id))


@on_both
def children(t: Tables) -> Query:
    """Find the forks of a stream."""
    return _streams(t, t.streams.c.parent_id == bindparam("parent_id"))


@on_both
def stream_page(t: Tables) -> Query:
    """Read the streams of a tenant by name, the main branches only."""
    streams = t.streams.c
    after = streams.name > bindparam("after")
    is_main = streams.branch == literal("", Text)
    return _of_tenant(t, after, is_main).order_by(streams.name).limit(bindparam("limit"))


@on_both
def latest(t: Tables) -> Query:
    """Look at every head of the tenant: an index would be one more write of each append."""
    streams = t.streams.c
    return _of_tenant(t).order_by(streams.head_at.desc(), streams.name).limit(bindparam("limit"))


@on_both
def every_stream_page(t: Tables) -> Query:
    """Read the streams of a tenant by name and branch."""
    streams = t.streams.c
    place = tuple_(streams.name, streams.branch)
    after = tuple_(bindparam("after", type_=Text), bindparam("after_branch", type_=Text))
    return (
        _of_tenant(t, place > after)
        .order_by(streams.name, streams.branch)
        .limit(bindparam("limit"))
    )


@on_both
def all_stream_page(t: Tables) -> Query:
    """Read the streams of all tenants by id."""
    stream_id = t.streams.c.stream_id
    return _streams(t, stream_id > bindparam("after")).order_by(stream_id).limit(bindparam("limit"))


@on_both
def branch_page(t: Tables) -> Query:
    """Read the branches of one conversation by name; the main branch is none of them."""
    streams = t.streams.c
    is_named = streams.name == bindparam("name")
    after = streams.branch > bindparam("after")
    return _of_tenant(t, is_named, after).order_by(streams.branch).limit(bindparam("limit"))


@on_both
def unlisted(t: Tables) -> Query:
    """Find streams that the lists of a tenant do not show."""
    streams = t.streams.c
    is_listed = and_(streams.tenant == bindparam("tenant"), streams.name != "")
    return (
        select(streams.stream_id, streams.tenant, streams.name, streams.branch)
        .where(streams.stream_id > bindparam("after"), ~is_listed)
        .order_by(streams.stream_id)
        .limit(bindparam("limit"))
    )


@on_both
def strays(t: Tables) -> Query:
    """Find events of which there is no stream."""
    known = exists().where(t.streams.c.stream_id == t.events.c.stream_id)
    return select(t.events.c.stream_id).where(~known).distinct().limit(STRAYS)


def _streams(t: Tables, *where: ColumnElement[bool]) -> Query:
    """Select rows that `stream_row` reads."""
    columns: list[ColumnElement[Any]] = [t.streams.c[name] for name in STREAM]
    return select(*columns).where(*where)


def _of_tenant(t: Tables, *where: ColumnElement[bool]) -> Query:
    return _streams(t, t.streams.c.tenant == bindparam("tenant"), *where)
