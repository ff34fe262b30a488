"""What the events of a conversation amount to: pure folds, and the one place that reads them."""

from typing import TYPE_CHECKING

from eventlog.faces import lazily

if TYPE_CHECKING:
    from eventlog_projections.changing.changed import Change
    from eventlog_projections.changing.labels import Labels, LabelsDiff
    from eventlog_projections.conversation import Conversation
    from eventlog_projections.disposal.archives import Archive, Evidence, to_folder
    from eventlog_projections.disposal.disposing import Disposed, Disposition
    from eventlog_projections.disposal.erasing import Erased, erase, erase_event
    from eventlog_projections.disposal.keeping import ReceiptFolder, ReceiptKeeper
    from eventlog_projections.disposal.pruning import erase_owner, prune
    from eventlog_projections.disposal.retention import (
        RetentionRule,
        apply_retention,
        follow_retention,
    )
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
    "Change",
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
    "LabelsDiff",
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

if not TYPE_CHECKING:
    __getattr__ = lazily(
        __name__,
        {
            "Archive": "eventlog_projections.disposal.archives",
            "Change": "eventlog_projections.changing.changed",
            "Conversation": "eventlog_projections.conversation",
            "Diff": "eventlog_projections.history.diff",
            "Disposed": "eventlog_projections.disposal.disposing",
            "Disposition": "eventlog_projections.disposal.disposing",
            "Erased": "eventlog_projections.disposal.erasing",
            "Evidence": "eventlog_projections.disposal.archives",
            "HistoryEvent": "eventlog_projections.history.events",
            "HistoryTail": "eventlog_projections.history.following",
            "HistoryItem": "eventlog_projections.history.events",
            "ItemsRead": "eventlog_projections.items.state",
            "Labels": "eventlog_projections.changing.labels",
            "LabelsDiff": "eventlog_projections.changing.labels",
            "ReceiptFolder": "eventlog_projections.disposal.keeping",
            "ReceiptKeeper": "eventlog_projections.disposal.keeping",
            "RetentionRule": "eventlog_projections.disposal.retention",
            "SnapshotsChecked": "eventlog_projections.items.checking",
            "Span": "eventlog_projections.history.timeline",
            "TurnUsage": "eventlog_projections.history.turn_usage",
            "Unreadable": "eventlog_projections.history.salvage",
            "apply_retention": "eventlog_projections.disposal.retention",
            "check_snapshots": "eventlog_projections.items.checking",
            "erase": "eventlog_projections.disposal.erasing",
            "erase_event": "eventlog_projections.disposal.erasing",
            "erase_owner": "eventlog_projections.disposal.pruning",
            "follow_retention": "eventlog_projections.disposal.retention",
            "listed": "eventlog_projections.items.fold",
            "prune": "eventlog_projections.disposal.pruning",
            "rebuild": "eventlog_projections.items.rebuilding",
            "salvage": "eventlog_projections.history.salvage",
            "to_folder": "eventlog_projections.disposal.archives",
        },
    )
