"""Appending, encrypted under the current data key of the stream if there is a keyring."""

from eventlog import telemetry
from eventlog.errors import BusyError
from eventlog.format.records import (
    Appended,
    AppendRequest,
    IdReused,
    KeyChanged,
    Stale,
    StreamCipher,
)
from eventlog.keys.current import agree, keys_to_write
from eventlog.keys.data_keys import DataKeys
from eventlog.retrying import Tries
from eventlog.store.contract.log import Store


async def append(
    store: Store, keys: DataKeys, request: AppendRequest
) -> Appended | Stale | IdReused:
    """Append the batch, encrypted if there is a keyring; retry if the stream's key has changed.

    Raises NoKeyError for a stream that is encrypted where there is no keyring, and BusyError.
    """
    with telemetry.appending(request.name, request.branch, len(request.events)):
        outcome = await _append(store, keys, request)
    if isinstance(outcome, Stale):
        telemetry.conflicted()
    return outcome


async def _append(
    store: Store, keys: DataKeys, request: AppendRequest
) -> Appended | Stale | IdReused:
    cipher = await keys_to_write(keys, request.name, request.stream_id)
    outcome = await store.append(_encrypted(request, cipher))
    if not isinstance(outcome, KeyChanged):
        return outcome
    async for _ in Tries():
        cipher = await agree(keys, request.name, request.stream_id)
        outcome = await store.append(_encrypted(request, cipher))
        if not isinstance(outcome, KeyChanged):
            return outcome
    raise BusyError("Its data key changed again and again. Nothing was stored. Try again.").of(
        request.name
    )


def _encrypted(request: AppendRequest, cipher: StreamCipher | None) -> AppendRequest:
    return request if cipher is None else AppendRequest._make((*request[:-1], cipher))
