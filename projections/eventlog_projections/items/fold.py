"""The list of items that a conversation's events amount to.

Pure. Folding looks at headers only: it says which items of which events make up the list. Contents
are decoded last, and only those of events that are still in the list.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from eventlog import ItemPopped, ItemsAdded, ItemsReplaced, RecordedEvent
from eventlog.events import ConversationForked, ConversationRewound, EventErased
from eventlog.snapshots import FoldInput
from eventlog_projections.items.blocks import Block, count, drop_last
from eventlog_projections.items.changes import EMPTYING
from eventlog_projections.items.holders import INHERITED, Absent, EventItems, header, refused


class Path(NamedTuple):
    """What the list after some events depends on: the list at version `start`, and `entries`."""

    start: int
    """0: from nothing."""
    entries: list[FoldInput]


def resolve(stream: str, after: int, entries: Sequence[FoldInput]) -> Path:
    """Return what the list depends on after `entries`, the events that follow version `after`.

    Walks back from the end: a clear starts from nothing, a rewind continues at the version that it
    went back to, which may be earlier than `after`, and is on the path if it did not keep all.
    """
    path: list[FoldInput] = []
    version = after + len(entries)
    while version > after:
        entry = entries[version - after - 1]
        if entry.kind in EMPTYING:
            version = 0
            break
        if entry.kind == ConversationRewound.kind:
            version, kept = _target(stream, entry)
            path += [] if kept is None else [entry]
        else:
            path.append(entry)
            version -= 1
    return Path(version, path[::-1])


def is_reset(entry: FoldInput) -> bool:
    """Tell whether the list after this event does not come from the list before it."""
    return entry.kind in (*EMPTYING, ConversationRewound.kind, ConversationForked.kind)


def fold(stream: str, blocks: Sequence[Block], entries: Iterable[FoldInput]) -> list[Block] | None:
    """Apply resolved events to a list; kinds that say nothing about items change nothing.

    None if an event was erased and some of the list are copies, which do not know their events.
    """
    folded = list(blocks)
    for entry in entries:
        step = _STEPS.get(entry.kind)
        if step is not None:
            after = step(stream, folded, entry)
            if after is None:
                return None
            folded = after
    return folded


def fold_all(stream: str, entries: Sequence[FoldInput]) -> list[Block]:
    """Return the list after all events of a stream, the first `entries` of it."""
    # Without copies to begin with there are none: it is a list.
    return fold(stream, (), resolve(stream, 0, entries).entries) or []


def listed(events: Sequence[RecordedEvent]) -> set[tuple[int, int]]:
    """Return version and index of each item that is still in the list after a whole stream.

    Version 0 is what a fork began with.
    """
    entries = [
        FoldInput(*[getattr(event.stored, name) for name in FoldInput._fields]) for event in events
    ]
    stream = events[0].stream if events else ""
    return {
        (-block.holder.source, index)
        for block in fold_all(stream, entries)
        for index in range(block.start, block.stop)
    }


def _target(stream: str, rewound: FoldInput) -> tuple[int, int | None]:
    """Return the version that a rewind went back to, and how many items it kept if not all."""
    found = header(stream, rewound)
    version = found.to_version
    if version is None or not 0 <= version < rewound.version:
        raise refused(stream, rewound, "it rewinds to no earlier version")
    return version, found.kept


def _add(stream: str, blocks: list[Block], entry: FoldInput) -> list[Block]:
    said = header(stream, entry)
    if said.items is None:
        raise refused(stream, entry, "its header counts no items")
    if said.items > 0:
        holder = EventItems(stream, entry, said.items, is_inner=said.inner is True)
        blocks.append(Block(holder, 0, said.items))
    return blocks


def _pop(_stream: str, blocks: list[Block], _entry: FoldInput) -> list[Block]:
    drop_last(blocks, 1)
    return blocks


def _replace(stream: str, blocks: list[Block], entry: FoldInput) -> list[Block]:
    start = header(stream, entry).start
    if start is None:
        raise refused(stream, entry, "its header names no start")
    drop_last(blocks, count(blocks) - start)
    return _add(stream, blocks, entry)


def _keep(stream: str, blocks: list[Block], entry: FoldInput) -> list[Block]:
    drop_last(blocks, count(blocks) - (header(stream, entry).kept or 0))
    return blocks


def _fork(stream: str, blocks: list[Block], entry: FoldInput) -> list[Block]:
    kept = header(stream, entry).kept
    if entry.version != 1 or kept is None:
        raise refused(stream, entry, "it does not say what it is a fork of")
    return [Block(Absent(INHERITED), 0, kept)] if kept else blocks


def _erase(stream: str, blocks: list[Block], entry: FoldInput) -> list[Block] | None:
    """Take the items of an erased event off the list; None if some of it are copies."""
    erased = header(stream, entry).erased
    if erased is None:
        raise refused(stream, entry, "it does not say what was erased")
    if any(block.holder.source > 0 for block in blocks):
        return None  # A segment does not know which events its items came from.
    return [block for block in blocks if block.holder.source != -erased]


_STEPS: dict[str, Callable[[str, list[Block], FoldInput], list[Block] | None]] = {
    ItemsAdded.kind: _add,
    ItemPopped.kind: _pop,
    ItemsReplaced.kind: _replace,
    ConversationRewound.kind: _keep,
    ConversationForked.kind: _fork,
    EventErased.kind: _erase,
}
