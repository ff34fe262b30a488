"""What all pages of a server share: the log, and what may be done with it."""

from collections.abc import Mapping
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from eventlog import EventLog
from eventlog.errors import InvalidInputError, NoSuchBranchError, NoSuchConversationError
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
        return found, await self.require(found)

    async def require(self, chat: Conversation) -> StreamRow:
        """Return what the log knows of a conversation, or a branch. Raises as `find` does."""
        row = await self.log.stream(chat.name, branch=chat.branch)
        if row is not None:
            return row
        if chat.branch:
            raise NoSuchBranchError(f"Conversation {chat.name!r} has no branch {chat.branch!r}.")
        raise NoSuchConversationError(f"There is no conversation {chat.name!r} in this log.")


_TEMPLATES: Final = Environment(
    loader=PackageLoader("eventlog_web"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
)


def _as_json(encoded: str) -> Markup:
    """Return JSON for a script element, which ends at the first `</`."""
    return Markup(encoded.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))  # noqa: S704


_TEMPLATES.filters.update(line=words.line, text=words.text, as_json=_as_json)
_GLOBALS: Final[dict[str, Any]] = _TEMPLATES.globals
_GLOBALS["to"] = addresses.to


def viewer_of(request: Request) -> Viewer:
    """Return the viewer that a request came to."""
    viewer: Viewer = request.app.state.viewer
    return viewer


def number(request: Request, name: str, otherwise: int) -> int:
    """Return a number that an address names. Raises InvalidInputError."""
    given = request.query_params.get(name)
    if given is None:
        return otherwise
    if not given.isascii() or not given.isdigit() or len(given) > 15:
        raise InvalidInputError(f"{name} is a number, 0 or more.")
    return int(given)


def draw(template: str, values: Mapping[str, Any]) -> str:
    """Return a template with its values in it, escaped."""
    return _TEMPLATES.get_template(template).render(values)


def page(
    request: Request, template: str, values: Mapping[str, Any], status: int = 200
) -> HTMLResponse:
    """Return a page."""
    shared = {"viewer": viewer_of(request), "path": request.url.path}
    return HTMLResponse(draw(template, shared | dict(values)), status)
