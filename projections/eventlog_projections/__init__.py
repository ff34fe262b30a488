"""What the events of a conversation amount to: pure folds, and the one place that reads them."""

from eventlog_projections.changing.labels import Labels
from eventlog_projections.conversation import Conversation
from eventlog_projections.disposal.archives import Archive, Evidence, to_folder
from eventlog_projections.disposal.disposing import Disposed, Disposition
from eventlog_projections.disposal.erasing import Erased, erase, erase_event
from eventlog_projections.disposal.keeping import ReceiptFolder, ReceiptKeeper
from eventlog_projections.disposal.pruning import erase_owner, prune
from eventlog_projections.disposal.retention import RetentionRule, apply_retention, follow_retention
from eventlog_projections.history.diff import Diff
from eventlog_projections.history.events import HistoryEvent, HistoryItem
from eventlog_projections.history.following import HistoryTail
from eventlog_projections.history.salvage import Unreadable, salvage
from eventlog_projections.history.timeline import Span
from eventlog_projections.history.turn_usage import TurnUsage
from eventlog_projections.items.checking import SnapshotsChecked, check_snapshots
from eventlog_projections.items.fold import listed
from eventlog_projections.items.rebuilding import rebuild
from eventlog_projections.items.state import ItemsRead

__all__ = [
    "Archive",
    "Conversation",
    "Diff",
    "Disposed",
    "Disposition",
    "Erased",
    "Evidence",
    "HistoryEvent",
    "HistoryItem",
    "HistoryTail",
    "ItemsRead",
    "Labels",
    "ReceiptFolder",
    "ReceiptKeeper",
    "RetentionRule",
    "SnapshotsChecked",
    "Span",
    "TurnUsage",
    "Unreadable",
    "apply_retention",
    "check_snapshots",
    "erase",
    "erase_event",
    "erase_owner",
    "follow_retention",
    "listed",
    "prune",
    "rebuild",
    "salvage",
    "to_folder",
]
