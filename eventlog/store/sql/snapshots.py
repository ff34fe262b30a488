"""The statements of snapshots, each about one stream: SQLite's ask for one thing each.

PostgreSQL answers every question in one statement, which is one round trip.
"""

from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    BindParameter,
    ColumnElement,
    Delete,
    FromClause,
    Insert,
    LargeBinary,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    column,
    delete,
    func,
    insert,
    literal,
    null,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import insert as postgres_insert

from eventlog.format.records import FoldInput
from eventlog.store.sql.compiling import on_both, on_postgres, on_sqlite
from eventlog.store.sql.constants import PAGE, REFERRED, SEGMENT, SNAPSHOT, TAIL
from eventlog.store.sql.parts import Query, inserted, of_stream
from eventlog.store.sql.schema import Tables


@on_both
def drop_snapshots(t: Tables) -> Delete:
    """Delete the snapshots of a stream."""
    stream_id = t.snapshots.c.stream_id
    return delete(t.snapshots).where(stream_id == bindparam("stream_id"))


@on_both
def drop_segments(t: Tables) -> Delete:
    """Delete the segments of a stream."""
    stream_id = t.segments.c.stream_id
    return delete(t.segments).where(stream_id == bindparam("stream_id"))


@on_both
def tail(t: Tables) -> Query:
    """Read the events from `after` on, that one without its body: its key is the snapshot's."""
    events = t.events.c
    after = bindparam("after", type_=BigInteger)
    content = case((events.version > after, events.body), else_=null())
    return (
        of_stream(t, *_fold_input(t, content))
        .where(events.version >= after, events.version <= bindparam("until"))
        .order_by(events.version)
        .limit(PAGE + 1)
    )


@on_sqlite
def newest(t: Tables) -> Query:
    """Read the newest snapshot up to a version, and the salt of its event, if that has its hash."""
    snapshots, events = t.snapshots.c, t.events.c
    its_event = and_(
        events.stream_id == snapshots.stream_id,
        events.version == snapshots.version,
        events.hash == snapshots.hash,
    )
    # As bytes: text that is none is for whoever decodes it to refuse.
    pieces = cast(snapshots.pieces, LargeBinary).label("pieces")
    return (
        select(snapshots.version, snapshots.hash, pieces, events.salt)
        .select_from(t.snapshots.outerjoin(t.events, its_event))
        .where(*_of_schema(t), snapshots.version <= bindparam("until"))
        .order_by(snapshots.version.desc())
        .limit(1)
    )


@on_both
def salt_of(t: Tables) -> Query:
    """Read the salt of the event that a snapshot is of."""
    events = t.events.c
    return of_stream(t, events.salt).where(
        events.version == bindparam("version"), events.hash == bindparam("hash")
    )


@on_both
def snapshot_versions(t: Tables) -> Query:
    """Read the versions that there are snapshots of."""
    return select(t.snapshots.c.version).where(*_of_schema(t)).order_by(t.snapshots.c.version)


@on_sqlite
def segment(t: Tables) -> Query:
    """Read a segment."""
    segments = t.segments.c
    return select(segments.body).where(
        segments.stream_id == bindparam("stream_id"),
        segments.segment_id == bindparam("segment_id"),
    )


@on_sqlite
def one_entry(t: Tables) -> Query:
    """Read the event of a version."""
    of_version = t.events.c.version == bindparam("version")
    return of_stream(t, *_fold_input(t)).where(of_version)


@on_sqlite
def erased_since(t: Tables) -> Query:
    """Return a row if the stream was erased after the version of a snapshot."""
    streams = t.streams.c
    return select(streams.version).where(
        streams.stream_id == bindparam("stream_id"),
        streams.erased_version > bindparam("version"),
    )


@on_sqlite
def hash_of(t: Tables) -> Query:
    """Ask for the hash of the snapshot of a version."""
    snapshots = t.snapshots.c
    return select(snapshots.hash).where(*_of_schema(t), snapshots.version == bindparam("version"))


