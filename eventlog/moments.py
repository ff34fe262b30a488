"""Moments of a stream: versions, or times that name one."""

from datetime import datetime
from typing import cast

from eventlog.errors import InvalidMomentError
from eventlog.format.envelope import to_microseconds
from eventlog.format.questions import MAX_NUMBER, check_version
from eventlog.format.records import Parent, StreamRow
from eventlog.store.contract.log import Store


async def version_at(store: Store, stream: str, stream_id: bytes, as_of: int | datetime) -> int:
    """Return the version that the stream was at: itself, or at an aware datetime.

    Raises InvalidMomentError for a naive datetime, and for a version that is not there yet.
    """
    if isinstance(as_of, datetime):
        return await _version_at_time(store, stream_id, as_of)
    if isinstance(as_of, bool) or not isinstance(cast(object, as_of), int):
        raise InvalidMomentError(
            f"as_of is a version or an aware datetime, not {type(as_of).__name__}."
        )
    if abs(as_of) > MAX_NUMBER:
        check_version("as_of", as_of)
    head = await store.streams.head(stream_id)
    version = 0 if head is None else head.version
    if not 0 <= as_of <= version:
        raise InvalidMomentError(
            f"Conversation {stream!r} has no version {as_of}; it is at version {version}."
        )
    return as_of


def check_parent(parent: Parent, found: StreamRow | None, stream: str) -> None:
    """Raise InvalidMomentError if what was found does not have the version to fork from."""
    if found is None or found.head.version < parent.version:
        raise InvalidMomentError(
            f"{stream!r} cannot fork from version {parent.version} of a conversation that is"
            f" at version {0 if found is None else found.head.version}. Nothing was stored."
        )


async def _version_at_time(store: Store, stream_id: bytes, moment: datetime) -> int:
    if moment.tzinfo is None:
        raise InvalidMomentError(
            f"as_of {moment.isoformat()} has no time zone. Say which, for example"
            " datetime(..., tzinfo=UTC)."
        )
    return await store.events.version_at(stream_id, to_microseconds(moment))
