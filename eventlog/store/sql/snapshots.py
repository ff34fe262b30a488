"""The statements of snapshots, in SQLAlchemy Core, each about one stream."""

from typing import Any, Final

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Delete,
    Insert,
    LargeBinary,
    Select,
    Table,
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
from eventlog.store.sql.log import Statements, compiled
from eventlog.store.sql.schema import Dialect, metadata

PAGE: Final = 1000
"""How many events one round trip brings at most."""


class SnapshotStatements:
    """What both databases ask."""

    def __init__(self, sql: Statements, dialect: Dialect, schema: str | None = None) -> None:
        tables = metadata(dialect, schema).tables
        prefix = "" if schema is None else f"{schema}."
        self.snapshots: Table = tables[f"{prefix}snapshots"]
        self.segments: Table = tables[f"{prefix}segments"]
        self.events, self.streams = sql.events, sql.streams
        self._sql = sql
        self.compile = sql.compile

    @compiled
    def drop_snapshots(self) -> Delete:
        stream_id = self.snapshots.c.stream_id
        return delete(self.snapshots).where(stream_id == bindparam("stream_id"))

    @compiled
    def drop_segments(self) -> Delete:
        stream_id = self.segments.c.stream_id
        return delete(self.segments).where(stream_id == bindparam("stream_id"))

    def entry(self, body: ColumnElement[Any] | None = None) -> list[ColumnElement[Any]]:
        """Return the columns of a FoldInput."""
        columns: list[ColumnElement[Any]] = [self.events.c[name] for name in FoldInput._fields]
        if body is not None:
            columns[FoldInput._fields.index("body")] = body.label("body")
        return columns

    @compiled
    def tail(self) -> Select[*tuple[Any, ...]]:
        events = self.events.c
        after = bindparam("after", type_=BigInteger)
        content = case((events.version > after, events.body), else_=null())
        return (
            self._sql.of_stream(*self.entry(content))
            .where(events.version >= after, events.version <= bindparam("until"))
            .order_by(events.version)
            .limit(PAGE + 1)
        )


class SqliteSnapshotStatements(SnapshotStatements):
    """A handful of these on the connection's thread: one hop."""

    def __init__(self, sql: Statements) -> None:
        super().__init__(sql, "sqlite")

    @compiled
    def newest(self) -> Select[*tuple[Any, ...]]:
        snapshots, events = self.snapshots.c, self.events.c
        on_chain = select(events.hash).where(
            events.stream_id == snapshots.stream_id, events.version == snapshots.version
        )
        is_on_chain = on_chain.scalar_subquery() == snapshots.hash
        # As bytes: text that is none is for whoever decodes it to refuse.
        pieces = cast(snapshots.pieces, LargeBinary).label("pieces")
        return (
            select(snapshots.version, snapshots.hash, pieces, is_on_chain.label("is_on_chain"))
            .where(*self._until())
            .order_by(snapshots.version.desc())
            .limit(1)
        )

    @compiled
    def segment(self) -> Select[*tuple[Any, ...]]:
        segments = self.segments.c
        return select(segments.body).where(
            segments.stream_id == bindparam("stream_id"),
            segments.segment_id == bindparam("segment_id"),
        )

    @compiled
    def one_entry(self) -> Select[*tuple[Any, ...]]:
        of_version = self.events.c.version == bindparam("version")
        return self._sql.of_stream(*self.entry()).where(of_version)

    @compiled
    def erased_since(self) -> Select[*tuple[Any, ...]]:
        """Find the stream if content up to the version of a snapshot was erased."""
        streams = self.streams.c
        return select(streams.version).where(
            streams.stream_id == bindparam("stream_id"),
            streams.erased_version > bindparam("version"),
        )

    @compiled
    def hash_of(self) -> Select[*tuple[Any, ...]]:
        snapshots = self.snapshots.c
        return select(snapshots.hash).where(
            *self._of_schema(), snapshots.version == bindparam("version")
        )

    @compiled
    def drop_from(self) -> Delete:
        from_version = self.snapshots.c.version >= bindparam("version")
        return delete(self.snapshots).where(*self._of_schema(), from_version)

    @compiled
    def save_snapshot(self) -> Insert:
        columns = self.snapshots.c
        return insert(self.snapshots).values({c.name: bindparam(c.name) for c in columns})

    @compiled
    def save_segment(self) -> Insert:
        columns = self.segments.c
        return insert(self.segments).values({c.name: bindparam(c.name) for c in columns})

    def _of_schema(self) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        snapshots = self.snapshots.c
        return (
            snapshots.stream_id == bindparam("stream_id"),
            snapshots.schema == bindparam("schema"),
        )

    def _until(self) -> tuple[ColumnElement[bool], ...]:
        return (*self._of_schema(), self.snapshots.c.version <= bindparam("until"))


SNAPSHOT: Final = 0
SEGMENT: Final = 1
REFERRED: Final = 2
TAIL: Final = 3


