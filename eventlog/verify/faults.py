"""What a check of a log finds."""

from collections.abc import Callable
from typing import Final

import msgspec

from eventlog.format.names import MAIN
from eventlog.verify.diagnosis import Problem

SOUND: Final = 0
BROKEN: Final = 1
COULD_NOT_CHECK: Final = 2

Progress = Callable[[int], None]
"""Told how many events of conversations were checked so far."""


class Fault(msgspec.Struct, frozen=True):
    """Something that is not what was appended: at most one, the first, of each branch.

    What is wrong with the feed, its tree or a head has a `position`.
    """

    stream: str
    version: int
    problem: Problem
    detail: str
    branch: str = MAIN
    position: int | None = None

    def __str__(self) -> str:
        of = f" branch {self.branch!r}," if self.branch else ""
        places = [
            f"conversation {self.stream!r},{of} version {self.version}" if self.stream else "",
            "" if self.position is None else f"position {self.position} of the feed",
        ]
        return f"{', '.join(filter(None, places))}: {self.problem}, {self.detail}"


class Verification(msgspec.Struct, frozen=True):
    """What was checked and what was found."""

    conversations: int
    """A branch counts as one of its own."""
    events: int
    faults: tuple[Fault, ...] = ()

    def __str__(self) -> str:
        found = f"{len(self.faults)} faults" if self.faults else "sound"
        return f"{self.conversations} conversations, {self.events} events: {found}"

    @property
    def ok(self) -> bool:
        """Whether everything that was checked is as it was appended."""
        return not self.faults

    @property
    def exit_code(self) -> int:
        """0 sound; 1 broken; 2 if all that is wrong is that this release cannot check something."""
        if self.ok:
            return SOUND
        unknown = all(fault.problem == "unknown" for fault in self.faults)
        return COULD_NOT_CHECK if unknown else BROKEN
