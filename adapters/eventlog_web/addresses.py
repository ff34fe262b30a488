"""The addresses of pages: names of conversations in paths, moments in queries."""

import re
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, urlencode

from starlette.requests import Request

from eventlog.errors import InvalidMomentError
from eventlog.format.names import MAIN

_VERSION: Final = re.compile(r"v?(\d{1,15})")
_LONGEST: Final = 40


def to(what: str, name: str, branch: str = MAIN, **query: object) -> str:
    """Return the address of a page, or of data, of a conversation.

    A browser takes `.` and `..` for folders, however they are escaped: they go into the query.
    """
    asked = {key: value for key, value in query.items() if value is not None}
    if branch != MAIN:
        asked["branch"] = branch
    segment = quote(name, safe="")
    if not name.strip("."):
        segment, asked["id"] = "", name
    return f"/{what}/{segment}" + (f"?{urlencode(asked)}" if asked else "")


def named(request: Request) -> tuple[str, str]:
    """Return the names of the conversation and of the branch that are asked for."""
    name = request.path_params["name"] or request.query_params.get("id", "")
    return name, request.query_params.get("branch", MAIN)


def moment(text: str | None) -> int | datetime | None:
    """Return the version (`v42`) or time (ISO 8601 with its zone) that an address names.

    A day alone is its beginning in UTC. Raises InvalidMomentError.
    """
    if not text:
        return None
    if version := _VERSION.fullmatch(text):
        return int(version[1])
    try:
        found = datetime.fromisoformat(text.replace(" ", "+"))  # A `+` that nobody escaped.
    except ValueError:
        shown = text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
        raise InvalidMomentError(
            f"{shown!r} is no version and no time. Write v42, 2026-11-01, or 2026-11-01T12:00Z."
        ) from None
    if len(text) <= len("2026-11-01"):
        return found.replace(tzinfo=UTC)
    if found.tzinfo is None:
        raise InvalidMomentError(f"{text!r} has no time zone. Write {text}Z for UTC.")
    return found
