"""What an event says it did to the list of its stream: how much stayed, and how much came.

Pure. An undo goes back to the list that it found, and takes off its end. Going back further and
erasing an event take more than a header: a fold does both.
"""

from typing import NamedTuple

from eventlog import ConversationCleared, ItemPopped, ItemsAdded, ItemsReplaced
from eventlog.errors import CorruptEventError
from eventlog.events import (
    BranchDeleted,
    ConversationErased,
    ConversationForked,
    ConversationRewound,
    EventErased,
    Header,
    UsageRecorded,
)


class Change(NamedTuple):
    """The first `kept` items of the list before stayed; `added` came behind them."""

    kept: int
    added: int


EMPTYING = frozenset(
    event.kind for event in (ConversationCleared, ConversationErased, BranchDeleted)
)
"""Kinds of events that leave nothing in the list."""

CHANGING = frozenset(
    (*EMPTYING, ItemsAdded.kind, ItemPopped.kind, ItemsReplaced.kind, ConversationForked.kind)
)
"""Kinds of events whose header says it all."""

FOLDED = frozenset((*CHANGING, ConversationRewound.kind, EventErased.kind))
"""Kinds of events that say something about the list."""

USES = frozenset((*CHANGING, ConversationRewound.kind, UsageRecorded.kind))
"""Kinds of events that say that a conversation was used: something was said, taken back or paid
for. How it is filed, labels and holds for example, is no use of it."""


def change(stream: str, version: int, kind: str, header: Header, before: int) -> Change:
    """Return what an event of a kind in CHANGING did to a list of `before` items.

    What a fork kept of its parent came from there. Raises CorruptEventError.
    """
    if kind == ItemsAdded.kind and header.items is not None:
        return Change(before, header.items)
    if kind == ItemPopped.kind:
        return Change(max(0, before - 1), 0)
    if kind == ItemsReplaced.kind and header.items is not None and header.start is not None:
        return Change(min(header.start, before), header.items)
    if kind == ConversationForked.kind and header.kept is not None:
        return Change(0, header.kept)
    if kind in EMPTYING:
        return Change(0, 0)
    raise CorruptEventError(stream, version, "its header does not say what it did to the list")


def undone(version: int, header: Header, before: int) -> int | None:
    """Return how many of the `before` items a rewind keeps; None if it goes back further."""
    if header.to_version != version - 1:
        return None
    return before if header.kept is None else max(0, min(header.kept, before))
