"""The branches of a conversation: which there are, and what is done to all of them."""

import msgspec

from eventlog import Context, EventLog, RecordedEvent
from eventlog.errors import InvalidOptionError, NoSuchBranchError
from eventlog.events import BranchDeleted
from eventlog_projections.conversation import NOBODY, Change, Conversation
from eventlog_projections.items.fold import changes_list


async def branches(log: EventLog, name: str) -> list[Conversation]:
    """Return the branches of a conversation by age; the main one is none, deleted ones are not."""
    rows = await log.branches(name).all()
    rows.sort(key=lambda row: (row.created_at, row.branch))
    found = [Conversation(log, name, row.branch) for row in rows]
    return [branch for branch in found if not await _is_deleted(branch)]


async def open_branch(log: EventLog, name: str, branch: str) -> Conversation:
    """Return a branch that is there. Raises NoSuchBranchError."""
    found = Conversation(log, name, branch)
    if await log.version(name, branch=branch) == 0 or await _is_deleted(found):
        raise NoSuchBranchError(f"Branch {branch!r} of conversation {name!r} does not exist.")
    return found


async def delete_branch(
    branch: Conversation, *, reason: str | None = None, context: Context = NOBODY
) -> None:
    """Empty the branch and show it no more; its events, and its name, stay."""
    if not branch.branch:
        raise InvalidOptionError("The main branch cannot be deleted. Clear it.")

    async def take_away() -> Change:
        head = await branch.log.version(branch.name, branch=branch.branch)
        return Change(head, BranchDeleted(reason))

    await branch.change(take_away, context=context)


async def clear_all(
    chat: Conversation, *, reason: str | None = None, context: Context = NOBODY
) -> None:
    """Empty the main branch, and then each of the others, by an event of its own.

    What was seen, as `context` says, is a version of `chat`, and of no other branch.
    """
    unseeing = msgspec.structs.replace(context, seen_version=None, seen_limit=None)
    main = Conversation(chat.log, chat.name)
    for branch in (main, *await branches(chat.log, chat.name)):
        seen = context if branch.branch == chat.branch else unseeing
        await branch.clear(reason=reason, context=seen)


async def _is_deleted(branch: Conversation) -> bool:
    last = await last_change(branch, await branch.log.version(branch.name, branch=branch.branch))
    return last is not None and last.kind == BranchDeleted.kind


async def last_change(chat: Conversation, version: int) -> RecordedEvent | None:
    """Return the last event up to a version that says something about the list."""
    while version > 0:
        page = chat.log.read(chat.name, after=version - 1, until=version, branch=chat.branch)
        (event,) = await page.all()
        if changes_list(event.kind):
            return event
        version -= 1
    return None
