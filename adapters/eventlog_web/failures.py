"""Errors as pages: what is wrong, and what to do."""

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from eventlog import EventLogError, InvalidInputError
from eventlog.errors import (
    CorruptEventError,
    NoSuchBranchError,
    NoSuchConversationError,
    UnavailableError,
)
from eventlog_web.viewer import page

_STATUS: Final = (
    ((NoSuchConversationError, NoSuchBranchError), 404),
    ((InvalidInputError,), 400),
    ((UnavailableError,), 503),
    ((CorruptEventError,), 409),
)
_ADVICE: Final = {
    404: "The list has every conversation of this tenant; search finds what was said in them.",
    400: "Correct the address, or begin at the list.",
    503: "The page can be loaded again as soon as the database answers.",
    409: "`eventlog verify` names the event, and `eventlog log` shows all others.",
}


async def failed(request: Request, error: Exception) -> Response:
    """Answer with a page that says what an error of the log says."""
    status = next((code for kinds, code in _STATUS if isinstance(error, kinds)), 500)
    values = {"what": str(error), "advice": _ADVICE.get(status, ""), "status": status}
    return page(request, "error.html", values, status)


async def not_found(request: Request, error: Exception) -> Response:
    """Answer with a page for an address that is none."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    what = "There is no page at this address." if status == 404 else str(error)
    values = {"what": what, "advice": _ADVICE.get(status, ""), "status": status}
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
