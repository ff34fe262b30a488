"""What each turn of a conversation used: every usage that was recorded, by the turn it fell in."""

from itertools import accumulate
from typing import NamedTuple

from eventlog import Context, ItemsAdded, ItemsReplaced, RecordedEvent
from eventlog.events import ConversationForked, UsageRecorded
from eventlog_projections.history.timeline import Span, Timeline, spans
from eventlog_projections.items.turns import starts
from eventlog_projections.stream import Stream


class TurnUsage(NamedTuple):
    """Something was used in the turn of this number."""

    turn: int
    used: UsageRecorded


async def usage_by_turn(stream: Stream) -> list[TurnUsage]:
    """Return what was recorded on this branch, oldest first.

    A run's counts for the turn that it began, or the run that it ran within; otherwise for the last
    one. A turn that was undone has used what it used: it counts for the turn that had its number.
    What a fork's parent used, the parent has. What was erased is not known any more.
    """
    turns = _Turns(stream)
    found: list[TurnUsage] = []
    async for recorded in await stream.events():
        await turns.take(recorded)
        if recorded.is_erased:
            continue
        if isinstance(used := recorded.event, UsageRecorded):
            turn = turns.turn_of(recorded.context) or turns.listed() - used.turns_ago
            found.append(TurnUsage(max(0, turn), used))
    return found


class _Turns:
    """Counts the turns of a list, event by event."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._timeline = Timeline()
        self._before: dict[int, list[int]] = {}
        """For the items of each version, how many turns begin before each."""
        self._runs: dict[str, tuple[int, int]] = {}
        """For each run, version and index of what began its last turn."""

    async def take(self, recorded: RecordedEvent) -> None:
        self._timeline.take(recorded)
        if recorded.kind == ConversationForked.kind:
            # What it began with is what the timeline calls the items of version 0.
            seen = await self._stream.read(as_of=recorded.version)
            self._note(0, len(seen.items), starts(seen.items, seen.inner))
        elif recorded.is_erased:
            self._note(recorded.version, recorded.header.items or 0, [])
        elif isinstance(event := recorded.event, ItemsAdded | ItemsReplaced):
            begins = [] if recorded.header.inner else starts(event.items)
            self._note(recorded.version, len(event.items), begins)
            if begins and (run := recorded.context.run_id) is not None:
                self._runs[run] = (recorded.version, begins[-1])

    def listed(self) -> int:
        """Return how many there are in the list now."""
        return sum(map(self._within, spans(self._timeline.now)))

    def turn_of(self, context: Context) -> int:
        """Return the number of the turn that a run works for; 0 if none of it is in the list."""
        for run in filter(None, (context.run_id, context.parent_run_id)):
            if (begun := self._runs.get(run)) is not None and (number := self._number(*begun)):
                return number
        return 0

    def _number(self, version: int, index: int) -> int:
        number = 0
        for span in spans(self._timeline.now):
            if span.version == version and span.start <= index < span.stop:
                before = self._before[version]
                return number + before[index + 1] - before[span.start]
            number += self._within(span)
        return 0

    def _note(self, version: int, items: int, begins: list[int]) -> None:
        flags = [0] * items
        for index in begins:
            flags[index] = 1
        self._before[version] = [0, *accumulate(flags)]

    def _within(self, span: Span) -> int:
        before = self._before[span.version]
        return before[span.stop] - before[span.start]
