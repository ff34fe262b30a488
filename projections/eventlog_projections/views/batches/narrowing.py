"""How many events a generation takes at a time, since the database refused a value of its rows.

Pure. A batch is halved until one event is refused by itself, and doubled again behind it: a bad
event costs about twice as many transactions as the batch has halvings.
"""

from collections.abc import Collection, Iterable

from eventlog_projections.views.plan import Key


class Narrowing:
    """The generations that go by themselves, with a maximum of events for each."""

    def __init__(self) -> None:
        self._limits: dict[Key, int] = {}

    @property
    def alone(self) -> Collection[Key]:
        """The generations whose batches are no others'."""
        return self._limits.keys()

    def limit(self, keys: Iterable[Key], most: int) -> int:
        """Return how many events these generations take together."""
        return min([most, *(self._limits[key] for key in keys if key in self._limits)])

    def is_found(self, keys: Collection[Key], events: int) -> bool:
        """Note that a batch was refused; tell whether it is one event of one generation."""
        is_alone = len(keys) == 1
        for key in keys:
            self._limits[key] = max(1, events // 2) if is_alone else events
        return is_alone and events <= 1

    def widen(self, keys: Iterable[Key], most: int) -> None:
        """Note that a batch was stored."""
        for key in keys:
            if key in self._limits:
                self._limits[key] *= 2
                if self._limits[key] >= most:
                    del self._limits[key]
