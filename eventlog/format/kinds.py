"""Every kind of event that this release knows. Pure."""

from typing import Final

from eventlog.format.events import (
    BranchDeleted,
    ConversationCleared,
    ConversationForked,
    ConversationRewound,
    Event,
    Header,
    ItemPopped,
    ItemsAdded,
    ItemsReplaced,
    OpaqueEvent,
)
from eventlog.format.facts import (
    ConversationArchived,
    ConversationErased,
    ConversationImported,
    ConversationLabelled,
    ConversationUnarchived,
    EventErased,
    HoldLifted,
    HoldPlaced,
    ModelCalled,
    RowPreserved,
    RunBegan,
    RunEnded,
    UsageRecorded,
)

KINDS: Final[dict[tuple[str, int], type[Event]]] = {
    (event.kind, event.schema): event
    for event in (
        ItemsAdded,
        ItemPopped,
        ConversationCleared,
        ItemsReplaced,
        ConversationRewound,
        UsageRecorded,
        ModelCalled,
        ConversationForked,
        BranchDeleted,
        ConversationLabelled,
        ConversationImported,
        RowPreserved,
        ConversationErased,
        EventErased,
        HoldPlaced,
        HoldLifted,
        ConversationArchived,
        ConversationUnarchived,
        RunBegan,
        RunEnded,
    )
}


def load_event(kind: str, schema: int, header: Header, body: bytes) -> Event | OpaqueEvent:
    """Decode a stored event. Raises ValueError if a known kind does not decode."""
    known = KINDS.get((kind, schema))
    if known is None:
        return OpaqueEvent(kind, schema, body)
    return known.load(header, body)
