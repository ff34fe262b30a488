"""What all pages of a server share: the log, and what may be done with it."""

from collections.abc import Mapping
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from eventlog import EventLog
from eventlog.errors import NoSuchBranchError, NoSuchConversationError
from eventlog.format.records import StreamRow
from eventlog_projections import Conversation
from eventlog_web import addresses, words
from eventlog_web.guard import Access
from eventlog_web.pulse import Pulse


class Viewer:
    """Answers from one log, for one tenant. With `allow_changes` it also appends to it."""

    def __init__(self, log: EventLog, access: Access, *, allow_changes: bool = False) -> None:
        self.log: Final = log
        self.access: Final = access
        self.allow_changes: Final = allow_changes
        self.pulse: Final = Pulse(log)

    async def find(self, request: Request) -> tuple[Conversation, StreamRow]:
        """Return the conversation, or the branch of it, that an address names.

        Raises NoSuchConversationError, NoSuchBranchError or InvalidNameError.
        """
        name, branch = addresses.named(request)
        found = Conversation(self.log, name, branch)
        row = await self.log.stream(name, branch=branch)
        if row is not None:
            return found, row
        if branch:
            raise NoSuchBranchError(f"Conversation {name!r} has no branch {branch!r}.")
        raise NoSuchConversationError(f"There is no conversation {name!r} in this log.")


_TEMPLATES: Final = Environment(
    loader=PackageLoader("eventlog_web"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
)
_TEMPLATES.filters |= {"line": words.line, "text": words.text}
_TEMPLATES.globals |= {"to": addresses.to}


def viewer_of(request: Request) -> Viewer:
    """Return the viewer that a request came to."""
    viewer: Viewer = request.app.state.viewer
    return viewer


def draw(template: str, values: Mapping[str, Any]) -> str:
    """Return a template with its values in it, escaped."""
    return _TEMPLATES.get_template(template).render(values)


def page(
    request: Request, template: str, values: Mapping[str, Any], status: int = 200
) -> HTMLResponse:
    """Return a page."""
    shared = {"viewer": viewer_of(request), "path": request.url.path}
    return HTMLResponse(draw(template, shared | dict(values)), status)
