"""Where the items of a list stand, by the headers of its events.

Pure. An item has one place for as long as it is in the list. Where an event was erased, nothing
stands at its places any more: what came behind it keeps its own.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from eventlog import ItemsAdded
from eventlog.events import ConversationForked, ConversationRewound, EventErased, Header
from eventlog.snapshots import FoldInput
from eventlog_projections.items.changes import FOLDED, change
from eventlog_projections.items.holders import INHERITED, header, refused


class Span(NamedTuple):
    """The end of a list: what an event put there. Lists share what is `below`."""

    below: "Span | None"
    version: int
    """The event; INHERITED for what a fork began with."""
    start: int
    stop: int
    items: int
    """How many items the list has, up to here."""
    is_gone: bool = False
    """Whether its event was erased: it has places and no items."""


Places = Span | None
"""A list; None is one where nothing ever stood."""


def stop_of(found: Places) -> int:
    """Return the place behind the list."""
    return 0 if found is None else found.stop


def items_in(found: Places) -> int:
    """Return how many items a list has."""
    return 0 if found is None else found.items


def every(stream: str, entries: Iterable[FoldInput]) -> list[Places]:
    """Return the list at each version from 0 on, after the first events of a stream.

    Raises CorruptEventError or SchemaTooNewError.
    """
    lists: list[Places] = [None]
    for entry in entries:
        lists.append(_after(stream, lists, entry))
    return lists


def changed(before: Places, after: Places) -> tuple[int, list[Span]]:
    """Return the place from which on two lists differ, and what the second has there."""
    old, new = _spans(before), _spans(after)
    same, start = 0, 0
    for one, other in zip(old, new, strict=False):
        if (one.version, one.start, one.is_gone) != (other.version, other.start, other.is_gone):
            break
        start = min(one.stop, other.stop)
        if one.stop != other.stop:
            break
        same += 1
    behind = [span._replace(start=max(span.start, start)) for span in new[same:]]
    return start, [span for span in behind if span.start < span.stop]


def end_of(
    stream: str, entries: Sequence[FoldInput], stops: Mapping[int, int], start: int
) -> list[Span] | None:
    """Return what the list after some events has from `start` on.

    `entries` are the last of these events, `stops` says where the list ends at the last of them,
    and before each that took something off its end. None where that is too little to say it.
    """
    found: list[Span] = []
    version = entries[-1].version
    stop = end = stops[version]
    for entry in reversed(entries):
        if stop <= start:
            break
        if entry.version > version or entry.kind not in FOLDED:
            continue
        said = header(stream, entry)
        begin = end - max(0, said.items or 0)
        if begin < stop:
            found.append(Span(None, entry.version, max(begin, start), stop, 0))
            stop = begin
        version, end = _below(entry, said, begin, stops)
        if end < stop:
            return None
    return found[::-1] if stop <= start else None


def _below(entry: FoldInput, said: Header, end: int, stops: Mapping[int, int]) -> tuple[int, int]:
    """Return of which version the list is that an event begins with, and where that list ended.

    `end` is where what the event began with does. -1: not known.
    """
    version = entry.version - 1
    if entry.kind == ConversationRewound.kind:
        version = said.to_version or 0
        is_whole = said.kept is None
    elif entry.kind in (EventErased.kind, ConversationForked.kind):
        return version, -1
    else:
        is_whole = entry.kind == ItemsAdded.kind
    return version, end if is_whole else stops.get(version, -1)


def gaps(found: Places) -> tuple[range, ...]:
    """Return the places at which nothing stands any more."""
    return tuple(range(span.start, span.stop) for span in _spans(found) if span.is_gone)


def place_of(index: int, without: Iterable[range]) -> int:
    """Return the place of an item, or of what comes behind the last one."""
    for gap in without:
        if gap.start <= index:
            index += len(gap)
    return index


def _after(stream: str, lists: Sequence[Places], entry: FoldInput) -> Places:
    before = lists[-1]
    if entry.kind not in FOLDED:
        return before
    said = header(stream, entry)
    if entry.kind == ConversationRewound.kind:
        return _rewound(stream, lists, entry, said)
    if entry.kind == EventErased.kind:
        return _without(before, said.erased)
    kept, added = change(stream, entry.version, entry.kind, said, items_in(before))
    source = INHERITED if entry.kind == ConversationForked.kind else entry.version
    rest = _cut(before, kept)
    if added <= 0:
        return rest
    start = stop_of(rest)
    return Span(rest, source, start, start + added, items_in(rest) + added)


def _rewound(stream: str, lists: Sequence[Places], entry: FoldInput, said: Header) -> Places:
    version = said.to_version
    if version is None or not 0 <= version < entry.version:
        raise refused(stream, entry, "it rewinds to no earlier version")
    return lists[version] if said.kept is None else _cut(lists[version], said.kept)


def _cut(found: Places, kept: int) -> Places:
    """Return the list of the first `kept` items."""
    while found is not None and found.items > kept:
        if not found.is_gone and items_in(found.below) < kept:
            return found._replace(stop=found.stop - found.items + kept, items=kept)
        found = found.below
    return found


def _without(found: Places, version: int | None) -> Places:
    """Return the list without the items of an event."""
    rest: Places = None
    for span in _spans(found):
        is_gone = span.is_gone or span.version == version
        items = items_in(rest) + (0 if is_gone else span.stop - span.start)
        rest = span._replace(below=rest, items=items, is_gone=is_gone)
    return rest


def _spans(found: Places) -> list[Span]:
    """Return what a list is made of, from its beginning on."""
    return list(_down(found))[::-1]


def _down(found: Places) -> Iterator[Span]:
    while found is not None:
        yield found
        found = found.below
