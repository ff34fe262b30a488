"""The statements of the tree: its leaves are the feed, its tiles and heads have tables."""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    FromClause,
    Integer,
    LargeBinary,
    Select,
    Table,
    bindparam,
    cast,
    column,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY

from eventlog.format.records import SignedHead
from eventlog.proof.merkle import HASH_BYTES, TILE_WIDTH
from eventlog.store.sql.log import Statements, compiled
from eventlog.store.sql.schema import Dialect, metadata

_Upsert = sqlite.Insert | postgresql.Insert


class TreeStatements:
    """What both stores ask."""

    def __init__(self, sql: Statements, dialect: Dialect, schema: str | None = None) -> None:
        prefix = "" if schema is None else f"{schema}."
        tables = metadata(dialect, schema).tables
        self._sql = sql
        self._insert: Final = sqlite.insert if dialect == "sqlite" else postgresql.insert
        self._tree: Table = tables[f"{prefix}tree"]
        self._heads: Table = tables[f"{prefix}tree_heads"]
        self._feed: Table = sql.events if dialect == "sqlite" else tables[f"{prefix}feed"]
        self.compile = sql.compile

    @compiled
    def size(self) -> Select[*tuple[Any, ...]]:
        tree = self._tree.c
        whole = tree.number * TILE_WIDTH + func.length(tree.hashes, type_=Integer) // HASH_BYTES
        return select(whole).where(tree.level == 0).order_by(tree.number.desc()).limit(1)

    @compiled
    def shapes(self) -> Select[*tuple[Any, ...]]:
        tree = self._tree.c
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

    @compiled
    def leaves(self) -> Select[*tuple[Any, ...]]:
        feed, events = self._feed.c, self._sql.events.c
        source: FromClause = self._feed
        if self._feed is not self._sql.events:
            same = (events.stream_id == feed.stream_id) & (events.version == feed.version)
            source = self._feed.outerjoin(self._sql.events, same)
        return (
            select(feed.position, events.hash)
            .select_from(source)
            .where(feed.position > bindparam("after"))
            .order_by(feed.position)
            .limit(bindparam("limit"))
        )

    @compiled
    def places(self) -> Select[*tuple[Any, ...]]:
        """Find events in the feed; on PostgreSQL a scan of it, which has no index for this."""
        feed = self._feed.c
        return (
            select(feed.version, feed.position)
            .where(
                feed.stream_id == bindparam("stream_id"),
                feed.version > bindparam("after"),
                feed.version <= bindparam("until"),
            )
            .order_by(feed.version, feed.position)
            .limit(bindparam("limit"))
        )

    @compiled
    def save_head(self) -> _Upsert:
        columns = self._heads.c
        values = {name: bindparam(name, type_=columns[name].type) for name in SignedHead._fields}
        row = self._insert(self._heads).values(values)
        changed = {name: row.excluded[name] for name in SignedHead._fields[1:]}
        return row.on_conflict_do_update(index_elements=[columns.size], set_=changed)

    @compiled
    def heads(self) -> Select[*tuple[Any, ...]]:
        columns = [self._heads.c[name] for name in SignedHead._fields]
        size = self._heads.c.size
        return (
            select(*columns)
            .where(size > bindparam("after"))
            .order_by(size)
            .limit(bindparam("limit"))
        )

    @compiled
    def last_head(self) -> Select[*tuple[Any, ...]]:
        columns = [self._heads.c[name] for name in SignedHead._fields]
        return select(*columns).order_by(self._heads.c.size.desc()).limit(1)

    def _unless_longer(self, row: _Upsert) -> _Upsert:
        tree = self._tree.c
        return row.on_conflict_do_update(
            index_elements=[tree.level, tree.number],
            set_={"hashes": row.excluded.hashes},
            where=func.length(tree.hashes) < func.length(row.excluded.hashes),
        )


class SqliteTreeStatements(TreeStatements):
    """A tile at a time, inside one hop."""

    @compiled
    def tile(self) -> Select[*tuple[Any, ...]]:
        tree = self._tree.c
        return select(tree.level, tree.number, tree.hashes).where(
            tree.level == bindparam("level"), tree.number == bindparam("number")
        )

    @compiled
    def save(self) -> _Upsert:
        names = ("level", "number", "hashes")
        row = sqlite.insert(self._tree).values({name: bindparam(name) for name in names})
        return self._unless_longer(row)


class PostgresTreeStatements(TreeStatements):
    """All tiles of one question in one statement."""

    @compiled
    def tiles(self) -> Select[*tuple[Any, ...]]:
        tree, wanted = self._tree.c, _given(level=Integer, number=BigInteger)
        return select(tree.level, tree.number, tree.hashes).join_from(
            self._tree,
            wanted,
            (tree.level == wanted.c.level) & (tree.number == wanted.c.number),
        )

    @compiled
    def save(self) -> _Upsert:
        given = _given(level=Integer, number=BigInteger, hashes=LargeBinary)
        # In the order of the key, so that two who save the same tiles wait and do not deadlock.
        rows = select(*given.c).order_by(given.c.level, given.c.number)
        row = postgresql.insert(self._tree).from_select(list(given.c.keys()), rows)
        return self._unless_longer(row)


def _given(**columns: Any) -> FromClause:
    """Return a table of what is given as one array for each column."""
    arrays = [bindparam(f"every_{name}", type_=ARRAY(kind)) for name, kind in columns.items()]
    return (
        func.unnest(*arrays)
        .table_valued(*[column(name, kind) for name, kind in columns.items()])
        .render_derived("given")
    )
