"""Turns: what a user's message began. Here alone it is said where one begins.

Pure. A turn is a user's message and everything up to the next one. What a run within another one
was told, an agent that is a tool on the same session, is no message of the user: it belongs to the
turn that the outer run works for. What comes before the first turn, a system message for example or
what a compaction left, belongs to none.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

from eventlog import Context, ItemsAdded
from eventlog_projections.items.calls import answers, is_user_message

__all__ = ["TurnsRead", "as_added", "is_user_message", "start_of_last", "starts"]


def as_added(items: Sequence[Any], context: Context) -> ItemsAdded:
    """Return the event that adds items; of a run within another one it says so.

    It does where it matters: of a message that would begin a turn.
    """
    is_inner = context.parent_run_id is not None and isinstance(items, (list, tuple))
    return ItemsAdded(items, is_inner and any(map(is_user_message, items)))


class TurnsRead(NamedTuple):
    """The items of a list at a version, and the index of each that begins a turn."""

    version: int
    items: list[Any]
    starts: list[int]

    def numbered(self) -> Iterator[tuple[int, Any]]:
        """Yield each item beside the number of its turn, from 1; 0 before the first one."""
        begins, turn = set(self.starts), 0
        for index, item in enumerate(self.items):
            turn += index in begins
            yield turn, item


def starts(items: Sequence[Any], inner: Collection[int] = ()) -> list[int]:
    """Return the index of each item that begins a turn.

    `inner` are the indexes of what runs within other runs added.
    """
    return [
        index for index, item in enumerate(items) if is_user_message(item) and index not in inner
    ]


def start_of_last(
    items: Sequence[Any], turns: int, *, inner: Collection[int] = (), is_whole_list: bool
) -> int | None:
    """Return the index at which the last `turns` turns begin; None if that is not among `items`.

    Where a call before it would be parted from what answers it, it is the beginning of an earlier
    turn. `items` are the end of a list, or all of it.
    """
    begins = starts(items, inner)[::-1][max(0, turns - 1) :]
    if not begins:
        return None
    parted = _parted(items, is_whole_list=is_whole_list)
    return next((index for index in begins if not parted[index]), None)


def _parted(items: Sequence[Any], *, is_whole_list: bool) -> list[bool]:
    """Tell for each index whether a list that is cut before it parts a call from its answer.

    What answers no call among them may answer one before them, unless they are all there is.
    """
    change = [0] * (len(items) + 1)
    for call, by in answers(items):
        if call is not None or not is_whole_list:
            change[0 if call is None else call + 1] += 1
            change[by + 1] -= 1
    parted: list[bool] = []
    open_ = 0
    for each in change[:-1]:
        open_ += each
        parted.append(open_ > 0)
    return parted
