"""The statements of an erasure: all of one transaction, all of one stream."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Insert,
    LargeBinary,
    Text,
    Update,
    and_,
    bindparam,
    case,
    exists,
    insert,
    null,
    select,
    update,
)

from eventlog.format.records import StoredEvent
from eventlog.store.contract.keys import NO_KEY
from eventlog.store.sql.compiling import on_both, on_postgres
from eventlog.store.sql.parts import Query, given
from eventlog.store.sql.schema import Tables


@on_postgres
def lock(t: Tables) -> Query:
    """SELECT … FOR UPDATE of the stream: whoever appends or stores a snapshot waits."""
    of_stream = t.streams.c.stream_id == bindparam("stream_id", type_=LargeBinary)
    return select(t.streams.c.version).where(of_stream).with_for_update()


@on_both
def moved(t: Tables) -> Update:
    """Move the head on, if it is the expected one; without content the stream has no key."""
    streams = t.streams.c
    is_whole = bindparam("is_whole", type_=Boolean)
    key_id = case((and_(is_whole, streams.key_id.is_not(None)), NO_KEY), else_=streams.key_id)
    version = bindparam("version", type_=BigInteger)
    return (
        update(t.streams)
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


@on_both
def erased(t: Tables) -> Update:
    """Delete the content of events, but not of those of the kind `kept`."""
    events = t.events.c
    return (
        update(t.events)
        .values(salt=null(), context=null(), body=null())
        .where(
            events.stream_id == bindparam("of_stream", type_=LargeBinary),
            events.version > bindparam("after", type_=BigInteger),
            events.version <= bindparam("until", type_=BigInteger),
            events.kind != bindparam("kept", type_=Text),
            events.salt.is_not(None),
        )
    )


@on_both
def inserted(t: Tables) -> Insert:
    """Insert the event that tells of the erasure."""
    return insert(t.events).values(given(t.events, *StoredEvent._fields))


@on_both
def owed(t: Tables) -> Insert:
    """Note of every generation of the views that it may still hold what is erased."""
    points = t.checkpoints.c
    stream_id = bindparam("of_stream", type_=LargeBinary)
    every = select(stream_id, points.projection, points.generation).where(
        ~exists().where(
            t.purges.c.stream_id == stream_id,
            t.purges.c.projection == points.projection,
            t.purges.c.generation == points.generation,
        )
    )
    return insert(t.purges).from_select(["stream_id", "projection", "generation"], every)


@on_postgres
def queued(t: Tables) -> Insert:
    """Have the event wait for its position as every other one does."""
    return insert(t.queue).values(given(t.queue))
