"""Every kind of event, what they carry, and what names them: the public face of `format`."""

from eventlog.format.codec import digest
from eventlog.format.envelope import RecordedEvent
from eventlog.format.events import (
    BranchDeleted,
    Context,
    ConversationCleared,
    ConversationForked,
    ConversationRewound,
    Event,
    Header,
    ItemPopped,
    ItemsAdded,
    ItemsReplaced,
    NewEvent,
    OpaqueEvent,
)
from eventlog.format.facts import (
    ConversationErased,
    ConversationImported,
    ConversationLabelled,
    EventErased,
    HoldLifted,
    HoldPlaced,
    ModelCalled,
    RowPreserved,
    UsageRecorded,
)

__all__ = [
    "BranchDeleted",
    "Context",
    "ConversationCleared",
    "ConversationErased",
    "ConversationForked",
    "ConversationImported",
    "ConversationLabelled",
    "ConversationRewound",
    "Event",
    "EventErased",
    "Header",
    "HoldLifted",
    "HoldPlaced",
    "ItemPopped",
    "ItemsAdded",
    "ItemsReplaced",
    "ModelCalled",
    "NewEvent",
    "OpaqueEvent",
    "RecordedEvent",
    "RowPreserved",
    "UsageRecorded",
    "digest",
]
