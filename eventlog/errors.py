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
│   └── ClosedError             (also RuntimeError) use after close
├── ConflictError               somebody else appended first
│   └── NameTakenError          (also ValueError) a conversation or branch of that name is there
├── EventIdReusedError          an event_id that already names other content
├── StoreError                  the database's: the call may succeed later or elsewhere
│   ├── UnavailableError        cannot be reached, opened or written right now
│   │   └── BusyError           locked by somebody else for longer than the timeout
│   ├── InDoubtError            sent and not answered: nobody knows yet whether it was stored
│   ├── ReadOnlyError           the file or the role may not write
│   ├── FileReplacedError       the SQLite file was removed, moved, replaced or cut off
│   ├── BeyondEndError          the feed ends before that position: the log was put back
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
├── BrokenTreeError             the tree is not the one that was signed: nothing was signed
├── CorruptEventError           stored bytes that do not decode, or were changed or moved
├── EncryptedError              content that this log cannot open; nothing was stored
│   ├── NoKeyError              opened without the key-encryption key that it takes
│   └── WrongKeyError           the key-encryption key of that name is another one
├── SharedContentError          forks share what should be erased for one conversation only
├── HeldError                   a legal hold keeps what should be erased
└── ErasedError                 the content asked for was erased for good
    └── KeyDestroyedError       its data key is not there any more
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, dataclass_transform


class EventLogError(Exception):
    """Base of every error that this library raises on purpose."""


@dataclass_transform(eq_default=False)
class _TemplateError(EventLogError):
    """Takes its annotated attributes as arguments, in order, and formats `_template` with them."""

    _template: ClassVar[str]
    _attributes: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        cls._attributes = (*cls._attributes, *cls.__annotations__)

    def __init__(self, *given: Any, **named: Any) -> None:
        attributes = {**dict(zip(self._attributes, given, strict=False)), **named}
        vars(self).update(attributes)
        super().__init__(self._template.format(**attributes))


class InvalidInputError(EventLogError):
    """The call cannot be served as made; nothing was stored."""


class InvalidItemError(InvalidInputError, TypeError):
    """An item that JSON cannot hold, or that JSON could not read back."""


class ItemTooLargeError(InvalidInputError, ValueError):
    """An item has more bytes than the log takes. Nothing was stored."""


class InvalidNameError(InvalidInputError, ValueError):
    """A conversation name, tenant, event id or text that cannot be stored."""


class InvalidAddressError(InvalidInputError, ValueError):
    """A URL or path that names no store."""


class InvalidMomentError(InvalidInputError, ValueError):
    """A version or a time at which nothing can be read."""


class InvalidOptionError(InvalidInputError, ValueError):
    """Options that contradict each other, or those of a log that is already open."""


class NoSuchConversationError(InvalidInputError, ValueError):
    """No conversation has this name, nor a name that begins so."""


class AmbiguousNameError(InvalidInputError, ValueError):
    """Several conversations have a name that begins so; `candidates` are the first of them."""

    def __init__(self, prefix: str, candidates: Sequence[str], *, more: bool) -> None:
        names = ", ".join(repr(name) for name in candidates)
        super().__init__(
            f"{prefix!r} is the beginning of several names: {names}{', and more' * more}."
            " Write more of the one that you mean."
        )
        self.candidates = tuple(candidates)


class InvalidKeyRingError(InvalidInputError, ValueError):
    """Text, or a file, that does not hold key-encryption keys."""


class UnfitRowError(InvalidInputError):
    """A row of a view that no table can hold; the message names the column and never the value."""


class NoSuchTurnError(InvalidInputError, ValueError):
    """The list has no such turn, or not as many as should be undone."""


class NoSuchBranchError(InvalidInputError, ValueError):
    """The conversation has no branch of that name."""


class NoSuchHoldError(InvalidInputError, ValueError):
    """No legal hold of that code is placed on the conversation."""


class NothingToRedoError(InvalidInputError, ValueError):
    """Nothing was undone, or something else was written since."""


class InvalidKeyError(InvalidInputError, ValueError):
    """A key to sign or verify tree heads with that cannot be read."""