@on_sqlite
def drop_from(t: Tables) -> Delete:
    """Delete the snapshots from a version on."""
    from_version = t.snapshots.c.version >= bindparam("version")
    return delete(t.snapshots).where(*_of_schema(t), from_version)


@on_sqlite
def save_snapshot(t: Tables) -> Insert:
    """Insert a snapshot."""
    return inserted(t.snapshots)


@on_sqlite
def save_segment(t: Tables) -> Insert:
    """Insert a segment."""
    return inserted(t.segments)


def _of_schema(t: Tables) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    snapshots = t.snapshots.c
    return (
        snapshots.stream_id == bindparam("stream_id"),
        snapshots.schema == bindparam("schema"),
    )


@on_postgres
def load(t: Tables) -> Any:
    """Return rows of a tag and a FoldInput's columns: a snapshot, segments, and events.

    A snapshot's hash is in `hash`, its pieces are in `kind` and the salt of its event in `header`;
    `schema` says whether it is on the chain. A segment's id is in `version`.
    """
    snapshot = _newest(t).cte("newest")
    wanted = _wanted(snapshot)
    events, until = t.events.c, bindparam("until", type_=BigInteger)
    # One value, or row-level security looks at every event of the stream before it compares.
    base = (
        select(func.coalesce(func.max(snapshot.c.version), 0))
        .where(snapshot.c.is_on_chain)
        .scalar_subquery()
    )
    tail = (
        select(literal(TAIL), *_fold_input(t))
        .where(events.stream_id == _stream_id(), events.version > base, events.version <= until)
        .order_by(events.version)
        .limit(PAGE)
    )
    referred = select(-wanted.c.source).where(wanted.c.source < 0)
    return union_all(
        _row(
            t,
            SNAPSHOT,
            version=snapshot.c.version,
            kind=snapshot.c.pieces,
            header=snapshot.c.salt,
            schema=case((snapshot.c.is_on_chain, 1), else_=0),
            key_id=snapshot.c.key_id,
            hash=snapshot.c.hash,
        ).select_from(snapshot),
        _segment_rows(t, select(wanted.c.source).where(wanted.c.source > 0)),
        _entry_rows(t, REFERRED, referred),
        select(tail.subquery("tail")),
    )


@on_postgres
def sources(t: Tables) -> Any:
    """Read segments and events, in rows as `load` returns them."""
    ids = select(func.unnest(bindparam("segments", type_=ARRAY(BigInteger))))
    versions = select(func.unnest(bindparam("versions", type_=ARRAY(BigInteger))))
    return union_all(_segment_rows(t, ids), _entry_rows(t, REFERRED, versions))


def _newest(t: Tables) -> Query:
    snapshots, events = t.snapshots.c, t.events.c
    here = and_(
        events.stream_id == _stream_id(),
        events.version == snapshots.version,
        events.hash == snapshots.hash,
    )
    return (
        select(
            snapshots.version,
            snapshots.hash,
            snapshots.pieces,
            events.version.is_not(None).label("is_on_chain"),
            events.key_id,
            events.salt,
        )
        .select_from(t.snapshots.outerjoin(t.events, here))
        .where(
            snapshots.stream_id == _stream_id(),
            snapshots.schema == bindparam("schema", type_=BigInteger),
            snapshots.version <= bindparam("until", type_=BigInteger),
        )
        .order_by(snapshots.version.desc())
        .limit(1)
    )


def _wanted(snapshot: CTE) -> CTE:
    """Select the last pieces of a snapshot that together hold as many items as are wanted."""
    each = (
        func.jsonb_array_elements(cast(snapshot.c.pieces, JSONB)["pieces"])
        .table_valued(column("piece", JSONB), with_ordinality="place", name="each")
        .render_derived()
    )
    number = [cast(each.c.piece[index].astext, BigInteger) for index in range(3)]
    pieces = (
        select(
            number[0].label("source"),
            (number[2] - number[1]).label("items"),
            each.c.place,
        )
        .select_from(snapshot.join(each, true()))
        .where(snapshot.c.is_on_chain)
        .subquery("pieces")
    )
    behind = func.sum(pieces.c["items"]).over(order_by=pieces.c.place.desc())
    counted = select(pieces.c.source, (behind - pieces.c["items"]).label("behind")).subquery(
        "counted"
    )
    return (
        select(counted.c.source)
        .where(counted.c.behind < bindparam("wanted", type_=BigInteger))
        .cte("wanted")
    )


