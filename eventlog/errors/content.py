"""Errors of what is stored, what may be done with it, and of what is not the log's own."""

from collections.abc import Sequence

from eventlog.errors.base import EventLogError, TemplateError


class ConflictError(TemplateError):
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


class EventIdReusedError(TemplateError):
    """An event_id that already names other content in this conversation; nothing was stored."""

    stream: str
    event_id: str
    _template = (
        "Event id {event_id!r} was already used in conversation {stream!r} for other content."
        " Give each new event an id of its own."
    )


class ArchivedError(TemplateError):
    """The conversation is closed to writers; nothing was stored."""

    stream: str
    version: int
    _template = (
        "Conversation {stream!r} was archived, by version {version}: it takes nothing any more, and"
        " nothing was stored. Unarchive it to go on, or begin another one."
    )


class ConcurrentRunError(TemplateError):
    """Another run is at work on the conversation, and this one was to be refused then."""

    stream: str
    run_id: str
    _template = (
        "Conversation {stream!r} has another run at work ({run_id}); this one was not begun, and"
        " nothing was stored. Begin it again when that one is over, or let runs wait for each"
        ' other: concurrent_runs="wait".'
    )


class SourceError(EventLogError):
    """Another store, to be imported, that cannot be read; it was left untouched."""


class PublishingError(EventLogError):
    """A head, or evidence, was made and could not be handed on."""


class UnsoundError(EventLogError):
    """What should be erased, or signed for, is not as it was written; it was left as it is.

    `stream` is the conversation, None for the log as a whole; `faults` say what verify() found.
    """

    def __init__(self, stream: str | None, faults: Sequence[str], undone: str) -> None:
        what = "The log" if stream is None else f"Conversation {stream!r}"
        more = f", and {len(faults) - 1} more" if len(faults) > 1 else ""
        super().__init__(
            f"{what} is not as it was written: {faults[0]}{more}. {undone}."
            " Find out who changed it, with verify() and with a backup."
        )
        self.stream = stream
        self.faults = tuple(faults)


class BrokenTreeError(TemplateError):
    """The feed or its tree is not what was there when it was read before; nothing was signed."""

    what: str
    _template = "{what}. Nothing was signed. Run verify() to see what was changed."


class CorruptEventError(TemplateError):
    """Stored bytes of an event that do not decode; `verify()` tells more."""

    stream: str
    version: int
    what: str
    _template = (
        "Version {version} of conversation {stream!r} cannot be read: {what}."
        " Run verify() to see what else was changed; the other events are intact."
    )


class ContentTooLargeError(CorruptEventError):
    """A body that inflates to more than the bound; it is not held in memory any further."""

    _template = (
        "Version {version} of conversation {stream!r} cannot be read: {what}. If it was recorded"
        " so, open the log with a higher bound; otherwise run verify(). The other events are"
        " intact."
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


class WrongKeyError(TemplateError, EncryptedError):
    """The keyring has a key-encryption key of that name, and it opens nothing."""

    stream: str
    kek_id: str
    _template = (
        "The key {kek_id!r} of the keyring does not open the data key of conversation {stream!r}:"
        " it is another one than that which closed it, or the stored key was changed. Nothing was"
        " read or stored. Open the log with the right keyring."
    )


class KeyRingError(EncryptedError):
    """The keyring failed, as a key service that is down; nothing was read or stored.

    What it raised is the cause, and `said` its words. That says nothing of the content, which opens
    once the keyring works. `kek_id` is the key-encryption key, "" where it could not be named.
    """

    def __init__(self, stream: str, kek_id: str, what: str, said: str) -> None:
        under = f" under the key {kek_id!r}" if kek_id else ""
        super().__init__(
            f"The keyring could not {what} of conversation {stream!r}{under} ({said}). Nothing was"
            " read or stored. See to the keyring, or to the service that it asks, and call again."
        )
        self.stream = stream
        self.kek_id = kek_id
        self.said = said


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


class ErasedError(TemplateError):
    """The content asked for was erased for good; that it existed can still be verified."""

    stream: str
    version: int
    _template = (
        "The content of version {version} of conversation {stream!r} was erased."
        " The log shows by whom and why; the content cannot be brought back."
    )


class ErasedMeanwhileError(ErasedError):
    """What a writer had read was erased before it wrote; nothing was stored."""

    _template = (
        "Conversation {stream!r} was erased, by version {version}, after its writer had read it:"
        " what follows from that may repeat what is gone. Nothing was stored. Read it anew, or"
        " begin another run."
    )


class PoisonEventError(TemplateError):
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
