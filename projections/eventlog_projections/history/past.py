"""What is asked of a conversation's past."""

from datetime import datetime

from eventlog import Results
from eventlog_projections.history import diff, events, moments, turn_usage
from eventlog_projections.history.diff import Diff
from eventlog_projections.history.events import HistoryEvent
from eventlog_projections.history.turn_usage import TurnUsage
from eventlog_projections.items.turns import TurnsRead, starts
from eventlog_projections.stream import OnStream


class Past(OnStream):
    """Answers from all events of a conversation, or of a branch; changes nothing."""

    def history(self, *, after: int = 0) -> Results[HistoryEvent]:
        """Iterate over every event there is, in order; one that cannot be read has an `error`.

        With `after` only over those behind that version: no content of others is decoded.
        """
        return events.history(self._stream, after=after)

    async def diff(self, a: int | datetime | None = None, b: int | datetime | None = None) -> Diff:
        """Compare the list at `a` with the list at `b`: versions or aware datetimes, None for now.

        Items are compared by what they say, not by which event brought them. What cannot be read,
        because it was changed, is an `Unreadable` in its place. Raises InvalidMomentError.
        """
        return await diff.diff(self._stream, a, b)

    async def moments(self, version: int) -> list[datetime]:
        """Return when each item of the list at a version was recorded, in its order."""
        return await moments.moments(self._stream, version)

    async def turns(self, *, as_of: int | datetime | None = None) -> TurnsRead:
        """Return the items, and where among them turns begin."""
        seen = await self._stream.read(as_of=as_of)
        return TurnsRead(seen.version, seen.items, starts(seen.items, seen.inner))

    async def usage_by_turn(self) -> list[TurnUsage]:
        """Return what was recorded as used on this branch, oldest first.

        A run's counts for the turn that it began, or the run that it ran within; otherwise for the
        last one. A turn that was undone has used what it used: it counts for the turn that had its
        number. What a fork's parent used, the parent has. What was erased is not known any more. An
        event that cannot be read, because it was changed, is an entry with an `error`.
        """
        return await turn_usage.usage_by_turn(self._stream)
