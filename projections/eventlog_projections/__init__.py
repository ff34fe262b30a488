"""What the events of a conversation amount to: pure folds, and the one place that reads them."""

from eventlog_projections.changing.branches import branches, clear_all, delete_branch, open_branch
from eventlog_projections.changing.forks import fork
from eventlog_projections.changing.labels import Labels, label, labels
from eventlog_projections.changing.rewinding import redo, restore, undo
from eventlog_projections.conversation import Conversation, ItemsRead
from eventlog_projections.disposal.archives import Archive, Evidence, to_folder
from eventlog_projections.disposal.disposing import Disposed, Disposition
from eventlog_projections.disposal.erasing import Erased, erase, erase_event
from eventlog_projections.disposal.pruning import erase_owner, prune
from eventlog_projections.disposal.retention import RetentionRule, apply_retention, follow_retention
from eventlog_projections.history.diff import Diff, diff
from eventlog_projections.history.events import History, HistoryEvent, HistoryItem
from eventlog_projections.history.moments import moments
from eventlog_projections.history.timeline import Span
from eventlog_projections.history.turn_usage import TurnUsage, usage_by_turn
from eventlog_projections.items.fold import listed
from eventlog_projections.items.rebuilding import rebuild

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
    "ItemsRead",
    "Labels",
    "RetentionRule",
    "Span",
    "TurnUsage",
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
