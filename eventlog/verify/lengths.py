"""How many items the list of a stream has at its versions, by the headers of its events. Pure.

What the items are is not looked at: docs/format.md says how the events of a stream make its list.
"""

from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from eventlog.format.events import (
    BranchDeleted,
    ConversationCleared,
    ConversationForked,
    ConversationRewound,
    Header,
    ItemPopped,
    ItemsAdded,
    ItemsReplaced,
)
from eventlog.format.facts import ConversationErased, EventErased
from eventlog.format.records import FoldInput
from eventlog.verify.structure import decoded

_EMPTYING: Final = frozenset(
    event.kind for event in (ConversationCleared, BranchDeleted, ConversationErased)
)
_TELLING: Final = frozenset(
    event.kind
    for event in (ItemsAdded, ItemsReplaced, ConversationRewound, ConversationForked, EventErased)
)
"""Kinds whose header says what they did."""


class _Node(NamedTuple):
    """A list that is not empty, as its end. Lists share what is below, so all of them are kept."""

    below: "_Node | None"
    version: int
    """The event that its last items are of."""
    total: int
    """How many items there are."""


_List = _Node | None
"""None is the empty list."""


_UNKNOWN: Final = _Node(None, 0, -1)
"""The list after an event that does not say what it did."""


def lengths(entries: Iterable[FoldInput], versions: Collection[int]) -> dict[int, int]:
    """Return how long the list is at each of `versions`, as far as the events say.

    `entries` are the events of the stream from the first on, up to the last of them at least.
    """
    lists: list[_List] = [None]
    for entry in entries:
        try:
            lists.append(_after(lists, entry))
        except (TypeError, IndexError):
            lists.append(_UNKNOWN)
    known = {version: lists[version] for version in versions if version < len(lists)}
    return {version: _size(at) for version, at in known.items() if at is not _UNKNOWN}


def _after(lists: list[_List], entry: FoldInput) -> _List:
    before = lists[-1]
    match entry.kind:
        case kind if kind in _EMPTYING:
            return None
        case ItemPopped.kind:
            return _cut(before, _size(before) - 1)
        case kind if kind in _TELLING:
            return _changed(lists, entry, decoded(entry.header) or Header())
        case _:
            return before


def _changed(lists: list[_List], entry: FoldInput, header: Header) -> _List:
    before = lists[-1]
    match entry.kind:
        case ItemsAdded.kind:
            return _add(before, entry.version, header.items)
        case ItemsReplaced.kind:
            return _add(_cut(before, header.start), entry.version, header.items)
        case ConversationRewound.kind:
            if header.to_version is None or not 0 <= header.to_version < entry.version:
                raise IndexError
            then = lists[header.to_version]
            return then if header.kept is None else _cut(then, header.kept)
        case ConversationForked.kind:
            return _add(None, 0, header.kept)
        case _:
            return _without(before, header.erased)


def _size(found: _List) -> int:
    if found is _UNKNOWN:
        raise TypeError
    return 0 if found is None else found.total


def _add(before: _List, version: int, items: int | None) -> _List:
    if items is None:
        raise TypeError
    return before if items <= 0 else _Node(before, version, _size(before) + items)


def _cut(found: _List, kept: int | None) -> _List:
    """Return the first `kept` items."""
    if kept is None or found is _UNKNOWN:
        raise TypeError
    while found is not None and found.total > kept:
        below, version, _ = found
        if _size(below) < kept:
            return _Node(below, version, kept)
        found = below
    return found


def _without(found: _List, erased: int | None) -> _List:
    """Return a list without the items of an event."""
    if erased is None or found is _UNKNOWN:
        raise TypeError
    parts: list[tuple[int, int]] = []
    while found is not None:
        below, version, total = found
        if version != erased:
            parts.append((version, total - _size(below)))
        found = below
    for version, items in reversed(parts):
        found = _add(found, version, items)
    return found
