"""Where the items of every version of a list come from: references, no contents.

Pure. Each version's list is a stack that shares what lies below with the versions before it, so all
of them together take a few numbers for each event, and going back to one costs nothing.
"""

from collections.abc import Iterator
from typing import NamedTuple

from eventlog import RecordedEvent
from eventlog.errors import CorruptEventError
from eventlog.events import ConversationForked, ConversationRewound, EventErased, Header
from eventlog_projections.items.changes import CHANGING, change


class Span(NamedTuple):
    """Items `start` to `stop` (exclusive) that the event of a version brought.

    Version 0 is what a fork began with: items of its parent's list.
    """

    version: int
    start: int
    stop: int


class Stack(NamedTuple):
    """A list: a span on top of another list."""

    below: "Stack | None"
    span: Span
    total: int


class Move(NamedTuple):
    """What an event did to the list."""

    removed: tuple[Span, ...]
    added: tuple[Span, ...]
    total: int
    """How many items there are then."""


class Timeline:
    """The lists of all versions of a stream, folded event by event."""

    def __init__(self) -> None:
        self.lists: dict[int, Stack | None] = {0: None}
        """The list at each version."""
        self.version = 0
        """The version that it was folded to."""

    @property
    def now(self) -> "Stack | None":
        """The list at that version."""
        return self.lists[self.version]

    def at(self, version: int) -> "Timeline":
        """Return it as it was when it was folded to a version."""
        earlier = Timeline()
        earlier.lists = {each: found for each, found in self.lists.items() if each <= version}
        earlier.version = max(earlier.lists)
        return earlier

    def take(self, event: RecordedEvent) -> Move:
        """Apply the next event. Raises CorruptEventError."""
        if event.version != self.version + 1:
            raise CorruptEventError(event.stream, self.version + 1, "it is missing from the log")
        before = self.now
        after = self._after(event, event.header, before)
        self.lists[event.version] = after
        self.version = event.version
        if event.kind == EventErased.kind:
            gone = (span for span in spans(before) if span.version == event.header.erased)
            return Move(tuple(gone), (), count(after))
        return _move(before, after)

    def pass_over(self, version: int) -> Move:
        """Go on to a version that cannot be read, as if it had changed nothing."""
        before = self.now
        self.version = max(version, self.version)
        self.lists[self.version] = before
        return Move((), (), count(before))

    def _after(self, event: RecordedEvent, header: Header, before: Stack | None) -> Stack | None:
        if event.kind == EventErased.kind:
            return without(before, header.erased)
        if event.kind == ConversationRewound.kind:
            return self._rewound(event, header)
        if event.kind not in CHANGING:
            return before
        said = change(event.stream, event.version, event.kind, header, count(before))
        source = 0 if event.kind == ConversationForked.kind else event.version
        return push(first(before, said.kept), Span(source, 0, said.added))

    def _rewound(self, event: RecordedEvent, header: Header) -> Stack | None:
        to = header.to_version
        if to is None or to >= event.version or to not in self.lists:
            raise CorruptEventError(event.stream, event.version, "it rewinds to no earlier version")
        then = self.lists[to]
        return then if header.kept is None else first(then, header.kept)


def count(stack: Stack | None) -> int:
    """Return how many items a list has."""
    return 0 if stack is None else stack.total


def push(stack: Stack | None, span: Span) -> Stack | None:
    """Return the list with the span's items behind it."""
    size = span.stop - span.start
    return Stack(stack, span, count(stack) + size) if size else stack


def first(stack: Stack | None, items: int) -> Stack | None:
    """Return the first `items` items of a list."""
    while stack is not None and count(stack.below) >= items:
        stack = stack.below
    if stack is None or stack.total <= items:
        return stack
    span = stack.span._replace(stop=stack.span.stop - (stack.total - items))
    return Stack(stack.below, span, items)


def without(stack: Stack | None, version: int | None) -> Stack | None:
    """Return the list without the items that an event brought."""
    every = list(_down(stack))[::-1]
    found = [index for index, each in enumerate(every) if each.span.version == version]
    if not found:
        return stack
    left = every[found[0]].below  # What lies below it is shared, as ever.
    for each in every[found[0] :]:
        left = left if each.span.version == version else push(left, each.span)
    return left


def spans(stack: Stack | None) -> list[Span]:
    """Return what a list consists of, from its beginning; versions rise."""
    return [each.span for each in _down(stack)][::-1]


def _down(stack: Stack | None) -> Iterator[Stack]:
    while stack is not None:
        yield stack
        stack = stack.below


def _move(before: Stack | None, after: Stack | None) -> Move:
    total = count(after)
    removed: list[Span] = []
    added: list[Span] = []
    while before is not after:
        if before is not None and before.total >= count(after):
            removed.append(before.span)
            before = before.below
        elif after is not None:
            added.append(after.span)
            after = after.below
    if removed and added and removed[-1][:2] == added[-1][:2]:
        # The same items of one event, more of them or fewer: what they share stayed.
        shared = min(removed[-1].stop, added[-1].stop)
        removed[-1], added[-1] = (each[-1]._replace(start=shared) for each in (removed, added))
    return Move(_present(removed), _present(added), total)


def _present(found: list[Span]) -> tuple[Span, ...]:
    return tuple(span for span in reversed(found) if span.start < span.stop)
