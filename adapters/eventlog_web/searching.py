"""Search over everything that was ever said, removed or not."""

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from eventlog import StoreError
from eventlog.format.envelope import to_microseconds
from eventlog_projections.views import Views, search
from eventlog_projections.views.queries import Found
from eventlog_web import addresses, words
from eventlog_web.viewer import viewer_of

MOST = 50
AROUND = 90
"""Characters before and behind what was found."""


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
    before, match, after = _around(found.text, asked)
    at = None if found.recorded_at is None else to_microseconds(found.recorded_at)
    return {
        "name": words.line(found.conversation),
        "href": addresses.to("c", found.conversation, found.branch, at=f"v{found.version}"),
        "branch": words.line(found.branch),
        "version": found.version,
        "face": found.role or found.type,
        "removed": found.removed,
        "at": at,
        "before": before,
        "match": match,
        "after": after,
    }


def _around(text: str, asked: str) -> tuple[str, str, str]:
    """Return the text around the first word that was asked for."""
    folded = text.casefold()
    for word in asked.replace('"', " ").split():
        place = folded.find(word.casefold())
        if place >= 0 and len(folded) == len(text):
            end = place + len(word)
            begin = max(0, place - AROUND)
            shown = text[begin:place], text[place:end], text[end : end + AROUND]
            before, match, after = map(words.line, shown)
            return ("…" if begin else "") + before, match, after
    return words.line(text[: 2 * AROUND]), "", ""
