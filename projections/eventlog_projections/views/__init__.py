"""Views over all conversations: what to ask of them, and how to make one's own."""

from eventlog.views import Removed
from eventlog_projections.views.projection import Gone, Projection, Rows, Written
from eventlog_projections.views.queries import (
    branches,
    conversations,
    search,
    tool_calls,
    tools,
    turns,
    usage,
)
from eventlog_projections.views.rebuild import Difference
from eventlog_projections.views.row import Row
from eventlog_projections.views.search import PLAIN_SEARCH
from eventlog_projections.views.searching.marking import Snippet, snippet
from eventlog_projections.views.status import SetAside, Status
from eventlog_projections.views.step import Listed, Step
from eventlog_projections.views.views import BUILT_IN, Views

__all__ = [
    "BUILT_IN",
    "PLAIN_SEARCH",
    "Difference",
    "Gone",
    "Listed",
    "Projection",
    "Removed",
    "Row",
    "Rows",
    "SetAside",
    "Snippet",
    "Status",
    "Step",
    "Views",
    "Written",
    "branches",
    "conversations",
    "search",
    "snippet",
    "tool_calls",
    "tools",
    "turns",
    "usage",
]
