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
from sqlalchemy.types import BigInteger, TypeEngine

Dialect = Literal["sqlite", "postgresql"]

Number: Final = BigInteger().with_variant(Integer(), "sqlite")

CODE_POINTS: Final = "C"
"""PostgreSQL's collation of bytes, which in UTF-8 is the order of code points: that of SQLite and
of Python, whatever the locale of the database."""

Name: Final = Text().with_variant(Text(collation=CODE_POINTS), "postgresql")
"""Text of any kind: it compares and sorts the same everywhere."""


@functools.cache
def metadata(dialect: Dialect, schema: str | None = None) -> MetaData:
    """Return the tables as `dialect` has them; `schema` is PostgreSQL's. Not to be changed."""
    tables = MetaData(schema=schema)
    _streams(tables, dialect)
    _events(tables, dialect)
    _snapshots(tables)
    _tree(tables)
    _checkpoints(tables)
    _keys(tables)
    if dialect == "postgresql":
        _queue(tables)
        _feed(tables)
        _misplaced(tables)
    return tables


class Tables:
    """The tables of a log on one database as attributes, and where its feed is.

    `is_distributed` says that those with a stream_id are on many nodes, by it, and all others on
    the coordinator: some statements are different then.
    """

    def __init__(
        self, dialect: Dialect, schema: str | None = None, *, distributed: bool = False
    ) -> None:
        self.dialect: Final[Dialect] = dialect
        self.schema: Final = schema
        self.is_distributed: Final = distributed

    def __getattr__(self, name: str) -> Table:
        """Return the table of that name."""
        prefix = "" if self.schema is None else f"{self.schema}."
        return metadata(self.dialect, self.schema).tables[prefix + name]

    @property
    def is_postgres(self) -> bool:
        """Whether events wait in `queue` for a position in `feed`, and many go as arrays."""
        return self.dialect == "postgresql"


def _required(**types: type[TypeEngine[Any]] | TypeEngine[Any]) -> list[Column[Any]]:
    """Return columns that are NOT NULL, in this order."""
    return [Column(name, kind, nullable=False) for name, kind in types.items()]


