"""The history of a conversation for whoever follows it: what is there, and then what has come."""

from typing import Final

from eventlog import EventLog, Results
from eventlog.format.names import MAIN
from eventlog.paging import PAGE, Paged
from eventlog_projections.history.events import HistoryEvent, entry_of, gap_before
from eventlog_projections.history.timeline import Timeline
from eventlog_projections.stream import Stream


class HistoryTail:
    """Tells every event once, those that are there and then those that come.

    What becomes of an item is told by later events: `is_listed` is False, and `hidden` is 0. Keeps
    a few numbers of each event. Raises InvalidNameError.
    """

    def __init__(self, log: EventLog, name: str, branch: str = MAIN) -> None:
        self._stream: Final = Stream(log, name, branch)
        self._timeline: Final = Timeline()

    @property
    def version(self) -> int:
        """The version of the last event that was told."""
        return self._timeline.version

    def more(self) -> Results[HistoryEvent]:
        """Iterate over the events behind those that were told, as far as they are there now.

        A page is read before its first event is told, and counts as told then.
        """
        return Paged(self._next, size=1)

    async def _next(self, _last: HistoryEvent | None) -> list[HistoryEvent]:
        """Return the entries of the next page of events; none at the end."""
        found: list[HistoryEvent] = []
        async for recorded in await self._stream.events(after=self.version):
            if (gap := gap_before(self._timeline, recorded)) is not None:
                found.append(gap)
            found.append(entry_of(self._timeline, recorded, lambda _: range(0)))
            if len(found) >= PAGE:
                break
        return found
