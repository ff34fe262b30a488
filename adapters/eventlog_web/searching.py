"""Search over everything that was ever said, removed or not."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from eventlog import StoreError
from eventlog.format.envelope import to_microseconds
from eventlog_projections.views import Views, search
from eventlog_projections.views.queries import Found
from eventlog_projections.views.searching.marking import Snippet, snippet
from eventlog_web import addresses, words
from eventlog_web.viewer import viewer_of

MOST: Final = 50

LENGTH: Final = 200
"""Characters of a text that are shown."""


async def find(request: Request) -> Response:
    """Answer with what was found, as JSON, the best first."""
    views = Views(viewer_of(request).log)
    asked = request.query_params.get("q", "")[:500]
    try:
        found = await search(views, asked, limit=MOST, stale=True)
    except StoreError:
        told: dict[str, Any] = {
            "why": "There is no index yet: `eventlog search` or `eventlog worker` makes it."
        }
    else:
        told = {"found": [_told(each, asked) for each in found]}
    return Response(msgspec.json.encode(told), media_type="application/json")


def _told(found: Found, asked: str) -> dict[str, Any]:
    at = None if found.recorded_at is None else to_microseconds(found.recorded_at)
    return {
        "name": words.line(found.conversation),
        "href": addresses.to("c", found.conversation, found.branch, at=f"v{found.version}"),
        "branch": words.line(found.branch),
        "version": found.version,
        "face": words.line(found.role or found.type),
        "removed": found.removed,
        "at": at,
        "parts": list(_parts(snippet(found.text, asked, LENGTH))),
    }


def _parts(shown: Snippet) -> Iterator[tuple[str, bool]]:
    """Yield the pieces of a snippet, each with whether it is what was looked for."""
    place = 0
    for start, stop in shown.hits:
        yield words.line(shown.text[place:start]), False
        yield words.line(shown.text[start:stop]), True
        place = stop
    yield words.line(shown.text[place:]), False