def _row(t: Tables, tag: int, **values: ColumnElement[Any]) -> Query:
    types = {name: t.events.c[name].type for name in FoldInput._fields}
    columns = [values.get(name, cast(null(), kind)).label(name) for name, kind in types.items()]
    return select(literal(tag).label("tag"), *columns)


def _segment_rows(t: Tables, ids: Select[Any]) -> Query:
    segments = t.segments.c
    return (
        _row(t, SEGMENT, version=segments.segment_id, body=segments.body)
        .select_from(t.segments)
        .where(segments.stream_id == _stream_id(), segments.segment_id.in_(ids))
    )


def _entry_rows(t: Tables, tag: int, versions: Select[Any]) -> Query:
    events = t.events.c
    return select(literal(tag).label("tag"), *_fold_input(t)).where(
        events.stream_id == _stream_id(), events.version.in_(versions)
    )


@on_postgres
def drop_stale(t: Tables) -> Any:
    """Delete from the first snapshot on that is as new as ours and is not on the chain."""
    snapshots = t.snapshots.c
    ours = t.snapshots.alias("ours")
    stale = (
        select(ours.c.version)
        .where(
            ours.c.stream_id == _stream_id(),
            ours.c.schema == bindparam("schema", type_=BigInteger),
            ours.c.version == bindparam("version", type_=BigInteger),
            ours.c.hash != bindparam("hash", type_=LargeBinary),
        )
        .exists()
    )
    return delete(t.snapshots).where(
        snapshots.stream_id == _stream_id(),
        snapshots.schema == bindparam("schema", type_=BigInteger),
        snapshots.version >= bindparam("version", type_=BigInteger),
        stale,
    )


@on_postgres
def save(t: Tables) -> Any:
    """Insert the snapshot, and its segments only if it was not there."""
    snapshots = t.snapshots.c
    values: dict[str, Any] = {
        "stream_id": _stream_id(),
        "schema": bindparam("schema", type_=BigInteger),
        "version": bindparam("version", type_=BigInteger),
        "hash": bindparam("hash", type_=LargeBinary),
        "pieces": bindparam("pieces", type_=Text),
    }
    streams = t.streams.c
    erased = func.coalesce(streams.erased_version, 0)
    # The lock waits for whoever erases just now, and then sees that it was erased.
    row = (
        select(*[value.label(name) for name, value in values.items()])
        .where(streams.stream_id == _stream_id(), erased <= values["version"])
        .with_for_update(read=True, key_share=True, of=t.streams)
    )
    saved = (
        postgres_insert(t.snapshots)
        .from_select(list(values), row)
        .on_conflict_do_nothing()
        .returning(snapshots.version)
        .cte("saved")
    )
    new = _new_segments()
    stored = insert(t.segments).from_select(
        ["stream_id", "segment_id", "body"],
        select(_stream_id().label("stream_id"), new.c.segment_id, new.c.body).select_from(
            saved.join(new, true())
        ),
    )
    return select(saved.c.version).add_cte(stored.cte("stored"))


def _fold_input(t: Tables, body: ColumnElement[Any] | None = None) -> list[ColumnElement[Any]]:
    """Return the columns of a FoldInput."""
    columns: list[ColumnElement[Any]] = [t.events.c[name] for name in FoldInput._fields]
    if body is not None:
        columns[FoldInput._fields.index("body")] = body.label("body")
    return columns


def _new_segments() -> FromClause:
    return (
        func.unnest(
            bindparam("segment_ids", type_=ARRAY(BigInteger)),
            bindparam("bodies", type_=ARRAY(LargeBinary)),
        )
        .table_valued(column("segment_id", BigInteger), column("body", LargeBinary), name="new")
        .render_derived()
    )


def _stream_id() -> BindParameter[bytes]:
    return bindparam("stream_id", type_=LargeBinary)
