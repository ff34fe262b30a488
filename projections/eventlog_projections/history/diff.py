"""What two versions of a list differ in."""

from datetime import datetime
from typing import Any, NamedTuple

from eventlog.format.codec import encode_json
from eventlog_projections.conversation import Conversation


class Diff(NamedTuple):
    """How one list becomes another: behind the first `common` items, some go and others come."""

    common: int
    """How many items both begin with."""
    removed: list[Any]
    added: list[Any]


async def diff(
    chat: Conversation, a: int | datetime | None = None, b: int | datetime | None = None
) -> Diff:
    """Compare the list at `a` with the list at `b`: versions or aware datetimes, None for now.

    Items are compared by what they say, not by which event brought them. Raises
    InvalidMomentError.
    """
    before, after = await chat.items(as_of=a), await chat.items(as_of=b)
    common = 0
    for one, other in zip(before, after, strict=False):
        if encode_json(one) != encode_json(other):  # In Python 1 is True, and NaN is not NaN.
            break
        common += 1
    return Diff(common, before[common:], after[common:])
