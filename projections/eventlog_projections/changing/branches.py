"""The branches of a conversation: which there are, and what is done to all of them."""

import msgspec

from eventlog import Context, ConversationCleared, NewEvent, RecordedEvent
from eventlog.errors import InvalidOptionError, NoSuchBranchError
from eventlog.events import BranchDeleted
from eventlog.format.names import MAIN
from eventlog_projections.changing.changed import Change, change_list, changed
from eventlog_projections.history.diff import Diff
from eventlog_projections.items.changes import FOLDED
from eventlog_projections.stream import Decided, Stream


async def branches(stream: Stream) -> list[Stream]:
    """Return the branches of a conversation by age; the main one is none, deleted ones are not."""
    await stream.prepare()
    rows = await stream.log.branches(stream.name).all()
    rows.sort(key=lambda row: (row.created_at, row.branch))
    found = [stream.beside(stream.name, row.branch) for row in rows]
    return [branch for branch in found if not await _is_deleted(branch, await branch.version())]


async def open_branch(stream: Stream, branch: str) -> Stream:
    """Return a branch that is there. Raises NoSuchBranchError."""
    found = stream.beside(stream.name, branch)
    version = await found.version()
    if version == 0 or await _is_deleted(found, version):
        raise NoSuchBranchError(
            f"Branch {branch!r} of conversation {stream.name!r} does not exist."
        )
    return found


async def delete(stream: Stream, reason: str | None, context: Context) -> Change[Diff]:
    """Empty a branch and show it no more. Raises InvalidOptionError for the main one."""
    if not stream.branch:
        raise InvalidOptionError("The main branch cannot be deleted. Clear it.")

    async def take_away() -> Decided:
        return Decided(await stream.version(), BranchDeleted(reason))

    return await change_list(stream, take_away, context)


async def clear(
    stream: Stream, reason: str | None, context: Context, *, dry_run: bool = False
) -> Change[Diff]:
    """Empty the list, whatever others append meanwhile."""
    cleared = ConversationCleared(reason)
    if not dry_run:
        return changed(stream, (await stream.append(NewEvent(cleared, context))).last)

    async def empty() -> Decided:
        return Decided(await stream.version(), cleared)

    return await change_list(stream, empty, context, dry_run=True)


async def clear_all(stream: Stream, reason: str | None, context: Context) -> list[Change[Diff]]:
    """Empty the main branch, and then each of the others, by an event of its own.

    What was seen, as `context` says, is a version of `stream`, and of no other branch.
    """
    unseeing = msgspec.structs.replace(context, seen_version=None, seen_limit=None)
    main = stream.beside(stream.name, MAIN)
    return [
        await clear(branch, reason, context if branch.branch == stream.branch else unseeing)
        for branch in (main, *await branches(stream))
    ]


async def last_change(stream: Stream, version: int) -> RecordedEvent | None:
    """Return the last event up to a version that says something about the list."""
    while version > 0:
        page = await stream.events(after=version - 1, until=version)
        (event,) = await page.all()
        if event.kind in FOLDED:
            return event
        version -= 1
    return None


async def _is_deleted(branch: Stream, version: int) -> bool:
    last = await last_change(branch, version)
    return last is not None and last.kind == BranchDeleted.kind
