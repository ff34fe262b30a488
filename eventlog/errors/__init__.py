"""Every error this library raises.

EventLogError
├── InvalidInputError           the caller's: nothing was stored, the same call fails again
│   ├── InvalidItemError        (also TypeError) an item that JSON cannot hold or read back
│   ├── ItemTooLargeError       (also ValueError) an item of more than max_item_bytes
│   ├── InvalidNameError        (also ValueError) a name, tenant, event id or text nobody can store
│   ├── InvalidAddressError     (also ValueError) a URL or path that names no store
│   ├── InvalidMomentError      (also ValueError) a version or time nothing can be read at
│   ├── InvalidOptionError      (also ValueError) options that contradict each other
│   ├── NoSuchConversationError (also ValueError) no conversation goes by that name or prefix
│   ├── AmbiguousNameError      (also ValueError) a prefix of several names
│   ├── InvalidKeyRingError     (also ValueError) text that holds no key-encryption keys
│   ├── UnfitRowError           a row of a view that no table can hold
│   ├── NoSuchTurnError         (also ValueError) a turn that the list does not have
│   ├── NoSuchBranchError       (also ValueError) a branch that is not there
│   ├── NoSuchHoldError         (also ValueError) a legal hold that is not placed
│   ├── NothingToRedoError      (also ValueError) something else was written since the last undo
│   ├── InvalidKeyError         (also ValueError) a key for tree heads that is none
│   ├── InvalidHeadError        (also ValueError) a head or receipt that is none, or another key's
│   ├── InvalidEvidenceError    (also ValueError) evidence that does not prove what it holds
│   ├── NothingErasedError      (also ValueError) a receipt of an erasure that never was
│   └── ClosedError             (also RuntimeError) use after close
├── ConflictError               somebody else appended first
│   └── NameTakenError          (also ValueError) a conversation or branch of that name is there
├── ArchivedError               the conversation is closed to writers
├── ConcurrentRunError          another run is at work on the conversation
├── EventIdReusedError          an event_id that already names other content
├── StoreError                  the database's: the call may succeed later or elsewhere
│   ├── UnavailableError        cannot be reached, opened or written right now
│   │   ├── BusyError           locked by somebody else for longer than the timeout
│   │   └── ReplicaBehindError  a replica that has not yet got what another server had
│   ├── InDoubtError            sent and not answered: nobody knows yet whether it was stored
│   ├── ReadOnlyError           the file or the role may not write
│   ├── FileReplacedError       the SQLite file was removed, moved, replaced or cut off
│   ├── BeyondEndError          the feed ends before that position: the log was put back
│   ├── HistoryLostError        an event that was read or written here is not there any more
│   ├── RefusedValueError       a text, number or size that the database cannot hold
│   ├── WaitTimeoutError        (also TimeoutError) the feed did not get that far in time
│   ├── ClockAheadError         the writer's clock runs ahead of the database's
│   ├── NotAnEventLogError      the database holds something else
│   ├── BrokenBackupError       a backup that does not verify; it was not put back
│   ├── SchemaTooOldError       written by an earlier release: migrate
│   └── SchemaTooNewError       written by a later release: upgrade
├── PoisonEventError            a view that is made anew strictly cannot take an event
├── SourceError                 another store, to be imported, that cannot be read
├── PublishingError             a head was signed and could not be taken where it is safe
├── UnsoundError                what verify() finds fault with: not erased, no head signed
├── BrokenTreeError             the tree is not the one that was signed: nothing was signed
├── CorruptEventError           stored bytes that do not decode, or were changed or moved
│   └── ContentTooLargeError    stored bytes that inflate to more than the log was opened for
├── EncryptedError              content that this log cannot open; nothing was stored
│   ├── NoKeyError              opened without the key-encryption key that it takes
│   ├── WrongKeyError           the key-encryption key of that name is another one
│   └── KeyRingError            the keyring failed, as a key service that is down
├── SharedContentError          forks share what should be erased for one conversation only
├── HeldError                   a legal hold keeps what should be erased
└── ErasedError                 the content asked for was erased for good
    ├── ErasedMeanwhileError    before a writer wrote that had read it; nothing was stored
    └── KeyDestroyedError       its data key is not there any more
"""

from eventlog.errors.base import (
    EventLogError,
)
from eventlog.errors.content import (
    ArchivedError,
    BrokenTreeError,
    ConcurrentRunError,
    ConflictError,
    ContentTooLargeError,
    CorruptEventError,
    EncryptedError,
    ErasedError,
    ErasedMeanwhileError,
    EventIdReusedError,
    HeldError,
    KeyDestroyedError,
    KeyRingError,
    NameTakenError,
    NoKeyError,
    PoisonEventError,
    PublishingError,
    SharedContentError,
    SourceError,
    UnsoundError,
    WrongKeyError,
)
from eventlog.errors.database import (
    BeyondEndError,
    BrokenBackupError,
    BusyError,
    ClockAheadError,
    FileReplacedError,
    HistoryLostError,
    InDoubtError,
    NotAnEventLogError,
    ReadOnlyError,
    RefusedValueError,
    ReplicaBehindError,
    SchemaTooNewError,
    SchemaTooOldError,
    StoreError,
    UnavailableError,
    WaitTimeoutError,
)
from eventlog.errors.inputs import (
    AmbiguousNameError,
    ClosedError,
    InvalidAddressError,
    InvalidEvidenceError,
    InvalidHeadError,
    InvalidInputError,
    InvalidItemError,
    InvalidKeyError,
    InvalidKeyRingError,
    InvalidMomentError,
    InvalidNameError,
    InvalidOptionError,
    ItemTooLargeError,
    NoSuchBranchError,
    NoSuchConversationError,
    NoSuchHoldError,
    NoSuchTurnError,
    NothingErasedError,
    NothingToRedoError,
    UnfitRowError,
)

__all__ = [
    "AmbiguousNameError",
    "ArchivedError",
    "BeyondEndError",
    "BrokenBackupError",
    "BrokenTreeError",
    "BusyError",
    "ClockAheadError",
    "ClosedError",
    "ConcurrentRunError",
    "ConflictError",
    "ContentTooLargeError",
    "CorruptEventError",
    "EncryptedError",
    "ErasedError",
    "ErasedMeanwhileError",
    "EventIdReusedError",
    "EventLogError",
    "FileReplacedError",
    "HeldError",
    "HistoryLostError",
    "InDoubtError",
    "InvalidAddressError",
    "InvalidEvidenceError",
    "InvalidHeadError",
    "InvalidInputError",
    "InvalidItemError",
    "InvalidKeyError",
    "InvalidKeyRingError",
    "InvalidMomentError",
    "InvalidNameError",
    "InvalidOptionError",
    "ItemTooLargeError",
    "KeyDestroyedError",
    "KeyRingError",
    "NameTakenError",
    "NoKeyError",
    "NoSuchBranchError",
    "NoSuchConversationError",
    "NoSuchHoldError",
    "NoSuchTurnError",
    "NotAnEventLogError",
    "NothingErasedError",
    "NothingToRedoError",
    "PoisonEventError",
    "PublishingError",
    "ReadOnlyError",
    "RefusedValueError",
    "ReplicaBehindError",
    "SchemaTooNewError",
    "SchemaTooOldError",
    "SharedContentError",
    "SourceError",
    "StoreError",
    "UnavailableError",
    "UnfitRowError",
    "UnsoundError",
    "WaitTimeoutError",
    "WrongKeyError",
]
