"""The statements that give events their positions, on PostgreSQL.

Each is one statement, and safe however many run at once. It takes the lock of `feed_head` before
it deletes from `queue`, so that batches follow each other. A snapshot shows of each stream a prefix
(an append waits for the one before it), and so does a batch, ordered by `recorded_at`, which never
falls in a stream. What another batch deleted meanwhile is skipped by the DELETE; the rest goes on
where that batch ended.

Rule: a position is for an event that is there and has none. That is sure of a row of `queue` which
was inserted by the transaction that inserted its event: nobody can have placed it before, and an
event comes once. `place` takes only batches of such rows. Others (the event was erased meanwhile,
the tables were copied, or somebody wrote into `queue`) are looked up in the whole feed by `sift`,
which takes what has no claim out of `queue` and into `misplaced`.
"""

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import (
    CTE,
    Boolean,
    ColumnElement,
    FromClause,
    Integer,
    Text,
    and_,
    bindparam,
    case,
    cast,
    delete,
    false,
    func,
    insert,
    literal_column,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgres_insert

from eventlog.store.sql.compiling import on_postgres
from eventlog.store.sql.parts import Query, clock
from eventlog.store.sql.schema import Tables

_ORDER: Final = ("recorded_at", "stream_id", "version")


@on_postgres
def place(t: Tables) -> Query:
    """Give positions to events that wait for one, and notify whoever listens.

    If there is doubt about one of them, to none.
    """
    batch = _batch(t)
    doubted = select(batch.c.version).where(batch.c.is_sure.is_not(true())).exists()
    return _give(t, batch, lambda taken: taken, doubted)


@on_postgres
def sift(t: Tables) -> Query:
    """Give positions to events that have none, and set aside whatever else waits."""
    batch = _batch(t)
    judged = _judged(t, batch)
    aside: list[CTE] = []

    def fit(taken: CTE) -> FromClause:
        both = taken.join(judged, _is_same(taken, judged))
        aside.append(_aside(t, select(*_row(taken)).select_from(both).where(~judged.c.is_fit)))
        return select(*_row(taken)).select_from(both).where(judged.c.is_fit).cte("fit")

    found = _give(t, batch, fit, false())
    return found.add_cte(*aside)


def _batch(t: Tables) -> CTE:
    """Read what waits, each with whether its event came with it; NULL where there is no event."""
    queue = t.queue.alias("queued")
    rows = [queue.c[name] for name in _ORDER]
    if t.is_distributed:
        return _joined_batch(t, queue)
    came: ColumnElement[Any] = literal_column("queued.xmin", Integer).label("came")
    asked: list[ColumnElement[Any]] = [*rows, came]
    first = select(*asked).order_by(*rows).limit(bindparam("limit")).subquery("first")
    event = t.events.alias("event")
    is_sure = (
        select(literal_column("event.xmin = first.came", Boolean))
        .select_from(event)
        .where(event.c.stream_id == first.c.stream_id, event.c.version == first.c.version)
        .correlate(first)
        .scalar_subquery()
    )
    return select(*_row(first), is_sure.label("is_sure")).cte("batch")


def _joined_batch(t: Tables, queue: FromClause) -> CTE:
    """Read the same by a join, which every node makes of its own rows."""
    event = t.events.alias("event")
    is_sure = literal_column("event.xmin = queued.xmin", Boolean)
    rows = [queue.c[name] for name in _ORDER]
    asked: list[ColumnElement[Any]] = [*rows, is_sure.label("is_sure")]
    both = queue.outerjoin(event, _is_same(queue, event))
    return select(*asked).select_from(both).order_by(*rows).limit(bindparam("limit")).cte("batch")


def _judged(t: Tables, batch: CTE) -> CTE:
    """Tell of each that waits whether there is such an event, and no position of it."""
    placed = (
        select(*_key(t.feed))
        .select_from(t.feed.join(batch, _is_same(t.feed, batch)))
        .where(batch.c.is_sure.is_not(true()))
        .distinct()
        .cte("placed_before")
    )
    is_fit = and_(batch.c.is_sure.is_not(None), placed.c.version.is_(None))
    judging = batch.outerjoin(placed, _is_same(batch, placed))
    return select(*_key(batch), is_fit.label("is_fit")).select_from(judging).cte("judged")


def _aside(t: Tables, rows: Query) -> CTE:
    unfit = rows.subquery("unfit")
    values = select(*_key(unfit), literal_column("0"), clock())
    names = ["stream_id", "version", "position", "found_at"]
    return (
        postgres_insert(t.misplaced)
        .from_select(names, values)
        .on_conflict_do_nothing()
        .cte("aside")
    )


def _give(
    t: Tables,
    batch: CTE,
    chosen: Callable[[CTE], FromClause],
    doubted: ColumnElement[bool],
) -> Query:
    """Take the batch out of the queue unless it is doubted, and place what is chosen of it."""
    queue, feed_head = t.queue, t.feed_head
    # With nothing to place no row is locked, and nothing is written.
    head = (
        select(feed_head.c.position)
        .where(select(batch.c.version).exists(), ~doubted)
        .with_for_update()
        .cte("head")
    )
    taken = (
        delete(queue)
        .where(
            _is_same(queue, batch),
            head.c.position >= 0,  # True of every position: it puts the lock before the delete.
        )
        .returning(*_row(queue))
        .cte("taken")
    )
    new = chosen(taken)
    number = func.row_number().over(order_by=_row(new))
    placed = insert(t.feed).from_select(
        ["position", "stream_id", "version"],
        select(head.c.position + number, *_key(new)).select_from(new.join(head, true())),
    )
    counted = (
        select((head.c.position + func.count()).label("position"))
        .select_from(new.join(head, true()))
        .group_by(head.c.position)
        .cte("counted")
    )
    # From a joined row, not a subquery: a row that moved meanwhile is joined again as it was.
    moved = update(feed_head).values(position=counted.c.position)
    told = func.pg_notify(bindparam("channel", type_=Text), "")
    seen = select(func.count().label("count")).select_from(batch).subquery("seen")
    return (
        select(
            seen.c.count,
            counted.c.position.is_not(None).label("moved"),
            func.coalesce(counted.c.position, feed_head.c.position).label("position"),
            doubted.label("doubted"),
            case((counted.c.position.is_not(None), cast(told, Text))).label("told"),
        )
        .select_from(seen.join(feed_head, true()).outerjoin(counted, true()))
        .add_cte(placed.cte("placed"), moved.cte("moved"))
    )


def _row(rows: FromClause) -> list[ColumnElement[Any]]:
    return [rows.c[name] for name in _ORDER]


def _key(rows: FromClause) -> list[ColumnElement[Any]]:
    return [rows.c[name] for name in _ORDER[1:]]


def _is_same(one: FromClause, other: FromClause) -> ColumnElement[bool]:
    return and_(one.c.stream_id == other.c.stream_id, one.c.version == other.c.version)
