"""What an event did, in a few words. Pure.

One place tells every kind of event. The text is as somebody wrote it: whoever shows it makes it
visible (`eventlog.visible`).
"""

from collections.abc import Callable
from typing import Any, Final

from eventlog import (
    ConversationCleared,
    Event,
    ItemPopped,
    ItemsAdded,
    ItemsReplaced,
)
from eventlog.events import (
    BranchDeleted,
    ConversationArchived,
    ConversationErased,
    ConversationForked,
    ConversationImported,
    ConversationLabelled,
    ConversationRewound,
    ConversationUnarchived,
    EventErased,
    HoldLifted,
    HoldPlaced,
    ModelCalled,
    OpaqueEvent,
    RowPreserved,
    RunBegan,
    RunEnded,
    UsageRecorded,
)
from eventlog.plurals import count


def did(event: Event | OpaqueEvent | None) -> str:
    """Tell what an event did, without its reason; None was erased."""
    if event is None:
        return "its content was erased"
    told = _TOLD.get(type(event))
    return event.kind if told is None else told(event)


def _rewound(event: ConversationRewound) -> str:
    kept = "" if event.kept is None else f"{count(event.kept, 'item')} of "
    return f"went back to {kept}version {event.to_version}"


def _labelled(event: ConversationLabelled) -> str:
    given = (("title", event.title), ("owner", event.owner), ("tags", event.tags))
    return "; ".join(
        f"{name}: {(value if isinstance(value, str) else ', '.join(value)) or 'none'}"
        for name, value in given
        if value is not None
    )


_TOLD: Final[dict[type[Any], Callable[[Any], str]]] = {
    BranchDeleted: lambda _: "deleted the branch",
    ConversationArchived: lambda _: "archived: closed to writers",
    ConversationCleared: lambda _: "emptied the list",
    ConversationErased: lambda event: f"erased by {event.by}",
    ConversationForked: lambda event: (
        f"began with {count(event.kept, 'item')} of version {event.at_version}"
    ),
    ConversationImported: lambda event: f"{count(event.rows, 'row')} copied from {event.source}",
    ConversationLabelled: _labelled,
    ConversationRewound: _rewound,
    ConversationUnarchived: lambda _: "unarchived: open again",
    EventErased: lambda event: f"version {event.erased} erased by {event.by}",
    HoldLifted: lambda event: f"legal hold {event.hold} lifted",
    HoldPlaced: lambda event: f"legal hold {event.hold} placed",
    ItemPopped: lambda _: "took the last item back",
    ItemsAdded: lambda event: f"added {count(len(event.items), 'item')}",
    ItemsReplaced: lambda event: (
        f"replaced the list from item {event.start + 1} on by {count(len(event.items), 'item')}"
    ),
    ModelCalled: lambda event: f"a model was given {count(len(event.input), 'item')}",
    RowPreserved: lambda event: f"kept a row that is no item: {event.why}",
    RunBegan: lambda event: f"run {event.run} began",
    RunEnded: lambda event: f"run {event.run} ended",
    UsageRecorded: lambda event: (
        f"{count(event.requests, 'model call')}, {count(event.total_tokens, 'token')}"
    ),
}
