"""What each turn of a conversation used: every usage that was recorded, by the turn it fell in."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from eventlog import Context, EventLogError, ItemsAdded, ItemsReplaced
from eventlog.errors import CorruptEventError
from eventlog.events import ConversationForked, UsageRecorded
from eventlog_projections.history.events import Told, take, tell
from eventlog_projections.history.salvage import read_intact, size
from eventlog_projections.history.timeline import Span, Timeline, spans
from eventlog_projections.items.turns import starts
from eventlog_projections.stream import Stream


class TurnUsage(NamedTuple):
    """Something was used in the turn of this number, or an event there cannot be read."""

    turn: int
    used: UsageRecorded | None
    """None: it is not known what the event was."""
    error: EventLogError | None = None
    """Why it cannot be read, or is missing: it counts as if it had held no user's message."""


async def usage_by_turn(stream: Stream) -> list[TurnUsage]:
    """Return what was recorded on this branch, oldest first; one bad event hides no other.

    A run's counts for the turn that it began, or the run that it ran within; otherwise for the last
    one. A turn that was undone has used what it used: it counts for the turn that had its number.
    What a fork's parent used, the parent has. What was erased is not known any more.
    """
    turns = _Turns(stream)
    found: list[TurnUsage] = []
    async for told in tell(stream):
        unfolded = await turns.take(told)
        error = told.error or unfolded
        if error is not None:
            found.append(TurnUsage(turns.listed(), None, error))
        elif isinstance(used := told.event, UsageRecorded):
            turn = turns.turn_of(told.context) or turns.listed() - used.turns_ago
            found.append(TurnUsage(max(0, turn), used))
    return found


class _Turns:
    """Counts the turns of a list, event by event."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._timeline = Timeline()
        self._at: dict[int, list[int]] = {}
        """Which items of each version begin turns, as indexes; none of what is gone."""
        self._runs: dict[str, tuple[int, int]] = {}
        """For each run, version and index of what began its last turn."""

    async def take(self, told: Told) -> CorruptEventError | None:
        """Take the next event. Returns why it cannot be folded, if it cannot."""
        recorded, event = told.recorded, told.event
        if recorded is None:
            return None
        _, error = take(self._timeline, recorded)
        if error is None and recorded.kind == ConversationForked.kind:
            # What it began with is what the timeline calls the items of version 0.
            seen = await read_intact(self._stream, recorded.version)
            self._note(0, seen.items, starts(seen.items, seen.inner))
        elif isinstance(event, ItemsAdded | ItemsReplaced):
            is_inner = isinstance(event, ItemsAdded) and event.inner
            self._note(recorded.version, event.items, [] if is_inner else starts(event.items))
            self._began(recorded.version, told.context)
        return error

    def listed(self) -> int:
        """Return how many there are in the list now."""
        return sum(map(self._within, spans(self._timeline.now)))

    def turn_of(self, context: Context | None) -> int:
        """Return the number of the turn that a run works for; 0 if none of it is in the list."""
        for run in () if context is None else (context.run_id, context.parent_run_id):
            begun = None if run is None else self._runs.get(run)
            if begun is not None and (number := self._number(*begun)):
                return number
        return 0

    def _number(self, version: int, index: int) -> int:
        """Return the number of the turn that an item begins; 0 if it is not in the list."""
        number = 0
        for span in spans(self._timeline.now):
            if span.version == version and span.start <= index < span.stop:
                return number + self._within(span._replace(stop=index + 1))
            number += self._within(span)
        return 0

    def _began(self, version: int, context: Context | None) -> None:
        if self._at[version] and context is not None and context.run_id is not None:
            self._runs[context.run_id] = (version, self._at[version][-1])

    def _note(self, version: int, items: Sequence[object], begins: Sequence[int]) -> None:
        places = [0, *accumulate(map(size, items))]
        self._at[version] = [places[index] for index in begins]

    def _within(self, span: Span) -> int:
        found = self._at.get(span.version, [])
        return bisect_left(found, span.stop) - bisect_left(found, span.start)
