"""Appending, encrypted under the current data key of the stream if there is a keyring."""

from eventlog import telemetry
from eventlog.errors import (
    ArchivedError,
    BusyError,
    ConflictError,
    ErasedMeanwhileError,
    EventIdReusedError,
    EventLogError,
    HistoryLostError,
)
from eventlog.format.records import (
    Appended,
    AppendRequest,
    Archived,
    ErasedSince,
    IdReused,
    KeyChanged,
    Lost,
    Refusal,
    Stale,
)
from eventlog.keys.current import agree, keys_to_write
from eventlog.keys.data_keys import DataKeys
from eventlog.retrying import Tries
from eventlog.store.contract.log import Store


async def append(store: Store, keys: DataKeys, request: AppendRequest) -> Appended | Refusal:
    """Append the batch, encrypted if there is a keyring; retry if the stream's key has changed.

    Raises NoKeyError for a stream that is encrypted where there is no keyring, and BusyError.
    """
    with telemetry.appending(request.name, request.branch, len(request.events)):
        if keys.are_used:
            cipher = await keys_to_write(keys, request.name, request.stream_id)
            request = request._replace(cipher=cipher)
        outcome = await store.append(request)
        if isinstance(outcome, KeyChanged):
            outcome = await _append_again(store, keys, request)
    if isinstance(outcome, Stale):
        telemetry.conflicted()
    return outcome


async def _append_again(store: Store, keys: DataKeys, request: AppendRequest) -> Appended | Refusal:
    """Append under the key that the stream has now, until that is still the one."""
    async for _ in Tries():
        cipher = await agree(keys, request.name, request.stream_id)
        outcome = await store.append(request._replace(cipher=cipher))
        if not isinstance(outcome, KeyChanged):
            return outcome
    raise BusyError("Its data key changed again and again. Nothing was stored. Try again.").of(
        request.name
    )


def refused(stream: str, expected: int | None, refusal: Refusal) -> EventLogError:
    """Return what tells the caller of a refusal."""
    match refusal:
        case Stale(actual):
            return ConflictError(stream, expected or 0, actual)
        case Archived(version):
            return ArchivedError(stream, version)
        case ErasedSince(version):
            return ErasedMeanwhileError(stream, version)
        case Lost(version, head):
            return HistoryLostError.of_stream(stream, version, head)
        case IdReused(event_id):
            return EventIdReusedError(stream, event_id)
