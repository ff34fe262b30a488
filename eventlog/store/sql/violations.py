"""What contradicts the events: rows of `streams`, and places in the feed and its queue.

Each looks at a stream in one statement: an append meanwhile is no violation. On PostgreSQL those
that grow with the log look at a range of streams. The feed of SQLite is `events`, and its end is
what SQLite remembers to have given; PostgreSQL has `feed`, and `queue` waits.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    FromClause,
    LargeBinary,
    Text,
    and_,
    bindparam,
    case,
    cast,
    column,
    exists,
    func,
    literal,
    or_,
    select,
    table,
    union_all,
)

from eventlog.store.contract.tree import TOLD, ViolationKind
from eventlog.store.sql.compiling import on_both, on_postgres
from eventlog.store.sql.parts import Query
from eventlog.store.sql.schema import Tables

LAST: Final = 2**63 - 1
"""The position of an event in `queue`, which has none yet: behind every other."""


@on_both
def created(t: Tables) -> Query:
    """Find streams whose `created_at` is not the time of their first event."""
    streams, events = t.streams, t.events.c
    row = streams.c
    first = (events.stream_id == row.stream_id) & (events.version == 1)
    return (
        _violation(ViolationKind.CREATED, row.stream_id, _of(streams), literal(0))
        .select_from(streams.join(t.events, first))
        .where(row.created_at != events.recorded_at, _concerns(streams), *_in_range(t, row))
        .limit(TOLD)
    )


@on_both
def disordered(t: Tables) -> Query:
    """Find events that are in the feed twice, or not in the order of their stream."""
    return _out_of_order(t) if t.is_postgres else _before_its_predecessor(t)


@on_both
def end(t: Tables) -> Query:
    """Find the last position different from the number of positions that were given."""
    return _stated_end(t) if t.is_postgres else _sequence_end(t)


@on_postgres
def nowhere(t: Tables) -> Query:
    """Find positions of events that their stream has never had, whichever tenant's it is.

    The last place of each stream is compared with its end, before all places are looked at.
    """
    feed, row = t.feed.c, t.streams.c
    version = func.max(feed.version).label("version")
    ours = select(feed.stream_id, version).where(*_in_range(t, feed))
    last = _kept(ours.group_by(feed.stream_id), "last").c
    is_beyond = (row.stream_id == last.stream_id) & (last.version > row.version)
    names = [row.stream_id, row.version, row.tenant, row.name, row.branch]
    streams = _kept(select(*names).where(is_beyond, *_in_range(t, row)), "beyond")
    return (
        _violation(ViolationKind.NOWHERE, feed.stream_id, _of(streams), feed.version, feed.position)
        .select_from(t.feed.join(streams, streams.c.stream_id == feed.stream_id))
        .where(feed.version > streams.c.version, *_in_range(t, feed))
        .order_by(streams.c.tenant != bindparam("tenant", type_=Text), feed.position)
        .limit(TOLD)
    )


@on_postgres
def refused(t: Tables) -> Query:
    """Find what asked for a position that it has no claim to, and nobody has looked at since."""
    row = t.misplaced.c
    is_open = (row.mended_at.is_(None), row.position == literal(0))
    streams = _names(t, select(row.stream_id).where(*is_open)) if t.is_distributed else t.streams
    return _limited(
        t,
        _violation(ViolationKind.REFUSED, row.stream_id, _of(streams), row.version)
        .distinct()
        .select_from(t.misplaced.outerjoin(streams, streams.c.stream_id == row.stream_id))
        .where(*is_open, _concerns(streams)),
        row,
    )


@on_postgres
def unplaced(t: Tables) -> Query:
    """Find events that are neither in `feed` nor in `queue`."""
    events: FromClause = t.events
    streams: FromClause = t.streams
    placed = _placed(t)
    if t.is_distributed:
        suspects = select(_suspects(t, placed).c.stream_id)
        event, place = t.events.c, placed.c
        of_suspects = select(event.stream_id, event.version).where(
            event.stream_id.in_(suspects), *_in_range(t, event)
        )
        places = select(place.stream_id, place.version, place.position)
        events, streams = _kept(of_suspects, "of_suspects"), _names(t, suspects)
        placed = _kept(places.where(place.stream_id.in_(suspects)), "of_them")
    row: Any = events.c
    there = (placed.c.stream_id == row.stream_id) & (placed.c.version == row.version)
    return _limited(
        t,
        _violation(ViolationKind.UNPLACED, row.stream_id, _of(streams), row.version)
        .select_from(
            events.outerjoin(placed, there).outerjoin(streams, streams.c.stream_id == row.stream_id)
        )
        .where(placed.c.position.is_(None), _concerns(streams), *_in_range(t, row)),
        row,
    )


@on_postgres
def queued(t: Tables) -> Query:
    """Find rows of `queue` of which there is no event, or one of another time."""
    queue, events, streams = t.queue, t.events, t.streams
    row = queue.c
    same = (events.c.stream_id == row.stream_id) & (events.c.version == row.version)
    return (
        _violation(ViolationKind.QUEUED, row.stream_id, _of(streams), row.version)
        .select_from(
            queue.outerjoin(events, same).outerjoin(streams, streams.c.stream_id == row.stream_id)
        )
        .where(
            or_(events.c.version.is_(None), events.c.recorded_at != row.recorded_at),
            _concerns(streams),
            *_in_range(t, row),
        )
        .limit(TOLD)
    )


@on_postgres
def extent(t: Tables) -> Query:
    """Count the events that have a position or wait for one."""
    waits = _kept(select(func.count().label("number")).select_from(t.queue), "waits")
    places = select(func.count()).select_from(t.feed).scalar_subquery()
    return select(places + waits.c.number)


def _before_its_predecessor(t: Tables) -> Query:
    """Find events with a lower position than the version before; none can be there twice."""
    events, streams = t.events, t.streams
    row, before = events.c, events.alias("before")
    is_before = (before.c.stream_id == row.stream_id) & (before.c.version == row.version - 1)
    return (
        _violation(ViolationKind.ORDER, row.stream_id, _of(streams), row.version, row.position)
        .select_from(
            events.join(before, is_before).outerjoin(streams, streams.c.stream_id == row.stream_id)
        )
        .where(row.position < before.c.position, _concerns(streams))
        .limit(TOLD)
    )


def _out_of_order(t: Tables) -> Query:
    """Find events that are twice in `feed` and `queue`, or behind one of a later version."""
    place = _placed(t).c
    order = (place.version, place.position)
    version = func.lag(place.version).over(partition_by=place.stream_id, order_by=order)
    position = func.lag(place.position).over(partition_by=place.stream_id, order_by=order)
    ranked = select(
        *place, version.label("version_before"), position.label("position_before")
    ).subquery("ranked")
    row: Any = ranked.c
    is_twice = row.version == row.version_before
    known = t.misplaced.c
    stays = exists().where(
        known.stream_id == row.stream_id,
        known.version == row.version,
        known.position == row.position,
        known.mended_at.is_not(None),
    )
    is_wrong: tuple[ColumnElement[bool], ...] = (
        or_(is_twice, row.position < row.position_before),
        ~stays,
    )
    kind: ColumnElement[str] = case(
        (is_twice, literal(ViolationKind.TWICE, Text)),
        else_=literal(ViolationKind.ORDER, Text),
    )
    wrong: FromClause = ranked
    streams: FromClause = t.streams
    if t.is_distributed:
        columns = [kind.label("kind"), row.stream_id, row.version, row.position]
        wrong = _kept(select(*columns).where(*is_wrong), "wrong")
        row, kind, is_wrong = wrong.c, wrong.c.kind, ()
        streams = _names(t, select(row.stream_id))
    return _limited(
        t,
        _violation(kind, row.stream_id, _of(streams), row.version, row.position)
        .select_from(wrong.outerjoin(streams, streams.c.stream_id == row.stream_id))
        .where(*is_wrong, _concerns(streams)),
        row,
    )


def _sequence_end(t: Tables) -> Query:
    given = table("sqlite_sequence", column("name", Text), column("seq", BigInteger)).c
    last = select(func.coalesce(func.max(t.events.c.position), 0)).scalar_subquery()
    said = select(func.max(given.seq)).where(given.name == literal("events", Text))
    violation = _violation(
        ViolationKind.END, literal(b"", LargeBinary), _OF_NONE, literal(0), last + 1
    )
    return violation.where(func.coalesce(said.scalar_subquery(), 0) != last)


def _stated_end(t: Tables) -> Query:
    last = select(func.coalesce(func.max(t.feed.c.position), 0)).scalar_subquery()
    head = t.feed_head.c
    stated = select(func.max(head.position)).where(head.id == 1).scalar_subquery()
    violation = _violation(
        ViolationKind.END, literal(b"", LargeBinary), _OF_NONE, literal(0), last + 1
    )
    return violation.where(func.coalesce(stated, -1) != last)


def _placed(t: Tables) -> FromClause:
    feed, queue = t.feed.c, t.queue.c
    placed = select(feed.stream_id, feed.version, feed.position).where(*_in_range(t, feed))
    waiting = select(queue.stream_id, queue.version).where(*_in_range(t, queue))
    waits = _kept(waiting, "waits") if t.is_distributed else waiting.subquery("waits")
    behind_all = literal(LAST, BigInteger).label("position")
    return union_all(placed, select(waits.c.stream_id, waits.c.version, behind_all)).subquery(
        "placed"
    )


def _suspects(t: Tables, placed: FromClause) -> CTE:
    """Find streams of which not all versions are placed, by how many there are and a sum of them.

    Nodes send a row for each stream, not one for each event.
    """

    def summed(rows: FromClause) -> Query:
        stream_id, version = rows.c.stream_id, rows.c.version
        check = func.sum(cast(func.hashint8(version), BigInteger)).label("check")
        number = func.count().label("number")
        return select(stream_id, number, check).group_by(stream_id)

    there = _kept(summed(t.events).where(*_in_range(t, t.events.c)), "there")
    once = select(placed.c.stream_id, placed.c.version).distinct().subquery("once")
    given = _kept(summed(once), "given")
    same = and_(
        given.c.stream_id == there.c.stream_id,
        given.c.number == there.c.number,
        given.c.check == there.c.check,
    )
    unlike = select(there.c.stream_id).select_from(there.outerjoin(given, same))
    return _kept(unlike.where(given.c.stream_id.is_(None)), "suspects")


def _in_range(t: Tables, row: Any) -> list[ColumnElement[bool]]:
    """Bound streams on PostgreSQL: first <= stream_id < behind, an empty `behind` is no bound.

    Each table is bounded by itself: no planner takes it from one to what is joined with it.
    """
    if not t.is_postgres:
        return []
    first, behind = (bindparam(name, type_=LargeBinary) for name in ("first", "behind"))
    nothing = literal(b"", LargeBinary)
    return [row.stream_id >= first, or_(row.stream_id < behind, behind == nothing)]


def _names(t: Tables, wanted: Query) -> CTE:
    """Read the names of the streams that are wanted, from the nodes that have them."""
    row = t.streams.c
    names = select(row.stream_id, row.tenant, row.name, row.branch)
    return _kept(names.where(row.stream_id.in_(wanted)), "streams_of")


def _kept(rows: Query, name: str) -> CTE:
    """Have nodes asked for rows by themselves: what joins them is of the coordinator alone."""
    return rows.cte(name).prefix_with("MATERIALIZED")


def _limited(t: Tables, found: Query, row: Any) -> Query:
    """Limit; on many nodes by an order, by which a second look finds the same."""
    if t.is_distributed:
        found = found.order_by(row.stream_id, row.version)
    return found.limit(TOLD)


def _violation(
    what: ViolationKind | ColumnElement[str],
    stream_id: ColumnElement[bytes],
    of: Sequence[ColumnElement[Any]],
    version: ColumnElement[int],
    position: ColumnElement[int] | None = None,
) -> Query:
    kind = literal(what, Text) if isinstance(what, ViolationKind) else what
    place = literal(None, BigInteger) if position is None else position
    name, branch, tenant = of
    return select(kind, stream_id, name, branch, version, place, tenant)


def _of(streams: FromClause) -> Sequence[ColumnElement[Any]]:
    """Select name, branch and tenant of streams of the tenant; NULL and no branch for others."""
    is_own = _is_own(streams)
    nothing = literal("", Text)
    branch = case((is_own, streams.c.branch), else_=nothing)
    return case((is_own, streams.c.name)), branch, case((is_own, streams.c.tenant))


def _concerns(streams: FromClause) -> ColumnElement[bool]:
    """Tell whether the tenant has to know: it is its stream, or nobody's."""
    return or_(streams.c.tenant.is_(None), _is_own(streams))


def _is_own(streams: FromClause) -> ColumnElement[bool]:
    """Tell whether a stream is the tenant's; where none was named, it is whoever's."""
    tenant = streams.c.tenant
    return tenant == func.coalesce(bindparam("tenant", type_=Text), tenant)


_OF_NONE: Final = (literal("", Text), literal("", Text), literal(None, Text))
