"""Errors of the database: the call may succeed later, or elsewhere."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

from eventlog.errors.base import EventLogError, TemplateError

_LOST: Final = (
    "The log was put back to an earlier state, or a standby took over that had not everything."
)


class StoreError(EventLogError):
    """The database refused or failed.

    `stream` is the conversation that is concerned; None where that is none, or several.
    """

    stream: str | None = None

    def of(self, stream: str) -> Self:
        """Return the same of a conversation, by its name: another error for each that is told."""
        other = self.saying(f"Conversation {stream!r}: {self}")
        other.stream = stream
        return other


class UnavailableError(StoreError):
    """The database cannot be reached, opened or written right now."""


class BusyError(UnavailableError):
    """The database stayed locked for longer than the timeout allows."""


class InDoubtError(StoreError):
    """A change was sent to the database, and nobody can tell whether it is stored, or will be.

    The only error of a change that does not mean "not stored". `stream` is the conversation. Append
    again with the same `event_id`: what is stored answers again, as `replayed`.
    """

    def __init__(self, stream: str, what: str, why: str, advice: str) -> None:
        super().__init__(
            f"Conversation {stream!r}: it is in doubt whether {what} was stored. {why} {advice}"
        )
        self.stream = stream
        self.what = what
        self.why = why
        self.advice = advice


class ReadOnlyError(StoreError):
    """The file or the database role does not allow writing."""


class FileReplacedError(TemplateError, StoreError):
    """The SQLite file was removed, moved, replaced or cut off while the log was open.

    `path` is the name that is not what it was: the file, one that SQLite keeps beside it, or a link
    to it. The message says whether something was stored.
    """

    message: str
    path: str
    _template = "{message}"


class HistoryLostError(StoreError):
    """An event that was read or written here is not there any more: the log lost what came last.

    It was put back to an earlier state, or a standby took over that had not everything. `stream`
    and `version` are of the event, `position` where a reader of the feed was at it. Nothing was
    stored, and the next call goes on with what there is.
    """

    def __init__(
        self, message: str, stream: str | None = None, version: int = 0, position: int | None = None
    ) -> None:
        super().__init__(message)
        self.stream = stream
        self.version = version
        self.position = position

    @classmethod
    def at(cls, position: int, stream: str, version: int) -> Self:
        """Return what a reader of the feed is told that has been at a position."""
        return cls(
            f"The event at position {position}, version {version} of conversation {stream!r}, was"
            f" read here and is not there any more. {_LOST} Decide where to go on: positions up to"
            f" {position} may be of other events now.",
            stream,
            version,
            position,
        )

    @classmethod
    def of_stream(cls, stream: str, version: int, head: int) -> Self:
        """Return what a writer is told that has seen a version."""
        return cls(
            f"Conversation {stream!r} is at version {head}, and its version {version}, which was"
            f" read or written here, is not there any more. {_LOST} Nothing was stored. Read the"
            " conversation anew, and decide whether your change still applies.",
            stream,
            version,
        )


class ReplicaBehindError(UnavailableError):
    """The server is a replica that has not yet got what another server had, and may get it.

    `position` was reached there, `end` is how far this one is.
    """

    def __init__(self, position: int, end: int) -> None:
        super().__init__(
            f"The server is a replica that is behind: position {position} was reached elsewhere,"
            f" and it has not got further than {end}. Wait, or read from the primary."
        )
        self.position = position
        self.end = end


class BeyondEndError(TemplateError, StoreError):
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


class RefusedValueError(TemplateError, StoreError):
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


class WaitTimeoutError(TemplateError, StoreError, TimeoutError):
    """The feed did not reach the position in time; it may do so later.

    `reached` is how far it was.
    """

    position: int
    timeout: float
    reached: int
    _template = (
        "The feed did not reach position {position} within {timeout:g} s; it is at {reached}."
        " Wait longer; or see whether that many events were appended, whether the server is a"
        " replica that is behind, and whether the log was put back to an earlier state."
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


class BrokenBackupError(TemplateError, StoreError):
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
