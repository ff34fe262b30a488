"""The result of a verification: faults, counts and an exit code."""

from collections.abc import Callable
from typing import Final

import msgspec

from eventlog.format.names import MAIN
from eventlog.verify.diagnosis import Problem

SOUND: Final = 0
BROKEN: Final = 1
COULD_NOT_CHECK: Final = 2

OnProgress = Callable[[int], None]
"""Called with the number of events of conversations that were checked so far."""


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

    def __str__(self) -> str:
        of = f" branch {self.branch!r}," if self.branch else ""
        parts = [
            f"conversation {self.stream!r},{of} version {self.version}" if self.stream else "",
            "" if self.position is None else f"position {self.position} of the feed",
        ]
        return f"{', '.join(filter(None, parts))}: {self.problem}, {self.detail}"


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
    erased: int = 0
    """How many of the events have no content any more."""

    def __str__(self) -> str:
        found = f"{len(self.faults)} faults" if self.faults else "sound"
        found += f", {len(self.pending)} purges of views are pending" if self.pending else ""
        counted = f"{self.events} events"
        counted += f", {self.erased} of them erased" if self.erased else ""
        return f"{self.conversations} conversations, {counted}: {found}"

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
