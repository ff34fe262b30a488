"""Forks: conversations, or branches of one, that begin with what another list was."""

from datetime import datetime

from eventlog import ConflictError, Context, NewEvent
from eventlog.errors import InvalidMomentError, NameTakenError
from eventlog.events import ConversationForked
from eventlog.format.names import MAIN
from eventlog.format.questions import check_count
from eventlog_projections.changing.archived import refuse_archived
from eventlog_projections.stream import Stream


async def fork(
    parent: Stream,
    new: Stream,
    at: int | datetime | None,
    kept: int | None,
    reason: str | None,
    context: Context,
    *,
    dry_run: bool = False,
) -> ConversationForked:
    """Begin a new stream with the parent's list as of `at`, or the first `kept` items of it.

    Returns the event that says so. With `dry_run` nothing is stored. Raises NameTakenError,
    InvalidMomentError, ErasedError or StoreError, and ArchivedError for a branch of a conversation
    that is closed.
    """
    forked = await _forking(parent, new, at, kept, reason)
    if dry_run:
        forked.body()  # What cannot be stored is refused.
        if version := await new.version():
            raise NameTakenError(new.name, new.branch, version)
        return forked
    try:
        await new.append(NewEvent(forked, context), 0)
    except ConflictError as error:
        raise NameTakenError(new.name, new.branch, error.actual) from error
    return forked


async def _forking(
    parent: Stream, new: Stream, at: int | datetime | None, kept: int | None, reason: str | None
) -> ConversationForked:
    """Return the event that a fork is. Whether another has the name is found out later."""
    if new.branch and new.name == parent.name:
        main = parent.beside(parent.name, MAIN)
        await refuse_archived(main, await main.version())
    seen = await parent.read(as_of=at, limit=0)
    if (new.name, new.branch) == (parent.name, parent.branch):
        raise NameTakenError(new.name, new.branch, seen.version)
    if kept is not None:
        check_count("kept", kept)
    if kept is not None and not 0 <= kept <= seen.total:
        raise InvalidMomentError(
            f"Conversation {parent.name!r} had {seen.total} items at version {seen.version}; a fork"
            f" cannot keep {kept} of them. Nothing was stored."
        )
    await parent.refuse_erased(seen.version)
    return ConversationForked(
        parent.log.spi.stream_id(parent.name, branch=parent.branch),
        seen.version,
        seen.total if kept is None else kept,
        reason,
    )
