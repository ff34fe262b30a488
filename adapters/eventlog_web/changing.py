"""What may be changed from a page, where that was allowed: going back to a moment, and forking."""

from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from eventlog import Context
from eventlog.errors import InvalidInputError
from eventlog_projections import Conversation
from eventlog_web import addresses
from eventlog_web.viewer import Viewer, page, viewer_of

MOST: Final = 20_000
"""Bytes of a form."""

LONGEST: Final = 1000
"""Characters of an actor or a reason."""


class Asked(NamedTuple):
    """What a form of this server asks for."""

    chat: Conversation
    version: int
    reason: str | None
    context: Context
    form: dict[str, str]


async def restore(request: Request) -> Response:
    """Make the list again what it was at a version, and answer with the page of now."""
    asked = await _asked(request)
    if isinstance(asked, Response):
        return asked
    await asked.chat.restore(asked.version, reason=asked.reason, context=asked.context)
    return _page_of(asked.chat)


async def fork(request: Request) -> Response:
    """Begin another conversation, or a branch, with the list of a version; answer with its page."""
    asked = await _asked(request)
    if isinstance(asked, Response):
        return asked
    made = await asked.chat.fork(
        asked.form.get("name") or asked.chat.name,
        branch=asked.form.get("branch", ""),
        at=asked.version,
        reason=asked.reason,
        context=asked.context,
    )
    return _page_of(made)


def _page_of(chat: Conversation) -> Response:
    return RedirectResponse(addresses.to("c", chat.name, chat.branch), 303)


async def _asked(request: Request) -> Asked | Response:
    """Return what is asked for, or the answer that refuses it."""
    viewer = viewer_of(request)
    form = await _form(request, viewer)
    if form is None:
        return _refused(request, viewer)
    chat, _ = await viewer.find(request)
    actor, reason = form.get("actor", "").strip(), form.get("reason", "")
    if not actor or max(len(actor), len(reason)) > LONGEST:
        raise InvalidInputError("Say who you are: it is recorded with the change.")
    version = addresses.moment(form.get("at"))
    if not isinstance(version, int):
        raise InvalidInputError("Which version? The form names none.")
    return Asked(chat, version, reason or None, Context(actor=actor), form)


async def _form(request: Request, viewer: Viewer) -> dict[str, str] | None:
    """Return what a form of this server says; None for anything else."""
    if not viewer.allow_changes:
        return None
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST:
            raise InvalidInputError("The form is larger than any of ours.")
    try:
        form = dict(parse_qsl(body.decode(), keep_blank_values=True))
    except UnicodeDecodeError as error:
        raise InvalidInputError("The form is no text.") from error
    return form if viewer.access.accepts_form(form.get("form", "")) else None


def _refused(request: Request, viewer: Viewer) -> Response:
    what = (
        "That did not come from a page of this server."
        if viewer.allow_changes
        else "Nothing can be changed here: `eventlog web` was started without --allow-changes."
    )
    return page(request, "error.html", {"what": what, "advice": "", "status": 403}, 403)
