"""The feed's statements: read a page, and on PostgreSQL give positions.

`place` is one statement, and safe however many run at once. It takes the lock of `feed_head` before
it deletes from `queue`, so that batches follow each other. A snapshot shows of each stream a prefix
(an append waits for the one before it), and so does a batch, ordered by `recorded_at`, which never
falls in a stream. What another batch deleted meanwhile is skipped by the DELETE; the rest goes on
where that batch ended.
"""

from hashlib import sha256
from typing import Any, Final

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Select,
    Text,
    bindparam,
    case,
    cast,
    delete,
    extract,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.dialects.postgresql import insert as postgres_insert

from eventlog.store.sql.log import Statements, compiled
from eventlog.store.sql.schema import metadata

LEASE: Final = "sequencer"


class SqliteFeed:
    """The feed is `events` by their own positions."""

    def __init__(self, sql: Statements) -> None:
        self._sql = sql
        self.compile = sql.compile

    @compiled
    def page(self) -> Select[*tuple[Any, ...]]:
        sql = self._sql
        events, streams = sql.events.c, sql.streams.c
        # An expression, or SQLite goes by the index on tenant: through the whole log for each page.
        of_tenant = streams.tenant.concat("")
        return (
            select(events.position, streams.name, streams.branch, *sql.row)
            .join_from(sql.events, sql.streams, events.stream_id == streams.stream_id)
            .where(*_bounds(events.position), of_tenant == bindparam("tenant"))
            .order_by(events.position)
            .limit(bindparam("limit"))
        )

    @compiled
    def every_page(self) -> Select[*tuple[Any, ...]]:
        sql = self._sql
        events, streams = sql.events.c, sql.streams.c
        return (
            select(events.position, streams.tenant, streams.name, streams.branch, *sql.row)
            .join_from(sql.events, sql.streams, events.stream_id == streams.stream_id)
            .where(*_bounds(events.position))
            .order_by(events.position)
            .limit(bindparam("limit"))
        )

    @compiled
    def head(self) -> Select[Any]:
        return select(func.coalesce(func.max(self._sql.events.c.position), 0))


