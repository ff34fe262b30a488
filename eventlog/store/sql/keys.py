"""The statements of data keys, in SQLAlchemy Core. Only rotation names more than one stream."""

from typing import Any

from sqlalchemy import (
    Insert,
    LargeBinary,
    Select,
    Table,
    Text,
    Update,
    any_,
    bindparam,
    null,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY

from eventlog.store.contract.keys import KeyRow
from eventlog.store.sql.log import Statements, compiled
from eventlog.store.sql.schema import Dialect, metadata


class KeyStatements:
    """What both databases ask."""

    def __init__(self, sql: Statements, dialect: Dialect, schema: str | None = None) -> None:
        prefix = "" if schema is None else f"{schema}."
        self.keys: Table = metadata(dialect, schema).tables[f"{prefix}keys"]
        self.streams, self.events = sql.streams, sql.events
        self.row = [self.keys.c[name] for name in KeyRow._fields]
        self._sql = sql
        self.compile = sql.compile
        self._insert: Any = sqlite.insert if dialect == "sqlite" else postgresql.insert

    @compiled
    def of_stream(self) -> Select[*tuple[Any, ...]]:
        return select(*self.row).where(self.keys.c.stream_id == bindparam("stream_id"))

    @compiled
    def first_encrypted(self) -> Select[*tuple[Any, ...]]:
        version = self.events.c.version
        encrypted = self._sql.of_stream(version).where(self.events.c.key_id.is_not(None))
        return encrypted.order_by(version).limit(1)

    @compiled
    def used(self) -> Update:
        """Have the stream use a key, if it uses the one that it is linked to."""
        streams = self.streams.c
        linked = bindparam("linked", type_=Text)
        return (
            update(self.streams)
            .values(key_id=bindparam("key_id", type_=Text))
            .where(
                streams.stream_id == bindparam("of_stream", type_=LargeBinary),
                streams.key_id.is_not_distinct_from(linked),
            )
        )

    @compiled
    def added(self) -> Insert:
        values = {column.name: bindparam(column.name, type_=column.type) for column in self.row}
        stored: Insert = self._insert(self.keys).values(values).on_conflict_do_nothing()
        return stored

    @compiled
    def wrapped_by_others(self) -> Select[*tuple[Any, ...]]:
        keys = self.keys.c
        place = tuple_(keys.stream_id, keys.key_id)
        after = tuple_(bindparam("after", type_=LargeBinary), bindparam("after_id", type_=Text))
        return (
            select(*self.row)
            .where(keys.kek_id != bindparam("kek_id"), keys.wrapped_key.is_not(None), place > after)
            .order_by(keys.stream_id, keys.key_id)
            .limit(bindparam("limit"))
        )

    @compiled
    def rewrapped(self) -> Update:
        keys = self.keys.c
        new: dict[str, Any] = {
            "kek_id": bindparam("new_kek_id"),
            "wrapped_key": bindparam("new_wrapped"),
        }
        return (
            update(self.keys)
            .values(new)
            .where(
                keys.stream_id == bindparam("stream_id", type_=LargeBinary),
                keys.key_id == bindparam("key_id", type_=Text),
                keys.wrapped_key == bindparam("wrapped_key", type_=LargeBinary),
            )
        )

    @compiled
    def destroyed(self) -> Update:
        """Forget every key of a stream for good."""
        of_stream = self.keys.c.stream_id == bindparam("of_stream", type_=LargeBinary)
        return update(self.keys).values(wrapped_key=null()).where(of_stream)


class PostgresKeyStatements(KeyStatements):
    """Several streams in one round trip."""

    def __init__(self, sql: Statements, schema: str) -> None:
        super().__init__(sql, "postgresql", schema)

    @compiled
    def of_streams(self) -> Select[*tuple[Any, ...]]:
        ids = bindparam("every_stream_id", type_=ARRAY(LargeBinary))
        return select(*self.row).where(self.keys.c.stream_id == any_(ids))
