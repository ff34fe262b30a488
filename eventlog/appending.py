"""Appending, encrypted under the current data key of the stream if there is a keyring."""

from typing import Final

from eventlog import telemetry
from eventlog.errors import BusyError
from eventlog.format.records import Appended, AppendRequest, IdReused, KeyChanged, Stale
from eventlog.keys.current import agree, keys_to_write
from eventlog.keys.data_keys import DataKeys
from eventlog.store.contract.log import Store

MAX_TRIES: Final = 30
"""How often an append is tried again because the stream got another data key meanwhile."""


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
    for _ in range(MAX_TRIES):
        if cipher is not None:
            request = AppendRequest._make((*request[:-1], cipher))
        outcome = await store.append(request)
        if not isinstance(outcome, KeyChanged):
            return outcome
        cipher = await agree(keys, request.name, request.stream_id)
    raise BusyError(f"Conversation {request.name!r}: its data key changed again and again.")
