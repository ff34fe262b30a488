"""What two versions of a list differ in."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from eventlog.format.codec import encode_json
from eventlog_projections.stream import Stream


class Diff(NamedTuple):
    """How one list becomes another: behind the first `common` items, some go and others come."""

    common: int
    """How many items both begin with."""
    removed: list[Any]
    added: list[Any]


async def diff(stream: Stream, a: int | datetime | None, b: int | datetime | None) -> Diff:
    """Compare the list at `a` with the list at `b`. Raises InvalidMomentError."""
    return difference((await stream.read(as_of=a)).items, (await stream.read(as_of=b)).items)


def difference(before: Sequence[Any], after: Sequence[Any]) -> Diff:
    """Compare two lists."""
    common = 0
    for one, other in zip(before, after, strict=False):
        if encode_json(one) != encode_json(other):  # In Python 1 is True, and NaN is not NaN.
            break
        common += 1
    return Diff(common, list(before[common:]), list(after[common:]))
