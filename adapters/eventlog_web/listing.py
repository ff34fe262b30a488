"""The page of all conversations."""

from starlette.requests import Request
from starlette.responses import Response

from eventlog_projections.views import Views
from eventlog_projections.views.queries import conversations
from eventlog_web.viewer import page, viewer_of


async def show(request: Request) -> Response:
    """Answer with conversations, those with the latest activity first."""
    views = Views(viewer_of(request).log)
    found = await conversations(views, limit=200)
    return page(request, "list.html", {"conversations": found})