class PostgresFeed:
    """The feed is `feed`, filled from `queue`."""

    def __init__(self, sql: Statements, schema: str) -> None:
        tables = metadata("postgresql", schema).tables
        # NOTIFY reaches one database; a name of PostgreSQL has at most 63 bytes.
        self.channel = f"eventlog_{sha256(schema.encode()).hexdigest()[:16]}"
        self._queue = tables[f"{schema}.queue"]
        self._feed = tables[f"{schema}.feed"]
        self._feed_head = tables[f"{schema}.feed_head"]
        self._lease = tables[f"{schema}.lease"]
        self._sql = sql
        self.compile = sql.compile

    @compiled
    def page(self) -> Select[*tuple[Any, ...]]:
        """Read the events of each stream as one range: half the work of looking up each.

        OFFSET 0 keeps the planner from reading all of `events` instead, whatever it believes.
        """
        streams = self._sql.streams.c
        return self._page([streams.name, streams.branch], self._of_tenant)

    @compiled
    def every_page(self) -> Select[*tuple[Any, ...]]:
        """Read the events of all tenants, who are named."""
        streams = self._sql.streams.c
        return self._page([streams.tenant, streams.name, streams.branch], true())

    @property
    def _of_tenant(self) -> ColumnElement[bool]:
        return self._sql.streams.c.tenant == bindparam("tenant")

    def _page(
        self, names: list[ColumnElement[Any]], wanted: ColumnElement[bool]
    ) -> Select[*tuple[Any, ...]]:
        sql = self._sql
        events = sql.events.c
        spans = self._spans(names, wanted)
        events_of = (
            select(*sql.row)
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
        return (
            select(position, *[spans.c[name.key or ""] for name in names], *events_of.c)
            .select_from(spans.join(events_of, true()))
            .where(position.is_not(None))
            .order_by(position)
            .limit(bindparam("limit"))
        )

    def _spans(self, names: list[ColumnElement[Any]], wanted: ColumnElement[bool]) -> CTE:
        """Of each wanted stream, the versions between the bounds and their positions."""
        feed, streams = self._feed.c, self._sql.streams.c
        grouped = (
            select(
                feed.stream_id,
                func.min(feed.version).label("first"),
                func.max(feed.version).label("last"),
                _by_version(feed.version, feed.version).label("versions"),
                _by_version(feed.position, feed.version).label("positions"),
            )
            .where(*_bounds(feed.position))
            .group_by(feed.stream_id)
            .subquery("grouped")
        )
        same = (streams.stream_id == grouped.c.stream_id) & wanted
        return (
            select(*names, *grouped.c)
            .select_from(grouped.join(self._sql.streams, same))
            .cte("spans")
        )

    @compiled
    def plain_page(self) -> Select[*tuple[Any, ...]]:
        streams = self._sql.streams.c
        return self._plain_page([streams.name, streams.branch], self._of_tenant)

    @compiled
    def every_plain_page(self) -> Select[*tuple[Any, ...]]:
        streams = self._sql.streams.c
        return self._plain_page([streams.tenant, streams.name, streams.branch], true())

    def _plain_page(
        self, names: list[ColumnElement[Any]], wanted: ColumnElement[bool]
    ) -> Select[*tuple[Any, ...]]:
        sql = self._sql
        feed, events, streams = self._feed.c, sql.events.c, sql.streams.c
        same = (events.stream_id == feed.stream_id) & (events.version == feed.version)
        named = (streams.stream_id == feed.stream_id) & wanted
        return (
            select(feed.position, *names, *sql.row)
            .select_from(self._feed.join(sql.events, same).join(sql.streams, named))
            .where(*_bounds(feed.position))
            .order_by(feed.position)
            .limit(bindparam("limit"))
        )

    @compiled
    def progress(self) -> Select[*tuple[Any, ...]]:
        """Ask for the last position, whether anything waits for one, and who else is at it."""
        waiting = select(self._queue.c.stream_id).limit(1).cte("waiting")
        lease = self._lease.c
        at_it = (
            select(lease.name)
            .where(
                lease.name == LEASE,
                lease.holder != bindparam("holder", type_=Text),
                lease.expires_at > _clock(),
            )
            .cte("at_it")
        )
        return select(
            self._feed_head.c.position,
            select(func.count() > 0).select_from(waiting).scalar_subquery().label("waiting"),
            select(func.count() > 0).select_from(at_it).scalar_subquery().label("at_it"),
        )

    @compiled
    def hold(self) -> Any:
        """Take the lease, or renew it, unless another one's has not run out."""
        until = _clock() + bindparam("microseconds", type_=BigInteger)
        row = postgres_insert(self._lease).values(
            name=literal(LEASE, Text),
            holder=bindparam("holder", type_=Text),
            expires_at=until,
        )
        lease = self._lease.c
        return row.on_conflict_do_update(
            index_elements=[lease.name],
            set_={"holder": row.excluded.holder, "expires_at": row.excluded.expires_at},
            where=or_(lease.holder == row.excluded.holder, lease.expires_at <= _clock()),
        ).returning(lease.holder)

    @compiled
    def place(self) -> Select[*tuple[Any, ...]]:
        queue, feed_head = self._queue, self._feed_head
        order = (queue.c.recorded_at, queue.c.stream_id, queue.c.version)
        batch = select(*order).order_by(*order).limit(bindparam("limit")).cte("batch")
        # With nothing to place no row is locked, and nothing is written.
        head = (
            select(feed_head.c.position)
            .where(select(batch.c.version).exists())
            .with_for_update()
            .cte("head")
        )
        taken = (
            delete(queue)
            .where(
                queue.c.stream_id == batch.c.stream_id,
                queue.c.version == batch.c.version,
                head.c.position >= 0,  # True of every position: it puts the lock before the delete.
            )
            .returning(*order)
            .cte("taken")
        )
        number = func.row_number().over(
            order_by=(taken.c.recorded_at, taken.c.stream_id, taken.c.version)
        )
        placed = insert(self._feed).from_select(
            ["position", "stream_id", "version"],
            select(head.c.position + number, taken.c.stream_id, taken.c.version).select_from(
                taken.join(head, true())
            ),
        )
        counted = (
            select((head.c.position + func.count()).label("position"))
            .select_from(taken.join(head, true()))
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
                case((counted.c.position.is_not(None), cast(told, Text))).label("told"),
            )
            .select_from(seen.join(feed_head, true()).outerjoin(counted, true()))
            .add_cte(placed.cte("placed"), moved.cte("moved"))
        )


def _by_version(column: ColumnElement[int], version: ColumnElement[int]) -> ColumnElement[Any]:
    return func.array_agg(aggregate_order_by(column, version), type_=ARRAY(BigInteger))


def _bounds(position: ColumnElement[int]) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return position > bindparam("after"), position <= bindparam("until")


def _clock() -> ColumnElement[int]:
    return cast(extract("epoch", func.clock_timestamp()) * 1_000_000, BigInteger)
