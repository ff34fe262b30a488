"""What the last reads of a list showed to a caller who replaces it by plain calls."""

from collections import deque
from typing import NamedTuple

from eventlog import Appended


class Part(NamedTuple):
    """The first `known` of the `total` items of the list at `version`."""

    version: int
    known: int
    total: int


class LastReads:
    """Tracks which part of the list a caller has read, who compacts by plain calls.

    The SDK reads what it will compact, asks the API, reads again and replaces at once: what others
    appended in between is in its second read and not in what it compacted. So what counts is the
    read before the last one, and what was added through the same session directly behind it.
    """

    def __init__(self) -> None:
        self._parts: deque[Part] = deque(maxlen=2)

    @property
    def part(self) -> Part | None:
        """What the caller has read; None if nothing."""
        return self._parts[0] if self._parts else None

    def read(self, version: int, total: int) -> None:
        """Track a read of the whole list."""
        self._parts.append(Part(version, total, total))

    def added(self, appended: Appended, items: int) -> None:
        """Track an append of so many items through the same session."""
        for index, (version, known, total) in enumerate(self._parts):
            if appended.first == version + 1 and known == total:
                self._parts[index] = Part(appended.last, known + items, total + items)

    def replaced(self, part: Part) -> None:
        """Track a replacement: the list is now this part."""
        self._parts.clear()
        self._parts.append(part)
