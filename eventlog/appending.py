"""Appending under the data key that the stream uses, whoever changes it meanwhile."""

from typing import Final

from eventlog import telemetry
from eventlog.errors import BusyError
from eventlog.format.records import Appended, AppendRequest, IdReused, KeyChanged, Stale
from eventlog.keys.stream_keys import DataKeys
from eventlog.store.contract.log import Store

MAX_TRIES: Final = 30
"""How often an append takes another data key because the stream got one meanwhile."""


async def append(
    store: Store, keys: DataKeys, request: AppendRequest
) -> Appended | Stale | IdReused:
    """Append the batch, encrypted if there is a keyring; look again if the key is another one.

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
    place = (request.name, request.stream_id)
    cipher = await keys.to_write(*place)
    for _ in range(MAX_TRIES):
        if cipher is not None:
            request = AppendRequest._make((*request[:-1], cipher))
        outcome = await store.append(request)
        if not isinstance(outcome, KeyChanged):
            return outcome
        cipher = await keys.to_write(*place, anew=True)
    raise BusyError(f"Conversation {request.name!r}: its data key changed again and again.")