def _streams(tables: MetaData, dialect: Dialect) -> None:
    # An entry of PostgreSQL's has up to 2,704 bytes: two names of 1,000, but no third.
    named = ["tenant", "name"] if dialect == "postgresql" else ["tenant", "name", "branch"]
    Table(
        "streams",
        tables,
        *_required(
            stream_id=LargeBinary,
            tenant=Name,
            name=Name,
            version=Number,
            head_hash=LargeBinary,
            head_at=Number,
        ),
        Column("parent_id", LargeBinary),
        Column("parent_version", Number),
        *_required(created_at=Number),
        Column("branch", Name, nullable=False, server_default=text("''")),
        Column("key_id", Name),
        Column("erased_version", Number),
        PrimaryKeyConstraint("stream_id", name="streams_pk"),
        Index("streams_by_name", *named),
        Index("streams_by_parent", "parent_id", sqlite_where=text("parent_id IS NOT NULL")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _events(tables: MetaData, dialect: Dialect) -> None:
    columns: list[Column[Any]] = [
        *_required(stream_id=LargeBinary, version=Number, format=Integer),
        Column("event_id", Name),
        *_required(
            kind=Name, schema=Integer, recorded_at=Number, header=LargeBinary, codec=Integer
        ),
        Column("key_id", Name),
        Column("salt", LargeBinary),
        Column("context", LargeBinary),
        Column("body", LargeBinary),
        *_required(content_digest=LargeBinary, hash=LargeBinary),
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
    """Add cached states of streams and the items that they refer to: all can be deleted."""
    Table(
        "snapshots",
        tables,
        *_required(
            stream_id=LargeBinary, schema=Integer, version=Number, hash=LargeBinary, pieces=Name
        ),
        PrimaryKeyConstraint("stream_id", "schema", "version", name="snapshots_pk"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    Table(
        "segments",
        tables,
        *_required(stream_id=LargeBinary, segment_id=Number, body=LargeBinary),
        PrimaryKeyConstraint("stream_id", "segment_id", name="segments_pk"),
        sqlite_strict=True,
    )


def _tree(tables: MetaData) -> None:
    """Add the Merkle tree over the feed: its tiles of hashes, and the heads that were signed."""
    Table(
        "tree",
        tables,
        *_required(level=Integer, number=Number, hashes=LargeBinary),
        PrimaryKeyConstraint("level", "number", name="tree_pk"),
        sqlite_strict=True,
    )
    Table(
        "tree_heads",
        tables,
        Column("size", Number, nullable=False, autoincrement=False),
        *_required(root=LargeBinary, note=Name, signed_at=Number),
        PrimaryKeyConstraint("size", name="tree_heads_pk"),
        sqlite_strict=True,
    )


def _checkpoints(tables: MetaData) -> None:
    """Add what is known of views; `view_tables` has the tables of their rows."""
    Table(
        "checkpoints",
        tables,
        *_required(
            projection=Name,
            generation=Number,
            schema=Integer,
            position=Number,
            rate=Number,
            moved_at=Number,
            is_serving=Integer,
        ),
        Column("epoch", Number, nullable=False, server_default="0"),
        PrimaryKeyConstraint("projection", "generation", name="checkpoints_pk"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    Table(
        "set_aside",
        tables,
        *_required(
            projection=Name,
            generation=Number,
            position=Number,
            stream_id=LargeBinary,
            version=Number,
            error=Name,
        ),
        Column("skipped_at", Number),
        PrimaryKeyConstraint("projection", "generation", "position", name="set_aside_pk"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    Table(
        "purges",
        tables,
        *_required(stream_id=LargeBinary, projection=Name, generation=Number),
        PrimaryKeyConstraint("stream_id", "projection", "generation", name="purges_pk"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _keys(tables: MetaData) -> None:
    """Add data keys, each wrapped by a key-encryption key; NULL where they were destroyed."""
    Table(
        "keys",
        tables,
        *_required(stream_id=LargeBinary, key_id=Name, kek_id=Name),
        Column("wrapped_key", LargeBinary),
        PrimaryKeyConstraint("stream_id", "key_id", name="keys_pk"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _queue(tables: MetaData) -> None:
    Table(
        "queue",
        tables,
        *_required(stream_id=LargeBinary, version=Number, recorded_at=Number),
        PrimaryKeyConstraint("stream_id", "version", name="queue_pk"),
    )


def _feed(tables: MetaData) -> None:
    Table(
        "feed",
        tables,
        Column("position", BigInteger, nullable=False, autoincrement=False),
        *_required(stream_id=LargeBinary, version=BigInteger),
        # No unique (stream_id, version): `queue` holds an event once, and it costs a third.
        PrimaryKeyConstraint("position", name="feed_pk"),
    )
    Table(
        "feed_head",
        tables,
        Column("id", Integer, nullable=False, autoincrement=False),
        *_required(position=BigInteger),
        PrimaryKeyConstraint("id", name="feed_head_pk"),
        CheckConstraint("id = 1", name="feed_head_one_row"),
    )
    Table(
        "lease",
        tables,
        *_required(name=Name, holder=Name, expires_at=BigInteger),
        PrimaryKeyConstraint("name", name="lease_pk"),
    )


def _misplaced(tables: MetaData) -> None:
    """Add what asked for a place that no event had: position 0 is that of what only waited.

    `mended_at` is NULL until `eventlog repair feed` has made it right, or recorded that it stays.
    """
    Table(
        "misplaced",
        tables,
        *_required(
            stream_id=LargeBinary, version=BigInteger, position=BigInteger, found_at=BigInteger
        ),
        Column("mended_at", BigInteger),
        PrimaryKeyConstraint("stream_id", "version", "position", "found_at", name="misplaced_pk"),
    )
