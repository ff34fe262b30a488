"""Which data key encrypts new events of a stream: agreed on by its writers, made, and replaced.

Rule: a key is stored before the first event that it encrypts, no key id is used twice, and a stream
whose key was destroyed gets a new one before its next event.
"""

import contextlib

from eventlog.errors import BusyError, InDoubtError, KeyDestroyedError
from eventlog.format.encryption import StreamKeys, generation
from eventlog.keys.data_keys import DataKeys
from eventlog.retrying import Tries
from eventlog.store.contract.keys import KeyRow, Linked


async def keys_to_write(keys: DataKeys, display_name: str, stream_id: bytes) -> StreamKeys:
    """Return the keys of a stream with a current one, made if there is none. Errors as `agree`."""
    cached = keys.cached(stream_id)
    return cached if cached.current is not None else await agree(keys, display_name, stream_id)


async def agree(keys: DataKeys, display_name: str, stream_id: bytes) -> StreamKeys:
    """Return the keys of a stream with the current one that the database names.

    Raises NoKeyError, WrongKeyError, KeyDestroyedError or BusyError.
    """
    keys.wrapper.require(display_name)
    async for _ in Tries(at_once=2):  # The first may have stored a key, for the second to take.
        agreed = await _agree(keys, display_name, stream_id)
        if agreed is not None:
            return keys.cache(stream_id, agreed)
    raise BusyError(
        "Others changed its data key again and again. Nothing was stored. Try again."
    ).of(display_name)


async def renew(keys: DataKeys, display_name: str, stream_id: bytes) -> None:
    """Make a new data key for the events to come. Raises NoKeyError or InDoubtError."""
    agreed = await agree(keys, display_name, stream_id)
    stream = await keys.store.streams.row(stream_id)
    rows = await keys.store.keys.of_streams([stream_id])
    made = await keys.wrapper.new(display_name, stream_id, max(rows, key=_generation))
    linked = Linked(agreed.current, None if stream is None else stream.erased_version)
    await keys.store.keys.add(display_name, made, linked)
    keys.evict(stream_id)


async def _agree(keys: DataKeys, display_name: str, stream_id: bytes) -> StreamKeys | None:
    """Return the keys with the current one of all writers; None after having offered one."""
    stream = await keys.store.streams.row(stream_id)
    rows = await keys.store.keys.of_streams([stream_id])
    newest = max(rows, key=_generation, default=None)
    used = stream.key_id if stream is not None and stream.key_id else newest and newest.key_id
    found = await keys.open(display_name, stream_id, {used}, rows)
    if stream is not None and stream.key_id and stream.key_id not in found.destroyed:
        if stream.key_id not in found.keys:
            raise KeyDestroyedError(display_name, stream.head.version, stream.key_id)
        return found._replace(current=stream.key_id)
    if newest is None or newest.wrapped_key is None:
        newest = await keys.wrapper.new(display_name, stream_id, newest)
    elif stream is None:
        return found._replace(current=newest.key_id)
    linked = Linked(None, None) if stream is None else Linked(stream.key_id, stream.erased_version)
    # Another writer may be making one just now: whichever is stored first is both's. Whether this
    # one was, the next look tells.
    with contextlib.suppress(InDoubtError):
        await keys.store.keys.add(display_name, newest, linked)
    return None


def _generation(row: KeyRow) -> int:
    return generation(row.key_id)
