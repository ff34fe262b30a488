"""Finds the conversation that ID names: a name, the beginning of one, or `latest`."""

from typing import TYPE_CHECKING, Final

from eventlog import EventLog
from eventlog.errors import (
    AmbiguousNameError,
    InvalidInputError,
    NoSuchBranchError,
    NoSuchConversationError,
)
from eventlog.format.names import MAIN
from eventlog.visible import typed
from eventlog_cli.completing import LATEST
from eventlog_projections.history.last_use import last_used

if TYPE_CHECKING:
    from eventlog_projections.conversation import Conversation

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


async def find_whole(log: EventLog, name: str) -> str:
    """Return the name of the conversation that is to be destroyed: `latest`, or a whole name.

    Raises InvalidInputError for a beginning, naming what it would have meant.
    """
    found = await find(log, name)
    if found != name and name != LATEST:
        raise InvalidInputError(
            f"{name!r} is the beginning of {typed(found)}. Type the whole name of what is to be"
            " destroyed or emptied."
        )
    return found


async def find_conversation(
    log: EventLog, name: str, branch: str = MAIN, *, whole: bool = False
) -> "Conversation":
    """Return the conversation that is meant, or a branch of it that is there.

    Raises as `find` does, and NoSuchBranchError.
    """
    from eventlog_projections.conversation import Conversation

    found = await (find_whole if whole else find)(log, name)
    if branch:
        await check_branch(log, found, branch)
    return Conversation(log, found, branch)


async def check_branch(log: EventLog, name: str, branch: str) -> None:
    """Raise NoSuchBranchError for a branch that was never there."""
    if not branch or await log.version(name, branch=branch):
        return
    there = [typed(row.branch) async for row in log.branches(name)]
    listed = f"There are: {', '.join(there)}." if there else "It has none."
    raise NoSuchBranchError(f"{typed(name)} has no branch {typed(branch)}. {listed}")


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
