"""The writer's clock: what it may tell."""

import time
from collections.abc import Callable
from typing import Final, cast

from eventlog.errors import ClockAheadError, InvalidOptionError

MAX_CLOCK_LEAD: Final = 60_000_000
"""How far a writer's clock may run ahead of the database's, in microseconds."""


def now() -> int:
    """Return the time in microseconds since 1970 UTC."""
    return time.time_ns() // 1000


def read(clock: Callable[[], int]) -> int:
    """Return what a clock tells, in microseconds since 1970 UTC.

    Raises InvalidOptionError for what is no time, and ClockAheadError for one that this machine has
    not reached: it would be that of all that comes after.
    """
    told = clock()
    if isinstance(told, bool) or not isinstance(cast(object, told), int) or told < 0:
        raise InvalidOptionError(
            f"clock returns microseconds since 1970 UTC as an integer, not {told!r}."
            " Nothing was stored."
        )
    if (lead := told - now()) > MAX_CLOCK_LEAD:
        raise ClockAheadError(ahead(lead, "this machine"))
    return told


def ahead(lead: int, of: str) -> str:
    """Say that a clock runs `lead` microseconds ahead of another one."""
    return (
        f"The writer's clock is {lead / 1e6:.0f} s ahead of that of {of}; at most"
        f" {MAX_CLOCK_LEAD / 1e6:.0f} s are accepted, or the conversation's time would run ahead"
        " for good. Nothing was stored. Set the clock, or give the log one that counts"
        " microseconds."
    )
