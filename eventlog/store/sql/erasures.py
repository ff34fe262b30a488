"""The statements of an erasure, in SQLAlchemy Core: all of one transaction, all of one stream."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Insert,
    LargeBinary,
    Select,
    Text,
    Update,
    and_,
    bindparam,
    case,
    insert,
    null,
    select,
    update,
)

from eventlog.format.records import StoredEvent
from eventlog.store.contract.keys import NO_KEY
from eventlog.store.postgres.statements import PostgresStatements
from eventlog.store.sql.log import Statements, compiled


class EraseStatements:
    """What both databases run."""

    def __init__(self, sql: Statements) -> None:
        self.streams, self.events = sql.streams, sql.events
        self.compile = sql.compile

    @compiled
    def lock(self) -> Select[*tuple[Any, ...]]:
        """Keep everybody else from the stream, those too who store a snapshot."""
        of_stream = self.streams.c.stream_id == bindparam("stream_id", type_=LargeBinary)
        return select(self.streams.c.version).where(of_stream).with_for_update()

    @compiled
    def moved(self) -> Update:
        """Move the head on, if it is the expected one; without content the stream has no key."""
        streams = self.streams.c
        is_whole = bindparam("is_whole", type_=Boolean)
        key_id = case((and_(is_whole, streams.key_id.is_not(None)), NO_KEY), else_=streams.key_id)
        version = bindparam("version", type_=BigInteger)
        return (
            update(self.streams)
            .values(
                version=version,
                head_hash=bindparam("head_hash", type_=LargeBinary),
                head_at=bindparam("head_at", type_=BigInteger),
                key_id=key_id,
                erased_version=bindparam("erased_version", type_=BigInteger),
            )
            .where(
                streams.stream_id == bindparam("of_stream", type_=LargeBinary),
                streams.version == bindparam("linked_version", type_=BigInteger),
                streams.head_hash == bindparam("linked_hash", type_=LargeBinary),
            )
            .returning(streams.stream_id)
        )

    @compiled
    def erased(self) -> Update:
        """Forget the content of events, but of those of the kind `kept`."""
        events = self.events.c
        return (
            update(self.events)
            .values(salt=null(), context=null(), body=null())
            .where(
                events.stream_id == bindparam("of_stream", type_=LargeBinary),
                events.version > bindparam("after", type_=BigInteger),
                events.version <= bindparam("until", type_=BigInteger),
                events.kind != bindparam("kept", type_=Text),
                events.salt.is_not(None),
            )
        )

    @compiled
    def inserted(self) -> Insert:
        columns = [self.events.c[name] for name in StoredEvent._fields]
        return insert(self.events).values(
            {column.name: bindparam(column.name, type_=column.type) for column in columns}
        )


class PostgresEraseStatements(EraseStatements):
    """The event waits for its position as every other one does."""

    def __init__(self, sql: PostgresStatements) -> None:
        super().__init__(sql)
        self.queue = sql.queue

    @compiled
    def queued(self) -> Insert:
        columns = self.queue.c
        return insert(self.queue).values(
            {column.name: bindparam(column.name, type_=column.type) for column in columns}
        )
