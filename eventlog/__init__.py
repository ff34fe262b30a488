"""An append-only, verifiable log of agent conversations.

Here is what a program needs. All kinds of events are in `eventlog.events`, all errors in
`eventlog.errors`, keyrings in `eventlog.keys`, what operators do in `eventlog.operations`.
"""

from typing import TYPE_CHECKING

from eventlog.faces import lazily

if TYPE_CHECKING:
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

if not TYPE_CHECKING:
    __getattr__ = lazily(
        __name__,
        {
            "Appended": "eventlog.format.records",
            "BusyError": "eventlog.errors",
            "ConflictError": "eventlog.errors",
            "Context": "eventlog.format.events",
            "ConversationCleared": "eventlog.format.events",
            "Counters": "eventlog.counters",
            "ErasedError": "eventlog.errors",
            "Event": "eventlog.format.events",
            "EventIdReusedError": "eventlog.errors",
            "EventLog": "eventlog.log",
            "EventLogError": "eventlog.errors",
            "Fault": "eventlog.verify.faults",
            "InDoubtError": "eventlog.errors",
            "InvalidInputError": "eventlog.errors",
            "ItemPopped": "eventlog.format.events",
            "ItemsAdded": "eventlog.format.events",
            "ItemsReplaced": "eventlog.format.events",
            "NewEvent": "eventlog.format.events",
            "PostgresOptions": "eventlog.store.contract.options",
            "RecordedEvent": "eventlog.format.envelope",
            "Results": "eventlog.paging",
            "Signer": "eventlog.proof.checkpoint",
            "SqliteOptions": "eventlog.store.contract.options",
            "StoreError": "eventlog.errors",
            "TreeHead": "eventlog.proof.checkpoint",
            "UnavailableError": "eventlog.errors",
            "Verification": "eventlog.verify.faults",
            "Verifier": "eventlog.proof.checkpoint",
        },
    )
