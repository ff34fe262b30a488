"""A step: an event, and what it did to the list of its conversation.

An item has one place in the list for as long as it lives there: lists grow and are cut at their
end. So what an event takes off is everything from a place on. Only a rewind brings items back.
"""

from typing import Any, Final, NamedTuple

from eventlog import ItemsAdded, ItemsReplaced, RecordedEvent
from eventlog.errors import CorruptEventError
from eventlog.events import ConversationErased, EventErased, Header
from eventlog.format.chain import stream_id
from eventlog.format.codec import decode_json
from eventlog.format.kinds import KINDS
from eventlog.format.names import MAIN

ERASING: Final = frozenset((ConversationErased.kind, EventErased.kind))

ADDING: Final = frozenset((ItemsAdded.kind, ItemsReplaced.kind))
"""Kinds of events that hold items."""

MOST_INFLATED: Final = 1032
"""How often longer than itself what zlib made can become (https://zlib.net/zlib_tech.html)."""


class Listed(NamedTuple):
    """Items that are in the list: those that the event `version` put at start <= place < stop."""

    version: int
    start: int
    stop: int


class Step:
    """An event of the feed. Times are microseconds, UTC."""

    def __init__(
        self,
        tenant: str,
        event: RecordedEvent,
        header: Header,
        start: int | None,
        total: int,
        listed: tuple[Listed, ...] | None,
        failure: Exception | None = None,
    ) -> None:
        stored = event.stored
        self.tenant: Final = tenant
        self.event: Final = event
        self.header: Final = header
        self.conversation: Final = event.stream
        """The name of the conversation."""
        self.branch: Final = event.branch
        """The name of the branch, empty for the main one."""
        self.stream_id: Final = stored.stream_id
        """The identity of the conversation's branch."""
        self.conversation_id: Final = (
            stored.stream_id if event.branch == MAIN else _id(tenant, event.stream)
        )
        """The identity of the conversation: that of its main branch."""
        self.version: Final = stored.version
        """Number of the event in its stream."""
        self.position: Final = event.position or 0
        """Number of the event over all streams."""
        self.kind: Final = stored.kind
        """Short stable name of what happened."""
        self.at: Final = stored.recorded_at
        """When it was recorded."""
        self.is_encrypted: Final = stored.key_id is not None
        """Whether its content is encrypted in the log: what is made of it is not."""
        self.is_erasing: Final = stored.kind in ERASING
        """Whether it took content away from events before it."""
        self.start: Final = start
        """The list was cut here, and what is added goes here; None if the list is as it was."""
        self.total: Final = total
        """How many items are in the list now."""
        self.listed: Final = listed
        """What came back into the list, from `start` on; None where nothing can have."""
        self._items: list[Any] | None = None
        self._decoded = 0
        self.failure: Final = failure
        """Why the event could not be read; None if it could."""

    @property
    def items(self) -> list[Any]:
        """The items that it added, decoded once for all who look; not to be changed.

        None where its content was erased, or is in a form of a later release. Raises
        CorruptEventError.
        """
        if self._items is None:  # cached_property takes a lock, which costs as much as an item.
            self._items = self._decode()
        return self._items

    @property
    def most_decoded(self) -> int:
        """How many bytes of JSON its items can come to."""
        return len(self.event.stored.body or b"") * MOST_INFLATED

    def let_go(self) -> int:
        """Hold the items no longer; return how many bytes of JSON were decoded to hold them."""
        decoded, self._decoded = self._decoded, 0
        self._items = None
        return decoded

    def _decode(self) -> list[Any]:
        if self.kind not in ADDING or self.event.is_erased:
            return []
        stored = self.event.stored
        if (stored.kind, stored.schema) not in KINDS:
            return []
        body = self.event.body
        self._decoded = len(body)
        try:
            items: list[Any] = decode_json(body)
        except ValueError:
            items = []
        if type(items) is list and len(items) == self.header.items:
            return items
        raise CorruptEventError(self.conversation, self.version, "its items do not decode")


def _id(tenant: str, conversation: str) -> bytes:
    return bytes(stream_id(tenant, conversation))  # As columns of rows are typed.
