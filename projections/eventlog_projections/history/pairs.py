"""Calls and what answered them, over everything that was ever in a list: `items.calls`, by event.

Pure.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from eventlog_projections.items.calls import id_of, is_answer, is_call, is_user_message


class Place(NamedTuple):
    """An item: the version of the event that brought it, and its place in the batch."""

    version: int
    item: int


class Pair(NamedTuple):
    """The item at `answer` answers the call at `call`."""

    call: Place
    answer: Place


class Pairs:
    """Finds the call of each answer, event by event, as `items.calls.answers` does in one list."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[tuple[int, Place]]] = defaultdict(list)
        self._turn = 0

    def take(self, version: int, items: Sequence[Any]) -> list[Pair]:
        """Return the pairs whose answer is among the items that an event brought."""
        found: list[Pair] = []
        for index, item in enumerate(items):
            place = Place(version, index)
            if is_user_message(item):
                self._turn += 1
            elif is_call(item):
                self._waiting[id_of(item)].append((self._turn, place))
            elif is_answer(item) and (call := self._answered(id_of(item))) is not None:
                found.append(Pair(call, place))
        return found

    def _answered(self, call_id: str) -> Place | None:
        """Take the first call of the latest turn that has one waiting under an id."""
        waiting = self._waiting[call_id]
        latest = waiting[-1][0] if waiting else 0
        first = next((n for n, (asked, _) in enumerate(waiting) if asked == latest), None)
        return None if first is None else waiting.pop(first)[1]
