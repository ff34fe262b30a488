"""A conversation of the log that is kept equal to the items of another session."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from eventlog import ConflictError, Context, Event, EventLog, ItemsAdded, NewEvent
from eventlog.format.codec import encode_json
from eventlog.retrying import Tries, others_were_first
from eventlog_projections import Conversation, ItemsRead
from eventlog_projections.items.turns import as_added

OBSERVED: Final = Context(actor="observed")
"""Who made a change that was made behind the back of whoever records."""

_Read = Callable[[], Awaitable[Sequence[Any]]]


class Mirror:
    """The conversation `name` of `log`; `read` returns all items that the other session holds."""

    def __init__(self, log: EventLog, name: str, read: _Read) -> None:
        self.name: Final = name
        self._log: Final = log
        self._read: Final = read
        self._conversation: Final = Conversation(log, name)

    async def read(self, limit: int) -> ItemsRead:
        """Return the version, and the last `limit` items."""
        return await self._conversation.read(limit=limit)

    async def record(self, event: Event, version: int, context: Context) -> None:
        """Record what was done to the list as it was at `version`.

        Where somebody else has recorded since, what came of it is found out by reading.
        """
        if isinstance(event, ItemsAdded):
            event = as_added(event.items, context)
        try:
            await self._log.append(self.name, NewEvent(event, context), expected_version=version)
        except ConflictError:
            await self.catch_up(context)

    async def catch_up(self, context: Context) -> int:
        """Record how the other list differs, as one event if it does; return the version.

        The log is read first: what is recorded between the two reads is a conflict, and read again.
        """
        async for _ in Tries(at_once=2):
            view = await self._conversation.read()
            items = await self._read()
            same = shared(view.items, items)
            if same == len(view.items) == len(items):
                return view.version
            try:
                replaced = await self._conversation.replace(
                    same, items[same:], view, context=context
                )
            except ConflictError:
                continue
            return replaced.last
        raise others_were_first(
            self.name, "What the session holds was not recorded; the next read will do it."
        )


def shared(one: Sequence[Any], other: Sequence[Any]) -> int:
    """Return how many items two lists have in common at their beginning, as JSON."""
    for index, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right and encode_json(left) != encode_json(right):  # NaN is not equal to itself.
            return index
    return min(len(one), len(other))
