"""Following the chain of one stream, event by event, up to the first fault. Pure."""

from collections.abc import Sequence
from typing import Final

import msgspec

from eventlog.format import chain
from eventlog.format.events import ConversationForked, load_header
from eventlog.format.opening import ERASING
from eventlog.format.records import Head, Parent, StoredEvent, StreamRow
from eventlog.verify import diagnosis
from eventlog.verify.contents import ContentTrace
from eventlog.verify.diagnosis import Finding
from eventlog.verify.keys import Difference, KeyTrace

OTHER_PARENT: Final = "the stream names another parent than the event that forked it"


class Walk:
    """Follows one stream, and compares its row with the end."""

    def __init__(self) -> None:
        self.sound = chain.GENESIS
        """The head of the events before the first fault."""
        self.keys = KeyTrace()
        self.contents = ContentTrace()
        self._parent: Parent | None = None

    def follow(self, events: Sequence[StoredEvent]) -> StoredEvent | None:
        """Follow the next events, at least one; return the first that does not follow."""
        if self.sound == chain.GENESIS:
            self._parent = _forked_from(events[0])
        self.keys.follow(events)
        for event in events:
            if diagnosis.check(self.sound, event) is not None:
                return event
            self.sound = Head(event.version, event.hash, event.recorded_at)
            if event.body is None or event.kind in ERASING:
                self.contents.take(event)
        return None

    def compare_head(self, stream: StreamRow) -> Difference | None:
        """Return how the head of the stream's row differs from the last event, or None."""
        found, stated = self.sound, stream.head
        if found.version < stated.version:
            detail = f"the stream's head says version {stated.version}"
            return found.version + 1, Finding("missing", detail)
        if found != stated:
            detail = "the stream's head names another hash or time for it"
            return found.version, Finding("edited", detail)
        return None

    def compare_row(self, stream: StreamRow) -> Difference | None:
        """Return what else of the row differs from the events, as far as it shows without keys."""
        if self._parent != stream.parent:
            return 1, Finding("edited", OTHER_PARENT)
        return self.keys.compare_row(stream)


def _forked_from(first: StoredEvent) -> Parent | None:
    """Return the parent that the first event of a stream names."""
    if first.kind != ConversationForked.kind:
        return None
    try:
        header = load_header(first.header)
        return Parent(bytes.fromhex(header.parent or ""), header.at_version or 0)
    except (ValueError, msgspec.MsgspecError):
        return None
