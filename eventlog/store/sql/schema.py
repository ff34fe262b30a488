"""The one definition of the tables, as SQLAlchemy Core knows them.

Only Alembic creates them. Every key that an append touches starts with `stream_id`, so the same
schema shards by it. SQLite numbers events by `position` itself; on PostgreSQL appends leave a row
in `queue` and positions are given later, outside the append, in `feed`.

`feed` can be rebuilt from `events`: with no program connected, in one transaction, disable the
trigger `feed_rows`, empty `feed` and `queue`, enable it again (ALWAYS), set `feed_head.position` to
0 and insert stream_id, version and recorded_at of every event into `queue`; then run a sequencer.
Each stream has the same order again; positions may differ.
"""

import functools
from typing import Any, Final, Literal

from sqlalchemy import (
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import BigInteger

Dialect = Literal["sqlite", "postgresql"]

Number: Final = BigInteger().with_variant(Integer(), "sqlite")


@functools.cache
def metadata(dialect: Dialect, schema: str | None = None) -> MetaData:
    """Return the tables as `dialect` has them; `schema` is PostgreSQL's. Not to be changed."""
    tables = MetaData(schema=schema)
    _streams(tables)
    _events(tables, dialect)
    _snapshots(tables)
    _tree(tables)
    _checkpoints(tables)
    _keys(tables)
    if dialect == "postgresql":
        _queue(tables)
        _feed(tables)
    return tables


def _streams(tables: MetaData) -> None:
    Table(
        "streams",
        tables,
        Column("stream_id", LargeBinary, nullable=False),
        Column("tenant", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("version", Number, nullable=False),
        Column("head_hash", LargeBinary, nullable=False),
        Column("head_at", Number, nullable=False),
        Column("parent_id", LargeBinary),
        Column("parent_version", Number),
        Column("created_at", Number, nullable=False),
        Column("branch", Text, nullable=False, server_default=text("''")),
        Column("key_id", Text),
        Column("erased_version", Number),
        PrimaryKeyConstraint("stream_id", name="streams_pk"),
        Index("streams_by_name", "tenant", "name", "branch"),
        Index("streams_by_parent", "parent_id", sqlite_where=text("parent_id IS NOT NULL")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _events(tables: MetaData, dialect: Dialect) -> None:
    columns: list[Column[Any]] = [
        Column("stream_id", LargeBinary, nullable=False),
        Column("version", Number, nullable=False),
        Column("format", Integer, nullable=False),
        Column("event_id", Text),
        Column("kind", Text, nullable=False),
        Column("schema", Integer, nullable=False),
        Column("recorded_at", Number, nullable=False),
        Column("header", LargeBinary, nullable=False),
        Column("codec", Integer, nullable=False),
        Column("key_id", Text),
        Column("salt", LargeBinary),
        Column("context", LargeBinary),
        Column("body", LargeBinary),
        Column("content_digest", LargeBinary, nullable=False),
        Column("hash", LargeBinary, nullable=False),
    ]
    given = text("event_id IS NOT NULL")
    by_id = Index(
        "events_by_event_id",
        "stream_id",
        "event_id",
        unique=True,
        sqlite_where=given,
        postgresql_where=given,
    )
    if dialect == "postgresql":
        key = PrimaryKeyConstraint("stream_id", "version", name="events_pk")
        begins = CheckConstraint("version > 0", name="events_version")
        Table("events", tables, *columns, key, begins, by_id)
        return
    Table(
        "events",
        tables,
        Column("position", Integer, primary_key=True, autoincrement=True),
        *columns,
        UniqueConstraint("stream_id", "version", name="events_by_version"),
        CheckConstraint("position > 0", name="events_position"),
        CheckConstraint("version > 0", name="events_version"),
        by_id,
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )


def _snapshots(tables: MetaData) -> None:
    """States of streams, and the items that they refer to: all of it can be deleted."""
    Table(
        "snapshots",
        tables,
        Column("stream_id", LargeBinary, nullable=False),
        Column("schema", Integer, nullable=False),
        Column("version", Number, nullable=False),
        Column("hash", LargeBinary, nullable=False),
        Column("pieces", Text, nullable=False),
        PrimaryKeyConstraint("stream_id", "schema", "version", name="snapshots_pk"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    Table(
        "segments",
        tables,
        Column("stream_id", LargeBinary, nullable=False),
        Column("segment_id", Number, nullable=False),
        Column("body", LargeBinary, nullable=False),
        PrimaryKeyConstraint("stream_id", "segment_id", name="segments_pk"),
        sqlite_strict=True,
    )


def _tree(tables: MetaData) -> None:
    """Add what commits to the feed: the hashes of its tree, and the heads that were signed."""
    Table(
        "tree",
        tables,
        Column("level", Integer, nullable=False),
        Column("number", Number, nullable=False),
        Column("hashes", LargeBinary, nullable=False),
        PrimaryKeyConstraint("level", "number", name="tree_pk"),
        sqlite_strict=True,
    )
    Table(
        "tree_heads",
        tables,
        Column("size", Number, nullable=False, autoincrement=False),
        Column("root", LargeBinary, nullable=False),
        Column("note", Text, nullable=False),
        Column("signed_at", Number, nullable=False),
        PrimaryKeyConstraint("size", name="tree_heads_pk"),
        sqlite_strict=True,
    )


def _checkpoints(tables: MetaData) -> None:
    """How far each view is; the tables of its rows are `view_sql.table`. All can be deleted."""
    Table(
        "checkpoints",
        tables,
        Column("projection", Text, nullable=False),
        Column("generation", Number, nullable=False),
        Column("schema", Integer, nullable=False),
        Column("position", Number, nullable=False),
        Column("rate", Number, nullable=False),
        Column("moved_at", Number, nullable=False),
        Column("is_serving", Integer, nullable=False),
        PrimaryKeyConstraint("projection", "generation", name="checkpoints_pk"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    Table(
        "set_aside",
        tables,
        Column("projection", Text, nullable=False),
        Column("generation", Number, nullable=False),
        Column("position", Number, nullable=False),
        Column("stream_id", LargeBinary, nullable=False),
        Column("version", Number, nullable=False),
        Column("error", Text, nullable=False),
        PrimaryKeyConstraint("projection", "generation", "position", name="set_aside_pk"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _keys(tables: MetaData) -> None:
    """Keep data keys, each wrapped by a key-encryption key; NULL where they were destroyed."""
    Table(
        "keys",
        tables,
        Column("stream_id", LargeBinary, nullable=False),
        Column("key_id", Text, nullable=False),
        Column("kek_id", Text, nullable=False),
        Column("wrapped_key", LargeBinary),
        PrimaryKeyConstraint("stream_id", "key_id", name="keys_pk"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _queue(tables: MetaData) -> None:
    Table(
        "queue",
        tables,
        Column("stream_id", LargeBinary, nullable=False),
        Column("version", Number, nullable=False),
        Column("recorded_at", Number, nullable=False),
        PrimaryKeyConstraint("stream_id", "version", name="queue_pk"),
    )


def _feed(tables: MetaData) -> None:
    Table(
        "feed",
        tables,
        Column("position", BigInteger, nullable=False, autoincrement=False),
        Column("stream_id", LargeBinary, nullable=False),
        Column("version", BigInteger, nullable=False),
        # No unique (stream_id, version): `queue` holds an event once, and it costs a third.
        PrimaryKeyConstraint("position", name="feed_pk"),
    )
    Table(
        "feed_head",
        tables,
        Column("id", Integer, nullable=False, autoincrement=False),
        Column("position", BigInteger, nullable=False),
        PrimaryKeyConstraint("id", name="feed_head_pk"),
        CheckConstraint("id = 1", name="feed_head_one_row"),
    )
    Table(
        "lease",
        tables,
        Column("name", Text, nullable=False),
        Column("holder", Text, nullable=False),
        Column("expires_at", BigInteger, nullable=False),
        PrimaryKeyConstraint("name", name="lease_pk"),
    )