class InvalidHeadError(InvalidInputError, ValueError):
    """A tree head, or a receipt, that cannot be read or that the given key did not sign."""


class ClosedError(InvalidInputError, RuntimeError):
    """A log or a session that was used after it was closed."""


class ConflictError(_TemplateError):
    """The conversation is not at the version that the writer expected; nothing was stored.

    `actual` is the true head, read after the refusal.
    """

    stream: str
    expected: int
    actual: int
    _template = (
        "Conversation {stream!r} is at version {actual}, not at {expected}: somebody else"
        " appended first. Read it again and decide whether your change still applies."
    )


class NameTakenError(ConflictError, ValueError):
    """A fork or a branch cannot get a name that was given before; nothing was stored."""

    def __init__(self, stream: str, branch: str, actual: int) -> None:
        super().__init__(stream, 0, actual)
        what = f"Branch {branch!r} of conversation {stream!r}" if branch else f"{stream!r}"
        self.args = (f"{what} has already been used. Choose another name.",)
        self.branch = branch


class EventIdReusedError(_TemplateError):
    """An event_id that already names other content in this conversation; nothing was stored."""

    stream: str
    event_id: str
    _template = (
        "Event id {event_id!r} was already used in conversation {stream!r} for other content."
        " Give each new event an id of its own."
    )


class StoreError(EventLogError):
    """The database refused or failed."""


class UnavailableError(StoreError):
    """The database cannot be reached, opened or written right now."""


class BusyError(UnavailableError):
    """The database stayed locked for longer than the timeout allows."""


class InDoubtError(_TemplateError, StoreError):
    """A change was sent to the database, and nobody can tell whether it is stored, or will be.

    The only error of a change that does not mean "not stored". `stream` is the conversation. Append
    again with the same `event_id`: what is stored answers again, as `replayed`.
    """

    stream: str
    what: str
    why: str
    advice: str
    _template = "Conversation {stream!r}: it is in doubt whether {what} was stored. {why} {advice}"


class ReadOnlyError(StoreError):
    """The file or the database role does not allow writing."""


class FileReplacedError(_TemplateError, StoreError):
    """The SQLite file was removed, moved, replaced or cut off while the log was open.

    `path` is the name that is not what it was: the file, one that SQLite keeps beside it, or a link
    to it. The message says whether something was stored.
    """

    message: str
    path: str
    _template = "{message}"


class BeyondEndError(_TemplateError, StoreError):
    """The feed ends before a position that a reader has been at: the log lost what came after.

    `end` is where the feed ends, `reader` who has been at `position`.
    """

    position: int
    end: int
    reader: str
    _template = (
        "{reader} has been at position {position}, and the feed ends at {end}: the log was put back"
        " to an earlier state, or it is another log. What came after is lost; decide where to go"
        " on, at most at {end}."
    )


class RefusedValueError(_TemplateError, StoreError):
    """The database refuses a value: a text, a number or a size that it cannot hold.

    Nothing of its transaction was stored. `code` is the SQLSTATE, or SQLite's name of the error;
    the value is not in the message, nor is what the driver says of it.
    """

    address: str
    code: str
    _template = (
        "{address} refuses a value that it cannot hold ({code}). Nothing was stored. The same"
        " call fails again."
    )


class WaitTimeoutError(_TemplateError, StoreError, TimeoutError):
    """The feed did not reach the position in time; it may do so later.

    `reached` is how far it was.
    """

    position: int
    timeout: float
    reached: int
    _template = (
        "The feed did not reach position {position} within {timeout:g} s; it is at {reached}."
        " Wait longer, or see whether that many events were appended."
    )


class ClockAheadError(StoreError):
    """The writer's clock runs ahead of the database's by more than the bound; nothing was stored.

    On SQLite the database's clock is that of the machine.
    """


class NotAnEventLogError(StoreError):
    """The database exists and holds something that is not an event log; it was left untouched.

    `tables` maps the names of the tables that were found to their columns.
    """

    def __init__(self, message: str, tables: Mapping[str, Sequence[str]] | None = None) -> None:
        super().__init__(message)
        self.tables: Mapping[str, Sequence[str]] = dict(tables or {})