class PostgresSnapshotStatements(SnapshotStatements):
    """One statement for each question: one round trip."""

    def __init__(self, sql: Statements, schema: str) -> None:
        super().__init__(sql, "postgresql", schema)
        self._stream_id = bindparam("stream_id", type_=LargeBinary)

    @compiled
    def load(self) -> Any:
        """Return rows of a tag and a FoldInput's columns: a snapshot, segments, and events.

        A snapshot's hash is in `hash` and its pieces in `kind`; `schema` says whether it is on the
        chain. A segment's id is in `version`.
        """
        snapshot = self._newest().cte("newest")
        wanted = self._wanted(snapshot)
        events, until = self.events.c, bindparam("until", type_=BigInteger)
        # One value, or row-level security looks at every event of the stream before it compares.
        base = (
            select(func.coalesce(func.max(snapshot.c.version), 0))
            .where(snapshot.c.is_on_chain)
            .scalar_subquery()
        )
        tail = (
            select(literal(TAIL), *self.entry())
            .where(
                events.stream_id == self._stream_id, events.version > base, events.version <= until
            )
            .order_by(events.version)
            .limit(PAGE)
        )
        referred = select(-wanted.c.source).where(wanted.c.source < 0)
        return union_all(
            self._row(
                SNAPSHOT,
                version=snapshot.c.version,
                kind=snapshot.c.pieces,
                schema=case((snapshot.c.is_on_chain, 1), else_=0),
                key_id=snapshot.c.key_id,
                hash=snapshot.c.hash,
            ).select_from(snapshot),
            self._segment_rows(select(wanted.c.source).where(wanted.c.source > 0)),
            self._entry_rows(REFERRED, referred),
            select(tail.subquery("tail")),
        )

    @compiled
    def sources(self) -> Any:
        ids = select(func.unnest(bindparam("segments", type_=ARRAY(BigInteger))))
        versions = select(func.unnest(bindparam("versions", type_=ARRAY(BigInteger))))
        return union_all(self._segment_rows(ids), self._entry_rows(REFERRED, versions))

    def _newest(self) -> Select[*tuple[Any, ...]]:
        snapshots, events = self.snapshots.c, self.events.c
        here = and_(
            events.stream_id == self._stream_id,
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
            )
            .select_from(self.snapshots.outerjoin(self.events, here))
            .where(
                snapshots.stream_id == self._stream_id,
                snapshots.schema == bindparam("schema", type_=BigInteger),
                snapshots.version <= bindparam("until", type_=BigInteger),
            )
            .order_by(snapshots.version.desc())
            .limit(1)
        )

    def _wanted(self, snapshot: CTE) -> CTE:
        """Of the pieces, those from the end that hold as many items as are wanted."""
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

    def _row(self, tag: int, **values: ColumnElement[Any]) -> Select[*tuple[Any, ...]]:
        types = {name: self.events.c[name].type for name in FoldInput._fields}
        columns = [values.get(name, cast(null(), kind)).label(name) for name, kind in types.items()]
        return select(literal(tag).label("tag"), *columns)

    def _segment_rows(self, ids: Select[Any]) -> Select[*tuple[Any, ...]]:
        segments = self.segments.c
        return (
            self._row(SEGMENT, version=segments.segment_id, body=segments.body)
            .select_from(self.segments)
            .where(segments.stream_id == self._stream_id, segments.segment_id.in_(ids))
        )

    def _entry_rows(self, tag: int, versions: Select[Any]) -> Select[*tuple[Any, ...]]:
        events = self.events.c
        return select(literal(tag).label("tag"), *self.entry()).where(
            events.stream_id == self._stream_id, events.version.in_(versions)
        )

    @compiled
    def drop_stale(self) -> Any:
        """Delete from the first snapshot on that is as new as ours and is not on the chain."""
        snapshots = self.snapshots.c
        ours = self.snapshots.alias("ours")
        stale = (
            select(ours.c.version)
            .where(
                ours.c.stream_id == self._stream_id,
                ours.c.schema == bindparam("schema", type_=BigInteger),
                ours.c.version == bindparam("version", type_=BigInteger),
                ours.c.hash != bindparam("hash", type_=LargeBinary),
            )
            .exists()
        )
        return delete(self.snapshots).where(
            snapshots.stream_id == self._stream_id,
            snapshots.schema == bindparam("schema", type_=BigInteger),
            snapshots.version >= bindparam("version", type_=BigInteger),
            stale,
        )

    @compiled
    def save(self) -> Any:
        """Insert the snapshot, and its segments only if it was not there."""
        snapshots = self.snapshots.c
        values: dict[str, Any] = {
            "stream_id": self._stream_id,
            "schema": bindparam("schema", type_=BigInteger),
            "version": bindparam("version", type_=BigInteger),
            "hash": bindparam("hash", type_=LargeBinary),
            "pieces": bindparam("pieces", type_=Text),
        }
        streams = self.streams.c
        erased = func.coalesce(streams.erased_version, 0)
        # The lock waits for whoever erases just now, and then sees that it was erased.
        row = (
            select(*[value.label(name) for name, value in values.items()])
            .where(streams.stream_id == self._stream_id, erased <= values["version"])
            .with_for_update(read=True, key_share=True, of=self.streams)
        )
        saved = (
            postgres_insert(self.snapshots)
            .from_select(list(values), row)
            .on_conflict_do_nothing()
            .returning(snapshots.version)
            .cte("saved")
        )
        new = (
            func.unnest(
                bindparam("segment_ids", type_=ARRAY(BigInteger)),
                bindparam("bodies", type_=ARRAY(LargeBinary)),
            )
            .table_valued(column("segment_id", BigInteger), column("body", LargeBinary), name="new")
            .render_derived()
        )
        stored = insert(self.segments).from_select(
            ["stream_id", "segment_id", "body"],
            select(self._stream_id.label("stream_id"), new.c.segment_id, new.c.body).select_from(
                saved.join(new, true())
            ),
        )
        return select(saved.c.version).add_cte(stored.cte("stored"))
