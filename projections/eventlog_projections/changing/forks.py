"""Forks: conversations, or branches of one, that begin with what another list was."""

from datetime import datetime

from eventlog import ConflictError, Context, NewEvent
from eventlog.errors import ArchivedError, InvalidMomentError, NameTakenError
from eventlog.events import ConversationForked
from eventlog.format.names import MAIN
from eventlog.format.questions import check_count
from eventlog_projections.changing.filing import is_archived
from eventlog_projections.stream import Stream


async def fork(
    parent: Stream,
    new: Stream,
    at: int | datetime | None,
    kept: int | None,
    reason: str | None,
    context: Context,
) -> None:
    """Begin a new stream with the parent's list as of `at`, or the first `kept` items of it.

    Raises NameTakenError, InvalidMomentError, ErasedError or StoreError, and ArchivedError for a
    branch of a conversation that is closed.
    """
    if new.branch and new.name == parent.name:
        await _refuse_archived(parent)
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
    forked = ConversationForked(
        parent.log.spi.stream_id(parent.name, branch=parent.branch),
        seen.version,
        seen.total if kept is None else kept,
        reason,
    )
    try:
        await new.append(NewEvent(forked, context), 0)
    except ConflictError as error:
        raise NameTakenError(new.name, new.branch, error.actual) from error


async def _refuse_archived(stream: Stream) -> None:
    main = stream.beside(stream.name, MAIN)
    version = await main.version()
    if await is_archived(main, version):
        raise ArchivedError(stream.name, version)