class BrokenBackupError(_TemplateError, StoreError):
    """A backup does not verify, and was not put back; `faults` say what is wrong."""

    backup: str
    faults: Sequence[Any]
    _template = (
        "{backup} is not sound: {faults[0]}. Nothing was changed. Take another backup; or put"
        " it back as it is, without verification."
    )


class SchemaTooOldError(StoreError):
    """The log was written by an earlier release and has to be migrated first."""


class SchemaTooNewError(StoreError):
    """The log was written by a later release than the one that is running."""


class SourceError(EventLogError):
    """Another store, to be imported, that cannot be read; it was left untouched."""


class PublishingError(EventLogError):
    """A head, or evidence, was made and could not be handed on."""


class BrokenTreeError(_TemplateError):
    """The feed or its tree is not what was there when it was read before; nothing was signed."""

    what: str
    _template = "{what}. Nothing was signed. Run verify() to see what was changed."


class CorruptEventError(_TemplateError):
    """Stored bytes of an event that do not decode; `verify()` tells more."""

    stream: str
    version: int
    what: str
    _template = (
        "Version {version} of conversation {stream!r} cannot be read: {what}."
        " Run verify() to see what else was changed; the other events are intact."
    )


class EncryptedError(EventLogError):
    """Content that is encrypted, and this log cannot open it; nothing was stored."""


class NoKeyError(EncryptedError):
    """The log was opened without the key-encryption key that the content takes."""

    def __init__(self, stream: str, kek_id: str | None = None) -> None:
        which = "a keyring" if kek_id is None else f"a keyring that has the key {kek_id!r}"
        super().__init__(
            f"Conversation {stream!r} is encrypted. Open the log with {which}."
            " Nothing was read or stored."
        )
        self.stream = stream
        self.kek_id = kek_id


class WrongKeyError(_TemplateError, EncryptedError):
    """The keyring has a key-encryption key of that name, and it opens nothing."""

    stream: str
    kek_id: str
    _template = (
        "The key {kek_id!r} of the keyring does not open the data key of conversation {stream!r}:"
        " it is another one than that which closed it, or the stored key was changed. Nothing was"
        " read or stored. Open the log with the right keyring."
    )


class HeldError(EventLogError):
    """A legal hold keeps the conversation as it is; nothing was erased."""

    def __init__(self, stream: str, held: str) -> None:
        which = "it" if held == stream else f"{held!r}, which shares its content,"
        super().__init__(
            f"Conversation {stream!r} cannot be erased: {which} is under a legal hold. Nothing was"
            " erased. Lift the hold first, if you may."
        )
        self.stream = stream
        self.held = held


class SharedContentError(EventLogError):
    """Other conversations began with what should be erased; nothing was erased."""

    def __init__(self, stream: str, forks: Sequence[str]) -> None:
        names = ", ".join(repr(fork) for fork in forks[:5]) + (", ..." if len(forks) > 5 else "")
        super().__init__(
            f"Conversation {stream!r} was not erased: {names} began with content of it. Erase it"
            " with its forks, or leave it."
        )
        self.stream = stream
        self.forks = tuple(forks)


class ErasedError(_TemplateError):
    """The content asked for was erased for good; that it existed can still be verified."""

    stream: str
    version: int
    _template = (
        "The content of version {version} of conversation {stream!r} was erased."
        " The log shows by whom and why; the content cannot be brought back."
    )


class PoisonEventError(_TemplateError):
    """A view that is made anew strictly cannot take an event; the one before is still read."""

    projection: str
    position: int
    what: str
    _template = (
        "View {projection!r} cannot be made anew: it does not take the event at position"
        " {position} ({what}). The view as it was is untouched. Correct what is wrong, or rebuild"
        " without strict=True: the event is set aside then."
    )


class KeyDestroyedError(ErasedError):
    """The data key that the content takes is not there: it was destroyed, or got lost."""

    key_id: str
    _template = (
        "Version {version} of conversation {stream!r} is encrypted under the data key {key_id!r},"
        " which is not there any more. If nobody erased the conversation, restore the table of"
        " keys from a backup."
    )
