"""Errors as pages: what is wrong, and what to do."""

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from eventlog import ConflictError, EventLogError, InvalidInputError, StoreError
from eventlog.errors import (
    CorruptEventError,
    EncryptedError,
    ErasedError,
    NoSuchBranchError,
    NoSuchConversationError,
    NotAnEventLogError,
    ReadOnlyError,
    SchemaTooNewError,
    SchemaTooOldError,
)
from eventlog_web.viewer import page


class _Told(NamedTuple):
    """How errors of some kinds are answered."""

    kinds: tuple[type[Exception], ...]
    status: int
    advice: str


_FOUND: Final = (
    "The list has every conversation of this tenant; search finds what was said in them."
)
_TOLD: Final = (
    _Told((NoSuchConversationError, NoSuchBranchError), 404, _FOUND),
    _Told((InvalidInputError,), 400, "Correct the address, or begin at the list."),
    _Told((ConflictError,), 409, "Somebody was first: look at what is there now, and try again."),
    _Told((ErasedError,), 410, "What was erased is gone. What happened is still in its events."),
    _Told(
        (EncryptedError,), 409, "Start `eventlog web` with --keyring FILE to read what it opens."
    ),
    _Told(
        (CorruptEventError,),
        409,
        "`eventlog verify` names the event, and `eventlog log` shows all others.",
    ),
    _Told((SchemaTooOldError,), 503, "`eventlog migrate` brings it up to this release."),
    _Told((SchemaTooNewError,), 503, "Start `eventlog web` of the release that wrote it."),
    _Told((NotAnEventLogError,), 503, "Start `eventlog web` with --db and the path of a log."),
    _Told((ReadOnlyError,), 503, "Start `eventlog web` where the database can be written."),
    _Told((StoreError,), 503, "Load the page again as soon as the database answers."),
)


async def failed(request: Request, error: Exception) -> Response:
    """Answer with a page that says what an error of the log says."""
    told = next((each for each in _TOLD if isinstance(error, each.kinds)), None)
    status, advice = (500, "") if told is None else (told.status, told.advice)
    values = {"what": str(error), "advice": advice, "status": status}
    return page(request, "error.html", values, status)


async def not_found(request: Request, error: Exception) -> Response:
    """Answer with a page for an address that is none."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    what = "There is no page at this address." if status == 404 else str(error)
    values = {"what": what, "advice": _FOUND if status == 404 else "", "status": status}
    return page(request, "error.html", values, status)


async def unexpected(request: Request, _error: Exception) -> Response:
    """Answer with a page where nobody foresaw it: what it was is for the server's own output."""
    what = "Something went wrong in the viewer."
    advice = "What it was stands in the output of `eventlog web`. The log was not changed by it."
    values = {"what": what, "advice": advice, "status": 500}
    return page(request, "error.html", values, 500)


HANDLERS: Final[dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]]] = {
    EventLogError: failed,
    HTTPException: not_found,
    Exception: unexpected,
}
