"""What each turn of a conversation used: every usage that was recorded, by the turn it fell in."""

from itertools import accumulate
from typing import NamedTuple

from eventlog import ItemsAdded, ItemsReplaced, RecordedEvent
from eventlog.events import ConversationForked, UsageRecorded
from eventlog_projections.history.timeline import Span, Timeline, spans
from eventlog_projections.items.turns import is_user_message
from eventlog_projections.stream import Stream


class TurnUsage(NamedTuple):
    """Something was used in the turn of this number."""

    turn: int
    used: UsageRecorded


async def usage_by_turn(stream: Stream) -> list[TurnUsage]:
    """Return what was recorded on this branch, oldest first.

    A turn that was undone has used what it used: it counts for the turn that had its number. What a
    fork's parent used, the parent has. What was erased is not known any more.
    """
    messages = _UserMessages(stream)
    found: list[TurnUsage] = []
    async for recorded in await stream.events():
        await messages.take(recorded)
        if recorded.is_erased:
            continue
        if isinstance(used := recorded.event, UsageRecorded):
            found.append(TurnUsage(max(0, messages.listed() - used.turns_ago), used))
    return found


class _UserMessages:
    """Counts the user's messages of a list, event by event."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._timeline = Timeline()
        self._before: dict[int, list[int]] = {}
        """For the items of each version, how many user's messages stand before each."""

    async def take(self, recorded: RecordedEvent) -> None:
        self._timeline.take(recorded)
        if recorded.kind == ConversationForked.kind:
            # What it began with is what the timeline calls the items of version 0.
            self._note(0, (await self._stream.read(as_of=recorded.version)).items)
        elif recorded.is_erased:
            self._note(recorded.version, [None] * (recorded.header.items or 0))
        elif isinstance(event := recorded.event, ItemsAdded | ItemsReplaced):
            self._note(recorded.version, list(event.items))

    def listed(self) -> int:
        """Return how many there are in the list now."""
        return sum(map(self._within, spans(self._timeline.now)))

    def _note(self, version: int, items: list[object]) -> None:
        self._before[version] = [0, *accumulate(map(is_user_message, items))]

    def _within(self, span: Span) -> int:
        before = self._before[span.version]
        return before[span.stop] - before[span.start]
