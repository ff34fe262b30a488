"""What the events of a conversation amount to: pure folds, and the one place that reads them."""

from projections.conversation import Conversation, View
from projections.items import Run, fold, resolve

__all__ = ["Conversation", "Run", "View", "fold", "resolve"]
