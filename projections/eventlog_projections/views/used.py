"""What model calls used: numbers that are recorded, and added up. Pure."""

from typing import Final, TypeVar

import msgspec

from eventlog.events import UsageRecorded
from eventlog_projections.views.row import Row


class Used(Row, frozen=True, kw_only=True):
    """Numbers are tokens, but for `requests`; what is cached is part of the input."""

    requests: int = 0
    input_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    total_tokens: int = 0


COUNTS: Final = Used.__struct_fields__

UsedT = TypeVar("UsedT", bound=Used)


def plus(before: UsedT, used: UsageRecorded) -> UsedT:
    """Add what an event counted."""
    added = {name: getattr(before, name) + getattr(used, name) for name in COUNTS}
    return msgspec.structs.replace(before, **added)


def minus(before: UsedT, used: Used) -> UsedT:
    """Take off what a row counted."""
    rest = {name: getattr(before, name) - getattr(used, name) for name in COUNTS}
    return msgspec.structs.replace(before, **rest)


def counts_of(used: UsageRecorded | Used) -> dict[str, int]:
    """Return the numbers of an event, or of a row."""
    return {name: getattr(used, name) for name in COUNTS}
