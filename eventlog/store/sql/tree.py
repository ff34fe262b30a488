"""The statements of the tree: its leaves are the feed, its tiles and signed heads have tables."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    LargeBinary,
    Table,
    Text,
    bindparam,
    case,
    cast,
    false,
    func,
    literal,
    select,
)

from eventlog.format.records import SignedHead
from eventlog.proof.merkle import HASH_BYTES, TILE_WIDTH
from eventlog.store.sql.compiling import on_both
from eventlog.store.sql.parts import Query, Upsert, between, given, unnest, upsert
from eventlog.store.sql.schema import Tables

_TILE: dict[str, Any] = {"level": Integer(), "number": BigInteger()}


@on_both
def size(t: Tables) -> Query:
    """Count the leaves that the tiles of the lowest level hold."""
    tree = t.tree.c
    whole = tree.number * TILE_WIDTH + func.length(tree.hashes, type_=Integer) // HASH_BYTES
    return select(whole).where(tree.level == 0).order_by(tree.number.desc()).limit(1)


@on_both
def shapes(t: Tables) -> Query:
    """Of each level: how many tiles, the first, the last, and how many bytes they hold."""
    tree = t.tree.c
    return (
        select(
            tree.level,
            func.count(),
            func.min(tree.number),
            func.max(tree.number),
            cast(func.sum(func.length(tree.hashes)), BigInteger),
        )
        .group_by(tree.level)
        .order_by(tree.level)
    )


@on_both
def leaves(t: Tables) -> Query:
    """Read the hashes of events by position; NULL where the feed names no event."""
    if t.is_distributed:
        return _leaves_by_join(t)
    feed, events = _feed(t).c, t.events.c
    source: FromClause = t.events
    is_nowhere: ColumnElement[Any] = false()
    if t.is_postgres:
        same = (events.stream_id == feed.stream_id) & (events.version == feed.version)
        source = _feed(t).outerjoin(t.events, same)
        last = select(t.streams.c.version).where(t.streams.c.stream_id == feed.stream_id)
        beyond = func.coalesce(feed.version > last.scalar_subquery(), false())
        is_nowhere = case((events.hash.is_(None), beyond), else_=false())
    return (
        select(feed.position, events.hash, is_nowhere)
        .select_from(source)
        .where(feed.position > bindparam("after"))
        .order_by(feed.position)
        .limit(bindparam("limit"))
    )


@on_both
def placed(t: Tables) -> Query:
    """Read which event has each position, whether or not it is there."""
    feed = _feed(t).c
    return (
        select(feed.position, feed.stream_id, feed.version)
        .where(*between(feed.position))
        .order_by(feed.position)
        .limit(bindparam("limit"))
    )


@on_both
def event_at(t: Tables) -> Query:
    """Read which event has a position, and the names of its stream, if it is there."""
    if t.is_distributed:
        return _event_at_by_join(t)
    feed, streams = _feed(t), t.streams.c
    branch = func.coalesce(streams.branch, literal("", Text))
    return (
        select(feed.c.stream_id, feed.c.version, streams.tenant, streams.name, branch)
        .select_from(feed.outerjoin(t.streams, streams.stream_id == feed.c.stream_id))
        .where(feed.c.position == bindparam("position"))
    )


def _leaves_by_join(t: Tables) -> Query:
    """Read the same from many nodes.

    The nodes are told the places, and join their own rows. An outer join with `feed` would bring
    every event of the log to the coordinator.
    """
    feed = t.feed.c
    asked = select(feed.position, feed.stream_id, feed.version)
    in_order = asked.where(feed.position > bindparam("after")).order_by(feed.position)
    places = in_order.limit(bindparam("limit")).cte("places")
    place, events, streams = places.c, t.events.c, t.streams.c
    same = (events.stream_id == place.stream_id) & (events.version == place.version)
    there = select(place.position, events.hash).join_from(places, t.events, same).cte("there")
    is_beyond = (streams.stream_id == place.stream_id) & (place.version > streams.version)
    beyond = select(place.position).join_from(places, t.streams, is_beyond).cte("beyond")
    is_nowhere = there.c.hash.is_(None) & beyond.c.position.is_not(None)
    return (
        select(place.position, there.c.hash, is_nowhere)
        .select_from(
            places.outerjoin(there, there.c.position == place.position).outerjoin(
                beyond, beyond.c.position == place.position
            )
        )
        .order_by(place.position)
    )


def _event_at_by_join(t: Tables) -> Query:
    """Read the same from the one node that has the stream."""
    feed, streams = t.feed.c, t.streams.c
    asked = select(feed.stream_id, feed.version).where(feed.position == bindparam("position"))
    place = asked.cte("place")
    names = select(streams.stream_id, streams.tenant, streams.name, streams.branch)
    is_it = streams.stream_id.in_(select(place.c.stream_id))
    named = names.where(is_it).cte("named")
    branch = func.coalesce(named.c.branch, literal("", Text))
    return select(
        place.c.stream_id, place.c.version, named.c.tenant, named.c.name, branch
    ).select_from(place.outerjoin(named, named.c.stream_id == place.c.stream_id))


@on_both
def places(t: Tables) -> Query:
    """Find events in the feed; on PostgreSQL a scan of it, which has no index for this."""
    feed = _feed(t).c
    return (
        select(feed.version, feed.position)
        .where(feed.stream_id == bindparam("stream_id"), *between(feed.version))
        .order_by(feed.version, feed.position)
        .limit(bindparam("limit"))
    )


@on_both
def tiles(t: Tables) -> Query:
    """Read each of several tiles, on PostgreSQL in one statement."""
    tree = t.tree.c
    found = select(tree.level, tree.number, tree.hashes)
    if not t.is_postgres:
        return found.where(tree.level == bindparam("level"), tree.number == bindparam("number"))
    wanted = unnest("every_", _TILE, "given")
    same = (tree.level == wanted.c.level) & (tree.number == wanted.c.number)
    return found.join_from(t.tree, wanted, same)


@on_both
def save(t: Tables) -> Upsert:
    """Store a tile, on PostgreSQL several, unless a longer one is there."""
    tree = t.tree.c
    row = _several(t) if t.is_postgres else _one(t)
    return row.on_conflict_do_update(
        index_elements=[tree.level, tree.number],
        set_={"hashes": row.excluded.hashes},
        where=func.length(tree.hashes) < func.length(row.excluded.hashes),
    )


@on_both
def save_head(t: Tables) -> Upsert:
    """Store a signed head, in place of one of its size."""
    row = upsert(t, t.tree_heads).values(given(t.tree_heads, *SignedHead._fields))
    changed = {name: row.excluded[name] for name in SignedHead._fields[1:]}
    return row.on_conflict_do_update(index_elements=[t.tree_heads.c.size], set_=changed)


@on_both
def heads(t: Tables) -> Query:
    """Read signed heads by size."""
    size = t.tree_heads.c.size
    return _heads(t).where(size > bindparam("after")).order_by(size).limit(bindparam("limit"))


@on_both
def last_head(t: Tables) -> Query:
    """Read the signed head of the largest size."""
    return _heads(t).order_by(t.tree_heads.c.size.desc()).limit(1)


def _feed(t: Tables) -> Table:
    return t.feed if t.is_postgres else t.events


def _heads(t: Tables) -> Query:
    return select(*[t.tree_heads.c[name] for name in SignedHead._fields])


def _one(t: Tables) -> Upsert:
    names = ("level", "number", "hashes")
    return upsert(t, t.tree).values({name: bindparam(name) for name in names})


def _several(t: Tables) -> Upsert:
    new = unnest("every_", {**_TILE, "hashes": LargeBinary()}, "given")
    # In the order of the key, so that two who save the same tiles wait and do not deadlock.
    rows = select(*new.c).order_by(new.c.level, new.c.number)
    return upsert(t, t.tree).from_select(list(new.c.keys()), rows)
