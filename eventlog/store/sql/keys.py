"""The statements of data keys. Only rotation and the feed name more than one stream."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    LargeBinary,
    Text,
    Update,
    bindparam,
    exists,
    null,
    select,
    tuple_,
    update,
)

from eventlog.store.contract.keys import KeyRow
from eventlog.store.sql.compiling import on_both
from eventlog.store.sql.constants import STRAYS
from eventlog.store.sql.parts import Query, Upsert, given, is_each, upsert
from eventlog.store.sql.parts import of_stream as events_of_stream
from eventlog.store.sql.schema import Tables


@on_both
def of_stream(t: Tables) -> Query:
    """Read the keys of a stream."""
    return _keys(t).where(t.keys.c.stream_id == bindparam("stream_id"))


@on_both
def of_streams(t: Tables) -> Query:
    """Read the keys of each of several streams, on PostgreSQL in one round trip."""
    return _keys(t).where(is_each(t, t.keys.c.stream_id))


@on_both
def stray_keys(t: Tables) -> Query:
    """Find keys of which there is no stream."""
    known = exists().where(t.streams.c.stream_id == t.keys.c.stream_id)
    return select(t.keys.c.stream_id).where(~known).distinct().limit(STRAYS)


@on_both
def any_key(t: Tables) -> Query:
    """Find a key of any stream."""
    return select(t.keys.c.key_id).limit(1)


@on_both
def first_encrypted(t: Tables) -> Query:
    """Find the first event of a stream that is encrypted."""
    version = t.events.c.version
    encrypted = events_of_stream(t, version).where(t.events.c.key_id.is_not(None))
    return encrypted.order_by(version).limit(1)


@on_both
def used(t: Tables) -> Update:
    """Have the stream use a key that is there, if it uses the one that it is linked to.

    That it was not erased since is asked of the same row: whoever waits for an erasure reads that
    row again, and the key as it was before.
    """
    streams, keys = t.streams.c, t.keys.c
    stream_id = bindparam("of_stream", type_=LargeBinary)
    key_id = bindparam("key_id", type_=Text)
    is_there = select(keys.key_id).where(
        keys.stream_id == stream_id, keys.key_id == key_id, keys.wrapped_key.is_not(None)
    )
    return (
        update(t.streams)
        .values(key_id=key_id)
        .where(
            streams.stream_id == stream_id,
            streams.key_id.is_not_distinct_from(bindparam("linked", type_=Text)),
            streams.erased_version.is_not_distinct_from(bindparam("seen", type_=BigInteger)),
            is_there.exists(),
        )
    )


@on_both
def users(t: Tables) -> Query:
    """Find the stream, if it uses a key."""
    streams = t.streams.c
    return select(streams.version).where(
        streams.stream_id == bindparam("stream_id"), streams.key_id == bindparam("key_id")
    )


@on_both
def added(t: Tables) -> Upsert:
    """Insert a key, unless it is there."""
    return upsert(t, t.keys).values(given(t.keys, *KeyRow._fields)).on_conflict_do_nothing()


@on_both
def wrapped_by_others(t: Tables) -> Query:
    """Read the keys of all streams that another key-encryption key wraps."""
    keys = t.keys.c
    place = tuple_(keys.stream_id, keys.key_id)
    after = tuple_(bindparam("after", type_=LargeBinary), bindparam("after_id", type_=Text))
    return (
        _keys(t)
        .where(keys.kek_id != bindparam("kek_id"), keys.wrapped_key.is_not(None), place > after)
        .order_by(keys.stream_id, keys.key_id)
        .limit(bindparam("limit"))
    )


@on_both
def rewrapped(t: Tables) -> Update:
    """Replace a wrapped key, unless somebody has replaced it meanwhile."""
    keys = t.keys.c
    new: dict[str, Any] = {
        "kek_id": bindparam("new_kek_id"),
        "wrapped_key": bindparam("new_wrapped"),
    }
    return (
        update(t.keys)
        .values(new)
        .where(
            keys.stream_id == bindparam("stream_id", type_=LargeBinary),
            keys.key_id == bindparam("key_id", type_=Text),
            keys.wrapped_key == bindparam("wrapped_key", type_=LargeBinary),
        )
    )


@on_both
def destroyed(t: Tables) -> Update:
    """Delete the content of every key of a stream."""
    of_stream = t.keys.c.stream_id == bindparam("of_stream", type_=LargeBinary)
    return update(t.keys).values(wrapped_key=null()).where(of_stream)


def _keys(t: Tables) -> Query:
    return select(*[t.keys.c[name] for name in KeyRow._fields])
