"""What the inspector shows of an event: everything that the log knows of it."""

import json
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from eventlog import Context, Event, RecordedEvent
from eventlog.errors import EventLogError
from eventlog.events import ItemsAdded, ItemsReplaced, ModelCalled, OpaqueEvent, UsageRecorded
from eventlog.format.envelope import readable_time
from eventlog_projections import Conversation
from eventlog_projections.history.model_input import given_items
from eventlog_web import addresses, words
from eventlog_web.viewer import number, viewer_of

MOST: Final = 60_000
"""Characters of content that are shown; the rest is an address away."""

Field = tuple[str, str, str]
"""A name, what it is, and how that is set: `text`, `n` for numbers, `hash`."""


class Inspected(msgspec.Struct, omit_defaults=True, kw_only=True):
    """An event, as far as it can be read."""

    version: int
    fields: list[Field]
    content: str = ""
    cut: int = 0
    """How many characters of content there are, if not all are shown."""
    whole: str = ""
    error: str = ""
    erased: bool = False
    given: list[tuple[int, int] | None] | None = None
    """For a model call, where each item is that the model was given; None: in no list."""


async def show(request: Request) -> Response:
    """Answer with an event, as JSON."""
    chat, _ = await viewer_of(request).find(request)
    version = number(request, "v", 1)
    found = await chat.log.read(
        chat.name, after=max(0, version - 2), until=version, branch=chat.branch
    ).all()
    here = next((each for each in found if each.version == version), None)
    if here is None:
        missing = Inspected(version=version, fields=[], error="It is missing from the log.")
        return Response(msgspec.json.encode(missing), 404, media_type="application/json")
    before = next((each.hash for each in found if each.version == version - 1), None)
    shown = await read(chat, here, before)
    return Response(msgspec.json.encode(shown), media_type="application/json")


async def read(chat: Conversation, here: RecordedEvent, before: bytes | None) -> Inspected:
    """Return what the inspector shows; an event that cannot be read says why."""
    context = event = None
    error = ""
    try:
        if not here.is_erased:
            event, context = here.event, here.context
    except EventLogError as unread:
        error = words.line(str(unread))
    shown = inspected(here, before, event, context, error)
    shown.whole = addresses.to("raw", chat.name, chat.branch, v=here.version)
    if isinstance(event, ModelCalled):
        places = await given_items(chat.log, chat.name, here.version, event, chat.branch)
        shown.given = [None if place is None else (place.version, place.item) for place in places]
    return shown


def inspected(
    here: RecordedEvent,
    before: bytes | None,
    event: Event | OpaqueEvent | None,
    context: Context | None,
    error: str = "",
) -> Inspected:
    """Return what is known of an event with this content."""
    content = "" if event is None else json.dumps(_content(event), ensure_ascii=False, indent=1)
    stored = here.stored
    at = readable_time(stored.recorded_at)
    fields: list[Field] = [
        ("version", str(here.version), "n"),
        ("kind", f"{words.line(here.kind)}, schema {stored.schema}", "text"),
        ("recorded", "no time" if at is None else f"{at:%Y-%m-%d %H:%M:%S.%f}Z", "n"),
        *_context(context),
        *_usage(event),
    ]
    if here.event_id is not None:
        fields.append(("event id", words.line(here.event_id), "text"))
    if stored.key_id is not None:
        fields.append(("encrypted by", words.line(stored.key_id), "text"))
    fields += [
        ("hash", here.hash.hex(), "hash"),
        ("previous", "the beginning" if before is None else before.hex(), "hash"),
        ("content", stored.content_digest.hex(), "hash"),
    ]
    return Inspected(
        version=here.version,
        fields=fields,
        content=words.text(content[:MOST]),
        cut=len(content) if len(content) > MOST else 0,
        error=error,
        erased=here.is_erased,
    )


def _content(event: Event | OpaqueEvent) -> Any:
    if isinstance(event, ItemsAdded | ItemsReplaced):
        return event.items
    if isinstance(event, OpaqueEvent):
        return msgspec.json.decode(event.body)
    return msgspec.to_builtins(event)


def _context(context: Context | None) -> Sequence[Field]:
    if context is None:
        return ()
    held = {
        name: value for name, value in msgspec.to_builtins(context).items() if value is not None
    }
    return [
        (name.replace("_", " "), words.line(str(value)), "text") for name, value in held.items()
    ]


def _usage(event: Event | OpaqueEvent | None) -> Sequence[Field]:
    if not isinstance(event, UsageRecorded):
        return ()
    held = msgspec.to_builtins(event)
    names = ("model", "requests", "input_tokens", "cached_input_tokens", "output_tokens")
    wanted = (*names, "reasoning_tokens", "total_tokens")
    return [
        (
            name.replace("_", " "),
            words.line(f"{held[name]:,}" if name != "model" else held[name]),
            "n",
        )
        for name in wanted
        if held.get(name) is not None
    ]
