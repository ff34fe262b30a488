"""An append-only, verifiable log of agent conversations.

Here is what a program needs. All kinds of events are in `eventlog.events`, all errors in
`eventlog.errors`, keyrings in `eventlog.keys`, what operators do in `eventlog.operations`.
"""

from eventlog.counters import Counters
from eventlog.errors import (
    BusyError,
    ConflictError,
    ErasedError,
    EventIdReusedError,
    EventLogError,
    InDoubtError,
    InvalidInputError,
    StoreError,
    UnavailableError,
)
from eventlog.format.envelope import RecordedEvent
from eventlog.format.events import (
    Context,
    ConversationCleared,
    Event,
    ItemPopped,
    ItemsAdded,
    ItemsReplaced,
    NewEvent,
)
from eventlog.format.records import Appended
from eventlog.log import EventLog
from eventlog.paging import Results
from eventlog.proof.checkpoint import Signer, TreeHead, Verifier
from eventlog.store.contract.options import PostgresOptions, SqliteOptions
from eventlog.verify.faults import Fault, Verification

__all__ = [
    "Appended",
    "BusyError",
    "ConflictError",
    "Context",
    "ConversationCleared",
    "Counters",
    "ErasedError",
    "Event",
    "EventIdReusedError",
    "EventLog",
    "EventLogError",
    "Fault",
    "InDoubtError",
    "InvalidInputError",
    "ItemPopped",
    "ItemsAdded",
    "ItemsReplaced",
    "NewEvent",
    "PostgresOptions",
    "RecordedEvent",
    "Results",
    "Signer",
    "SqliteOptions",
    "StoreError",
    "TreeHead",
    "UnavailableError",
    "Verification",
    "Verifier",
]
