"""What each turn of a conversation used: every usage that was recorded, by the turn it fell in."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from eventlog import EventLogError, ItemsAdded, ItemsReplaced
from eventlog.errors import CorruptEventError
from eventlog.events import ConversationForked, UsageRecorded
from eventlog_projections.history.events import Told, take, tell
from eventlog_projections.history.salvage import read_intact, size
from eventlog_projections.history.timeline import Span, Timeline, spans
from eventlog_projections.items.turns import is_user_message
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

    A turn that was undone has used what it used: it counts for the turn that had its number. What a
    fork's parent used, the parent has. What was erased is not known any more.
    """
    messages = _UserMessages(stream)
    found: list[TurnUsage] = []
    async for told in tell(stream):
        unfolded = await messages.take(told)
        error = told.error or unfolded
        if error is not None:
            found.append(TurnUsage(messages.listed(), None, error))
        elif isinstance(used := told.event, UsageRecorded):
            found.append(TurnUsage(max(0, messages.listed() - used.turns_ago), used))
    return found


class _UserMessages:
    """Counts the user's messages of a list, event by event."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._timeline = Timeline()
        self._at: dict[int, list[int]] = {}
        """Which items of each version are user's messages, as indexes; none of what is gone."""

    async def take(self, told: Told) -> CorruptEventError | None:
        """Take the next event. Returns why it cannot be folded, if it cannot."""
        recorded, event = told.recorded, told.event
        if recorded is None:
            return None
        _, error = take(self._timeline, recorded)
        if error is None and recorded.kind == ConversationForked.kind:
            # What it began with is what the timeline calls the items of version 0.
            self._note(0, (await read_intact(self._stream, recorded.version)).items)
        elif isinstance(event, ItemsAdded | ItemsReplaced):
            self._note(recorded.version, event.items)
        return error

    def listed(self) -> int:
        """Return how many there are in the list now."""
        return sum(map(self._within, spans(self._timeline.now)))

    def _note(self, version: int, items: Sequence[object]) -> None:
        begins = [0, *accumulate(map(size, items))]
        self._at[version] = [
            at for at, item in zip(begins, items, strict=False) if is_user_message(item)
        ]

    def _within(self, span: Span) -> int:
        found = self._at.get(span.version, [])
        return bisect_left(found, span.stop) - bisect_left(found, span.start)
