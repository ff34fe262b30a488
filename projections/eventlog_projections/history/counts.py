"""The arithmetic of what was used: requests and tokens, field by field. Pure."""

import operator
from typing import NamedTuple

from eventlog.events import UsageRecorded


class Counts(NamedTuple):
    """How much was used: the numbers of a UsageRecorded."""

    requests: int = 0
    input_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    total_tokens: int = 0

    @classmethod
    def recorded(cls, used: UsageRecorded) -> "Counts":
        """Return the numbers of an event."""
        return cls(*(getattr(used, name) for name in cls._fields))

    def plus(self, other: "Counts") -> "Counts":
        """Return the sum."""
        return Counts(*map(operator.add, self, other))

    def minus(self, other: "Counts") -> "Counts":
        """Return the difference, where it is negative 0."""
        return Counts(*(max(0, mine - its) for mine, its in zip(self, other, strict=True)))

    def within(self, other: "Counts") -> "Counts":
        """Return the lesser of each two numbers."""
        return Counts(*map(min, self, other))
