"""What the events of a conversation amount to: pure folds, and the one place that reads them."""

from projections.branching import branches, clear_all, delete_branch, open_branch
from projections.conversation import Conversation, View
from projections.diffing import Diff, diff
from projections.erasing import Erased, erase, erase_event
from projections.forking import fork
from projections.history import History, HistoryEvent, HistoryItem
from projections.items import listed
from projections.labels import Labels, label, labels
from projections.moments import moments
from projections.rebuilding import rebuild
from projections.rewinding import redo, restore, undo
from projections.timeline import Span
from projections.turn_usage import TurnUsage, usage_by_turn

__all__ = [
    "Conversation",
    "Diff",
    "Erased",
    "History",
    "HistoryEvent",
    "HistoryItem",
    "Labels",
    "Span",
    "TurnUsage",
    "View",
    "branches",
    "clear_all",
    "delete_branch",
    "diff",
    "erase",
    "erase_event",
    "fork",
    "label",
    "labels",
    "listed",
    "moments",
    "open_branch",
    "rebuild",
    "redo",
    "restore",
    "undo",
    "usage_by_turn",
]
