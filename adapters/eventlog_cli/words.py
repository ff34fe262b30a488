"""What an item or an event says in a few words: of any JSON value, with all that is in it seen."""

import json
from collections.abc import Callable, Iterable
from typing import Any, Final, cast

from eventlog import Context, ConversationCleared, Event, ItemPopped, visible
from eventlog.events import (
    BranchDeleted,
    ConversationArchived,
    ConversationErased,
    ConversationForked,
    ConversationLabelled,
    ConversationRewound,
    ConversationUnarchived,
    EventErased,
    HoldLifted,
    HoldPlaced,
    ModelCalled,
    OpaqueEvent,
    RunBegan,
    RunEnded,
    UsageRecorded,
)

GONE: Final = "\N{MULTIPLICATION SIGN}"
"""Marks what is no longer in the list, so that it also reads without colour."""

LEGEND: Final = f"{GONE} no longer in the list, but still in the log"

_ROLES: Final = {"user": "user", "assistant": "agent"}


def clean(text: str) -> str:
    """Return content that cannot control the terminal, or hide from whoever reads it."""
    return visible.visible(text)


def line(text: str) -> str:
    """Return a reason, a title or the like as one line, in which every character is seen."""
    return visible.visible_line(text)


def named(name: str, branch: str = "") -> str:
    """Return a conversation's name, and a branch's, as people may type them."""
    return visible.quoted(name) + (f" ({visible.quoted(branch)})" if branch else "")


def typed(name: str, branch: str = "") -> str:
    """Return a name inside a sentence, told from the words around it, as people may type it."""
    return visible.typed(name) + (f" (branch {visible.typed(branch)})" if branch else "")


def describe(item: Any) -> tuple[str, str]:
    """Tell who an item is from, and what it says."""
    if not isinstance(item, dict):
        return "item", clean(json.dumps(item, ensure_ascii=False))
    fields = cast("dict[str, Any]", item)
    kind = str(fields.get("type") or "message")
    if kind == "function_call":
        return "call", clean(_call(fields))
    if kind.endswith("_output"):
        return "result", clean(_text(fields.get("output")))
    if kind == "message":
        role = str(fields.get("role"))
        return line(_ROLES.get(role, role)), clean(_text(fields.get("content")))
    return line(kind), clean(_text(fields.get("summary") or fields.get("content")))


def deed(event: Event | OpaqueEvent | None) -> str:
    """Tell what an event did that brought no items; None was erased."""
    if event is None:
        return "its content was erased"
    reason = getattr(event, "reason", None)
    return _did(event) if reason is None else f"{_did(event)}: {line(str(reason))}"


def _did(event: Event | OpaqueEvent) -> str:
    told = _TOLD.get(type(event))
    return line(event.kind if told is None else told(event))


def actor(context: Context | None) -> str:
    """Name the agent where one was speaking, and in whose name."""
    if context is None:
        return "-"
    who = context.actor or "unknown"
    if context.agent is None or who == f"agent:{context.agent}":
        return line(who)
    return line(f"{context.agent} for {who}")


def _rewound(event: ConversationRewound) -> str:
    kept = "" if event.kept is None else f"{event.kept} items of "
    return f"went back to {kept}version {event.to_version}"


def _labelled(event: ConversationLabelled) -> str:
    given = (("title", event.title), ("owner", event.owner), ("tags", event.tags))
    return "; ".join(
        line(f"{name}: {(value if isinstance(value, str) else ', '.join(value)) or 'none'}")
        for name, value in given
        if value is not None
    )


def _call(item: dict[str, Any]) -> str:
    name, written = item.get("name", "?"), item.get("arguments", "")
    try:
        arguments = json.loads(written)
    except (TypeError, ValueError):
        arguments = None
    if not isinstance(arguments, dict):
        return f"{name}({written})"
    pairs = cast("dict[str, Any]", arguments).items()
    return f"{name}({', '.join(f'{key}={json.dumps(value)}' for key, value in pairs)})"


def _text(content: Any) -> str:
    """Return the text of a content: a string, or a list of parts."""
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    parts = cast("Iterable[Any]", content if isinstance(content, list) else (content,))
    return " ".join(_part(part) for part in parts)


def _part(part: Any) -> str:
    if isinstance(part, str):
        return part
    fields = cast("dict[str, Any]", part) if isinstance(part, dict) else {}
    for name in ("text", "refusal"):
        if isinstance(fields.get(name), str):
            return str(fields[name])
    return json.dumps(part, ensure_ascii=False)


_TOLD: Final[dict[type[Any], Callable[[Any], str]]] = {
    BranchDeleted: lambda _: "deleted the branch",
    ConversationArchived: lambda _: "archived: closed to writers",
    ConversationCleared: lambda _: "emptied the list",
    ConversationErased: lambda event: f"erased by {event.by}",
    ConversationForked: lambda event: (
        f"began with {event.kept} items of version {event.at_version}"
    ),
    ConversationLabelled: _labelled,
    ConversationRewound: _rewound,
    ConversationUnarchived: lambda _: "unarchived: open again",
    EventErased: lambda event: f"version {event.erased} erased by {event.by}",
    HoldLifted: lambda event: f"legal hold {event.hold} lifted",
    HoldPlaced: lambda event: f"legal hold {event.hold} placed",
    ItemPopped: lambda _: "took the last item back",
    ModelCalled: lambda event: f"a model was given {len(event.input)} items",
    RunBegan: lambda event: f"run {event.run} began",
    RunEnded: lambda event: f"run {event.run} ended",
    UsageRecorded: lambda event: (
        f"{event.requests} model call{'s' * (event.requests != 1)}, {event.total_tokens} tokens"
    ),
}
