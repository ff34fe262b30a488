"""Finds the conversation that ID names: a name, the beginning of one, or `latest`."""

import re
from datetime import UTC, datetime
from typing import Final, overload

from eventlog import EventLog
from eventlog.errors import AmbiguousNameError, InvalidMomentError, NoSuchConversationError
from eventlog.format.names import MAIN
from eventlog_projections import Conversation
from eventlog_projections.history.last_use import last_used

LATEST: Final = "latest"

LONGEST: Final = 40
"""Characters of a moment that an error repeats."""

SHOWN: Final = 10
"""Candidates that an error names."""


async def find(log: EventLog, name: str) -> str:
    """Return the name of the conversation that is meant.

    `latest` is the one that was used last, unless one has that name. Raises
    NoSuchConversationError, or AmbiguousNameError for the beginning of several names.
    """
    if await _is_there(log, name):
        return name
    if name == LATEST:
        return await _latest(log)
    found = await names(log, name, SHOWN + 1)
    if not found:
        raise NoSuchConversationError(
            f"There is no conversation {name!r}, and none whose name begins so."
            " `eventlog sessions` lists them."
        )
    if len(found) > 1:
        raise AmbiguousNameError(name, found[:SHOWN], more=len(found) > SHOWN)
    return found[0]


async def find_conversation(log: EventLog, name: str, branch: str = MAIN) -> Conversation:
    """Return the conversation that is meant, or a branch of it. Raises as `find` does."""
    return Conversation(log, await find(log, name), branch)


async def names(log: EventLog, prefix: str, limit: int) -> list[str]:
    """Return up to `limit` names of conversations that begin so, in order."""
    found: list[str] = []
    if prefix and await log.stream(prefix) is not None:
        found.append(prefix)
    async for row in log.streams(after=prefix):
        if len(found) == limit or not row.name.startswith(prefix):
            break
        found.append(row.name)
    return found


@overload
def moment(text: None) -> None: ...


@overload
def moment(text: str) -> int | datetime: ...


def moment(text: str | None) -> int | datetime | None:
    """Return the version or time that a text names. Raises InvalidMomentError.

    A time is ISO 8601 with its zone; a day alone is its beginning in UTC.
    """
    if text is None:
        return None
    if re.fullmatch(r"-?\d{1,19}", text):
        return int(text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidMomentError(
            f"{_cut(text)} is no version and no time. Write a number, 2026-11-01, or"
            " 2026-11-01T12:00Z."
        ) from None
    if len(text) <= len("2026-11-01"):
        return found.replace(tzinfo=UTC)
    if found.tzinfo is None:
        raise InvalidMomentError(
            f"{text!r} has no time zone. Write {text}Z for UTC, or add +01:00 or the like."
        )
    return found


def _cut(text: str) -> str:
    return repr(text if len(text) <= LONGEST else text[:LONGEST] + "...")


async def _is_there(log: EventLog, name: str) -> bool:
    if not name:
        return False
    if await log.stream(name) is not None:
        return True
    return bool(await log.branches(name).all())


async def _latest(log: EventLog) -> str:
    row = await last_used(log)
    if row is None:
        raise NoSuchConversationError("There is no conversation in this log yet.")
    return row.name
