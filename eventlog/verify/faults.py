"""The result of a verification: faults, counts and an exit code."""

from collections.abc import Callable
from typing import Final, Literal

import msgspec

from eventlog.format.names import MAIN
from eventlog.plurals import count
from eventlog.verify.diagnosis import Problem

SOUND: Final = 0
BROKEN: Final = 1
COULD_NOT_CHECK: Final = 2

OnProgress = Callable[[int], None]
"""Called with the number of events of conversations that were checked so far."""


Subject = Literal["protection", "tree", "keys", "signature"]
"""What a warning is about: what guards the log, what can be made anew, or who signed."""


class Fault(msgspec.Struct, frozen=True):
    """A difference from what was appended: at most one, the first, of each branch.

    A fault of the feed, its tree or a head has a `position`.
    """

    stream: str
    version: int
    problem: Problem
    detail: str
    branch: str = MAIN
    position: int | None = None
    tenant: str | None = None
    """Whose it is, where all tenants were verified."""

    def __str__(self) -> str:
        of = f" branch {self.branch!r}," if self.branch else ""
        whose = "" if self.tenant is None else f"tenant {self.tenant!r}, "
        parts = [
            f"{whose}conversation {self.stream!r},{of} version {self.version}"
            if self.stream
            else "",
            "" if self.position is None else f"position {self.position} of the feed",
        ]
        return f"{', '.join(filter(None, parts))}: {self.problem}, {self.detail}"


class VerifyWarning(msgspec.Struct, frozen=True):
    """What is not as it should be, though nothing that was recorded was changed by it."""

    what: Subject
    detail: str
    stream: str = ""
    """A conversation, or a stream_id in hexadecimal where no conversation has it; or nothing."""
    branch: str = MAIN
    tenant: str | None = None

    def __str__(self) -> str:
        of = f", branch {self.branch!r}" if self.branch else ""
        whose = "" if self.tenant is None else f"tenant {self.tenant!r}, "
        return (
            f"{whose}conversation {self.stream!r}{of}: {self.detail}"
            if self.stream
            else (self.detail)
        )


class PendingPurge(msgspec.Struct, frozen=True):
    """A view that may still hold what was erased from a conversation."""

    stream: str
    branch: str
    view: str
    schema: int

    def __str__(self) -> str:
        of = f" branch {self.branch!r}," if self.branch else ""
        return (
            f"conversation {self.stream!r},{of} was erased, and view {self.view!r} (schema"
            f" {self.schema}) may still hold something of it. `eventlog worker` purges it, or"
            f" `eventlog rebuild {self.view}`"
        )


class Verification(msgspec.Struct, frozen=True):
    """How much was checked, and what is wrong."""

    conversations: int
    """A branch counts as one of its own."""
    events: int
    faults: tuple[Fault, ...] = ()
    pending: tuple[PendingPurge, ...] = ()
    """What is erased from the log, and maybe not yet from a view: no fault of any event."""
    warnings: tuple[VerifyWarning, ...] = ()
    """What leaves the log less guarded than it should be: no fault, and nothing was changed."""
    erased: int = 0
    """How many of the events have no content any more."""
    since: int | None = None
    """The position behind which events were checked; None: all were."""

    def __str__(self) -> str:
        found = count(len(self.faults), "fault") if self.faults else "sound"
        found += f", {count(len(self.pending), 'pending purge')} of views" if self.pending else ""
        found += f", {count(len(self.warnings), 'warning')}" if self.warnings else ""
        counted = count(self.events, "event")
        counted += f", {self.erased} of them erased" if self.erased else ""
        behind = "" if self.since is None else f" behind position {self.since:,}"
        return f"{count(self.conversations, 'conversation')}, {counted}{behind}: {found}"

    @property
    def ok(self) -> bool:
        """Whether no fault was found."""
        return not self.faults

    @property
    def exit_code(self) -> int:
        """0: sound; 1: broken; 2: no fault but events that this release cannot check."""
        if self.ok:
            return SOUND
        unknown = all(fault.problem == "unknown" for fault in self.faults)
        return COULD_NOT_CHECK if unknown else BROKEN
