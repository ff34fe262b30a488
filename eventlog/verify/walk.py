"""Following the chain of one stream, event by event, up to the first fault. Pure."""

from collections.abc import Sequence
from typing import Final

from eventlog.format import chain
from eventlog.format.events import ConversationForked
from eventlog.format.opening import ERASING, Opener
from eventlog.format.records import EventColumns, EventRow, Head, Parent, StoredEvent, StreamRow
from eventlog.verify import diagnosis
from eventlog.verify.contents import ContentTrace
from eventlog.verify.diagnosis import Finding
from eventlog.verify.keys import Difference, KeyTrace
from eventlog.verify.opening import first_closed
from eventlog.verify.structure import Structure, decoded

OTHER_PARENT: Final = "the stream names another parent than the event that forked it"


class Walk:
    """Follows one stream, and compares its row with the end."""

    def __init__(self, structure: Structure) -> None:
        self.sound = chain.GENESIS
        """The head of the events before the first fault."""
        self.keys = KeyTrace()
        self.contents = ContentTrace()
        self.wrong: Difference | None = None
        """The first event that follows, and says what it cannot."""
        self.unchecked: Difference | None = None
        """The first event that could not be checked, which is no fault of any."""
        self._structure = structure
        self.parent: Parent | None = None
        """What a fork says that it is a fork of."""
        self.kept = 0
        """How many items of that it says that it began with."""

    def go_on(self, before: StoredEvent) -> None:
        """Begin behind an event that is taken for granted."""
        self.sound = Head(before.version, before.hash, before.recorded_at)

    def follow(self, events: Sequence[EventRow]) -> tuple[StoredEvent, Finding] | None:
        """Follow the next events, at least one; return the first that does not follow, and why."""
        if self.sound == chain.GENESIS:
            self.parent, self.kept = _forked_from(StoredEvent._make(events[0]))
        columns = EventColumns._make(zip(*events, strict=True))
        wrong = diagnosis.first_wrong(self.sound, events, columns)
        if wrong is None:
            self._take(events, columns)
            return None
        index, finding = wrong
        if index:
            self._take(events[:index], EventColumns._make(each[:index] for each in columns))
        return StoredEvent._make(events[index]), finding

    def _take(self, events: Sequence[EventRow], columns: EventColumns) -> None:
        """Look at what events say that follow, one at least."""
        for version, finding in self._structure.check(events, columns):
            self._note(version, finding)
        is_encrypted = self.keys.is_encrypted
        of = columns.kind, columns.key_id, columns.body
        for event, kind, key_id, body in zip(events, *of, strict=True):
            if body is None or is_encrypted or key_id is not None or kind in ERASING:
                self._trace(StoredEvent._make(event))
                is_encrypted = self.keys.is_encrypted
        self.sound = Head(columns.version[-1], columns.hash[-1], columns.recorded_at[-1])

    def _trace(self, event: StoredEvent) -> None:
        """Follow an event that says something of keys or erasures, or lacks its content."""
        self.keys.take(event)
        if event.body is None or event.kind in ERASING:
            self.contents.take(event)

    def open(self, stream: StreamRow, events: Sequence[EventRow], opener: Opener | None) -> None:
        """Open the contents of events that were followed, if there is an opener."""
        if opener is not None:
            stored = map(StoredEvent._make, events)
            followed = [event for event in stored if event.version <= self.sound.version]
            closed = first_closed(stream, followed, opener)
            if closed is not None:
                self._note(*closed)

    def _note(self, version: int, finding: Finding) -> None:
        if finding.problem == "unknown":
            self.unchecked = self.unchecked or (version, finding)
        elif self.wrong is None or version < self.wrong[0]:
            self.wrong = version, finding

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

    def compare_events(self) -> Difference | None:
        """Return the first event that says what it cannot, or whose content is not as it should be.

        At the end only: what took a content comes later.
        """
        found = [each for each in (self.wrong, self.contents.compare()) if each is not None]
        return min(found, default=None)

    def compare_row(self, stream: StreamRow) -> Difference | None:
        """Return what else of the row differs from the events, as far as it shows without keys."""
        if self.parent != stream.parent:
            return 1, Finding("edited", OTHER_PARENT)
        return self.keys.compare_row(stream)


def _forked_from(first: StoredEvent) -> tuple[Parent | None, int]:
    """Return the parent that the first event of a stream names, and how many items it kept."""
    header = decoded(first.header)
    if first.kind != ConversationForked.kind or header is None:
        return None, 0
    try:
        return Parent(bytes.fromhex(header.parent or ""), header.at_version or 0), header.kept or 0
    except ValueError:
        return None, 0
