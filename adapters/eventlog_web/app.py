"""Every address of the viewer, and what answers it."""

from typing import Final

from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from eventlog import EventLog
from eventlog_web import (
    branching,
    changing,
    charting,
    comparing,
    conversation,
    failures,
    inspecting,
    listing,
    live,
    seal,
    searching,
)
from eventlog_web.guard import Access, Guard
from eventlog_web.viewer import Viewer

ROUTES: Final = (
    Route("/", listing.show),
    Route("/conversations", listing.rows),
    Route("/find", searching.find),
    Route("/seals", seal.several),
    Route("/c/{name:path}", conversation.show),
    Route("/rows/{name:path}", conversation.rows),
    Route("/items/{name:path}", conversation.items),
    Route("/event/{name:path}", inspecting.show),
    Route("/diff/{name:path}", comparing.show),
    Route("/branches/{name:path}", branching.show),
    Route("/charts/{name:path}", charting.show),
    Route("/restore/{name:path}", changing.restore, methods=["POST"]),
    Route("/fork/{name:path}", changing.fork, methods=["POST"]),
    Route("/live", live.follow_all),
    Route("/live/{name:path}", live.follow),
    Route("/seal/{name:path}", seal.show),
    Route("/evidence/{name:path}", seal.evidence),
    Route("/raw/{name:path}", conversation.raw),
    Mount("/static", StaticFiles(packages=[("eventlog_web", "static")])),
)


def build(log: EventLog, access: Access, *, allow_changes: bool = False) -> Guard:
    """Return the viewer of a log as an ASGI application; whoever opened the log closes it."""
    app = Starlette(routes=ROUTES, exception_handlers=failures.HANDLERS)
    viewer = Viewer(log, access, allow_changes=allow_changes)
    app.state.viewer = viewer
    return Guard(
        app, access, viewer.pulse.close
    )  # Around all of it: an answer to a failure is guarded too.
