"""What the events of a conversation amount to: pure folds, and the one place that reads them."""

from projections.conversation import Conversation, View
from projections.erasing import Erased, erase, erase_event
from projections.items import listed
from projections.rebuilding import rebuild

__all__ = ["Conversation", "Erased", "View", "erase", "erase_event", "listed", "rebuild"]
