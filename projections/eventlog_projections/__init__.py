"""What the events of a conversation amount to: pure folds, and the one place that reads them."""

from projections.archiving import Archive, Evidence, to_folder
from projections.branching import branches, clear_all, delete_branch, open_branch
from projections.conversation import Conversation, View
from projections.diffing import Diff, diff
from projections.disposing import Disposed, Disposition
from projections.erasing import Erased, erase, erase_event
from projections.forking import fork
from projections.history import History, HistoryEvent, HistoryItem
from projections.items import listed
from projections.labels import Labels, label, labels
from projections.moments import moments
from projections.pruning import erase_owner, prune
from projections.rebuilding import rebuild
from projections.retention import RetentionRule, apply_retention, follow_retention
from projections.rewinding import redo, restore, undo
from projections.timeline import Span
from projections.turn_usage import TurnUsage, usage_by_turn

__all__ = [
    "Archive",
    "Conversation",
    "Diff",
    "Disposed",
    "Disposition",
    "Erased",
    "Evidence",
    "History",
    "HistoryEvent",
    "HistoryItem",
    "Labels",
    "RetentionRule",
    "Span",
    "TurnUsage",
    "View",
    "apply_retention",
    "branches",
    "clear_all",
    "delete_branch",
    "diff",
    "erase",
    "erase_event",
    "erase_owner",
    "follow_retention",
    "fork",
    "label",
    "labels",
    "listed",
    "moments",
    "open_branch",
    "prune",
    "rebuild",
    "redo",
    "restore",
    "to_folder",
    "undo",
    "usage_by_turn",
]
