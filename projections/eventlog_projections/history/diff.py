"""What two versions of a list differ in."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from eventlog.format.codec import encode_json
from eventlog_projections.history.salvage import Unreadable, read_intact, size
from eventlog_projections.stream import Stream


class Diff(NamedTuple):
    """How one list becomes another: behind the first `common` items, some go and others come."""

    common: int
    """How many items both begin with."""
    removed: list[Any]
    added: list[Any]
    unreadable: tuple[Unreadable, ...] = ()
    """What of both cannot be read. It stands in its place among the others, too."""

    @property
    def total(self) -> int:
        """How many items the list has that the other one becomes."""
        return self.common + sum(map(size, self.added))


async def diff(stream: Stream, a: int | datetime | None, b: int | datetime | None) -> Diff:
    """Compare the list at `a` with the list at `b`, as far as they can be read.

    Raises InvalidMomentError.
    """
    return compare((await read_intact(stream, a)).items, (await read_intact(stream, b)).items)


def compare(before: Sequence[Any], after: Sequence[Any]) -> Diff:
    """Tell how one list becomes the other: two moments of one, or those of two branches."""
    shared = 0
    for one, other in zip(before, after, strict=False):
        if not _is_same(one, other):
            break
        shared += 1
    lost = {str(each): each for each in (*before, *after) if isinstance(each, Unreadable)}
    common = sum(map(size, before[:shared]))
    return Diff(common, list(before[shared:]), list(after[shared:]), tuple(lost.values()))


def _is_same(one: Any, other: Any) -> bool:
    if isinstance(one, Unreadable) or isinstance(other, Unreadable):
        return str(one) == str(other)
    # In Python 1 is True, and NaN is not NaN.
    return encode_json(one) == encode_json(other)
