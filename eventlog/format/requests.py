"""Building append requests from the events that a caller gives. Pure."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from eventlog.errors import (
    EventIdReusedError,
    InvalidInputError,
    InvalidMomentError,
    ItemTooLargeError,
)
from eventlog.format import chain
from eventlog.format.codec import decode_json, encode_json
from eventlog.format.envelope import encode
from eventlog.format.events import (
    ConversationForked,
    ConversationRewound,
    Event,
    ItemsAdded,
    ItemsReplaced,
    NewEvent,
)
from eventlog.format.facts import ConversationErased, EventErased
from eventlog.format.inflating import MAX_INFLATED
from eventlog.format.names import MAIN, check_branch, check_name
from eventlog.format.questions import check_version
from eventlog.format.records import AppendRequest, EncodedEvent, Parent

_WITH_ITEMS: Final = (ItemsAdded.kind, ItemsReplaced.kind)


def build(
    tenant: str,
    stream: str,
    events: Event | NewEvent | Sequence[Event | NewEvent],
    expected: int | None,
    at: int,
    max_item_bytes: int,
    branch: str = MAIN,
    max_event_bytes: int = MAX_INFLATED,
) -> AppendRequest:
    """Encode a batch for one stream. Raises InvalidInputError or EventIdReusedError."""
    check_name("session_id", stream)
    check_branch(branch)
    batch = [events] if isinstance(events, (Event, NewEvent)) else events
    if not batch:
        raise InvalidInputError(f"There is no event to append to conversation {stream!r}.")
    if expected is not None:
        check_version("expected_version", expected)
    news = [event if isinstance(event, NewEvent) else NewEvent(event) for event in batch]
    _refuse_impossible(stream, news, expected)
    encoded = tuple(encode(new) for new in news)
    _refuse_twice(stream, [event.event_id for event in encoded])
    _refuse_large(stream, encoded, max_item_bytes)
    _refuse_unreadable(stream, encoded, max_event_bytes)
    stream_id = chain.stream_id(tenant, stream, branch)
    parent = _parent(stream, stream_id, news, expected)
    seen = min([s for new in news if (s := new.context.seen_version) is not None], default=None)
    return AppendRequest(stream_id, tenant, stream, encoded, expected, at, branch, parent, seen)


def _parent(
    stream: str, stream_id: bytes, news: Sequence[NewEvent], expected: int | None
) -> Parent | None:
    """Return the parent of a fork; None for other batches."""
    forks = [new.event for new in news if isinstance(new.event, ConversationForked)]
    if not forks:
        return None
    if expected != 0 or forks != [news[0].event]:
        raise InvalidMomentError(
            f"Conversation {stream!r} can be a fork only from its first event on: append it first,"
            " with expected_version=0. Nothing was stored."
        )
    if forks[0].parent == stream_id:
        raise InvalidMomentError(f"Conversation {stream!r} cannot be a fork of itself.")
    if len(forks[0].parent) != len(stream_id) or (forks[0].kept and not forks[0].at_version):
        raise InvalidMomentError(
            f"Conversation {stream!r} cannot be a fork of what is no stream_id of"
            f" {len(stream_id)} bytes, nor begin with items of version 0. Nothing was stored."
        )
    return Parent(forks[0].parent, forks[0].at_version)


def _refuse_impossible(stream: str, news: Sequence[NewEvent], expected: int | None) -> None:
    for seen, new in enumerate(news, start=expected or 0):
        event = new.event
        if isinstance(event, (ConversationErased, EventErased)):
            raise InvalidInputError("An event alone erases nothing: call erase() or erase_event().")
        if isinstance(event, ConversationRewound) and event.to_version > seen:
            raise InvalidMomentError(
                f"Conversation {stream!r} can go back only to a version that its writer has seen:"
                f" give expected_version, at or after {event.to_version}. Nothing was stored."
            )


def _refuse_twice(stream: str, event_ids: Sequence[str | None]) -> None:
    given = [event_id for event_id in event_ids if event_id is not None]
    for event_id in given:
        if given.count(event_id) > 1:
            raise EventIdReusedError(stream, event_id)


def _refuse_large(stream: str, events: Sequence[EncodedEvent], limit: int) -> None:
    for event in events:
        if len(event.body) <= limit or event.kind not in _WITH_ITEMS:
            continue
        for index, size in enumerate(_sizes(event.body)):
            if size > limit:
                raise ItemTooLargeError(
                    f"Item {index} for conversation {stream!r} has {size} bytes as JSON; this log"
                    f" takes {limit} (max_item_bytes). Nothing was stored. Keep large content"
                    " elsewhere and store a reference to it, or open the log with a higher limit."
                )


def _refuse_unreadable(stream: str, events: Sequence[EncodedEvent], limit: int) -> None:
    """Nothing is stored that the bound on inflating would keep everybody from reading."""
    for event in events:
        if len(event.body) > limit:
            raise ItemTooLargeError(
                f"One event for conversation {stream!r} has {len(event.body)} bytes as JSON; this"
                f" log takes {limit} (max_inflated_bytes). Nothing was stored. Add fewer items at"
                " once, or open the log with a higher bound."
            )


def _sizes(body: bytes) -> list[int]:
    try:
        return [len(bytes(raw)) for raw in msgspec.json.decode(body, type=list[msgspec.Raw])]
    except msgspec.DecodeError:
        # msgspec does not decode NaN and lone surrogates.
        items: list[Any] = decode_json(body)
        return [len(encode_json(item)) for item in items]
