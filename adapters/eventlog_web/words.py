"""What an item or an event says, as text that hides nothing from the eye."""

import json
from collections.abc import Callable, Iterable
from typing import Any, Final, cast

from eventlog import ConversationCleared, Event, ItemPopped, ItemsAdded, ItemsReplaced, visible
from eventlog.events import (
    BranchDeleted,
    ConversationErased,
    ConversationForked,
    ConversationImported,
    ConversationLabelled,
    ConversationRewound,
    EventErased,
    HoldLifted,
    HoldPlaced,
    ModelCalled,
    OpaqueEvent,
    RowPreserved,
    UsageRecorded,
)
from eventlog_projections.items.calls import fields

ENOUGH: Final = 4000
"""Characters of an item that are looked at for an excerpt."""


def line(text: str) -> str:
    """Return text as one line in which every character is seen."""
    return visible.visible_line(text)


def text(content: str) -> str:
    """Return text in which nothing controls or hides; its lines stay."""
    return visible.visible(content)


def excerpt(item: Any, most: int) -> str:
    """Return the beginning of what an item says, on one line."""
    said = _said(item)[:ENOUGH]
    shown = " ".join(line(part) for part in said.split())
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def deed(event: Event | OpaqueEvent | None) -> str:
    """Tell what an event did; None was erased."""
    if event is None:
        return "its content was erased"
    told = _TOLD.get(type(event))
    return line(event.kind if told is None else told(event))


def _said(item: Any) -> str:
    held = fields(item)
    if not held:
        return json.dumps(item, ensure_ascii=False)[:ENOUGH]
    name = held.get("name")
    if isinstance(name, str):
        asked = held.get("arguments") or held.get("input") or ""
        return f"{name}({asked if isinstance(asked, str) else json.dumps(asked)[:ENOUGH]})"
    for key in ("content", "output", "summary", "action", "code", "queries"):
        if held.get(key):
            return said_by(held[key])
    return str(held.get("type") or "item")


def said_by(content: Any) -> str:
    """Return the text of a content: a string, or a list of parts."""
    if isinstance(content, str):
        return content
    parts = cast("Iterable[Any]", content if isinstance(content, list) else (content,))
    return " ".join(_part(part) for part in parts)


def _part(part: Any) -> str:
    if isinstance(part, str):
        return part
    held = fields(part)
    for name in ("text", "refusal"):
        if isinstance(held.get(name), str):
            return str(held[name])
    if str(held.get("type", "")).endswith("image"):
        return "[image]"
    return json.dumps(part, ensure_ascii=False)[:ENOUGH]


def _rewound(event: ConversationRewound) -> str:
    kept = "" if event.kept is None else f"{event.kept} items of "
    return f"went back to {kept}version {event.to_version}"


def _labelled(event: ConversationLabelled) -> str:
    given = (("title", event.title), ("owner", event.owner), ("tags", event.tags))
    return "; ".join(
        f"{name}: {(value if isinstance(value, str) else ', '.join(value)) or 'none'}"
        for name, value in given
        if value is not None
    )


def _plural(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"


_TOLD: Final[dict[type[Any], Callable[[Any], str]]] = {
    BranchDeleted: lambda _: "deleted the branch",
    ConversationCleared: lambda _: "emptied the list",
    ConversationErased: lambda _: "erased all content before it",
    ConversationForked: lambda event: (
        f"began with {_plural(event.kept, 'item')} of version {event.at_version}"
    ),
    ConversationImported: lambda event: f"{_plural(event.rows, 'row')} copied from {event.source}",
    ConversationLabelled: _labelled,
    ConversationRewound: _rewound,
    EventErased: lambda event: f"erased the content of version {event.erased}",
    HoldLifted: lambda event: f"lifted legal hold {event.hold}",
    HoldPlaced: lambda event: f"placed legal hold {event.hold}",
    ItemPopped: lambda _: "took the last item back",
    ItemsAdded: lambda event: f"added {_plural(len(event.items), 'item')}",
    ItemsReplaced: lambda event: (
        f"replaced the list from item {event.start + 1} on by {_plural(len(event.items), 'item')}"
    ),
    ModelCalled: lambda event: f"a model was given {_plural(len(event.input), 'item')}",
    RowPreserved: lambda event: f"kept a row that is no item: {event.why}",
    UsageRecorded: lambda event: (
        f"{_plural(event.requests, 'model call')}, {_plural(event.total_tokens, 'token')}"
        + (f" of {event.model}" if event.model else "")
    ),
}
