"""Forks: conversations, or branches of one, that begin with what another list was."""

from datetime import datetime

from eventlog import ConflictError, Context, NewEvent
from eventlog.errors import InvalidMomentError, NameTakenError
from eventlog.events import ConversationForked
from eventlog.format import chain
from eventlog.format.names import MAIN
from eventlog_projections.conversation import NOBODY, Conversation


async def fork(
    parent: Conversation,
    name: str,
    *,
    branch: str = MAIN,
    at: int | datetime | None = None,
    kept: int | None = None,
    reason: str | None = None,
    context: Context = NOBODY,
) -> Conversation:
    """Return a new conversation, or a new branch of one, that begins with the parent's list.

    `at` is a version of the parent or an aware datetime; without it the fork begins with the list
    now. `kept` takes only so many items, from the first. One event, whatever the length of the
    list: nothing is copied, and what happens to the parent afterwards changes nothing in the fork.

    Raises NameTakenError for a name that was ever used, InvalidMomentError for a moment that is not
    there yet or items that were not there then, ErasedError, InvalidNameError or StoreError.
    """
    new = Conversation(parent.log, name, branch)
    seen = await parent.view(as_of=at, limit=0)
    if (name, branch) == (parent.name, parent.branch):
        raise NameTakenError(name, branch, seen.version)
    if kept is not None and not 0 <= kept <= seen.total:
        raise InvalidMomentError(
            f"Conversation {parent.name!r} had {seen.total} items at version {seen.version}; a fork"
            f" cannot keep {kept} of them. Nothing was stored."
        )
    await parent.refuse_erased(seen.version)
    forked = ConversationForked(
        chain.stream_id(parent.log.tenant, parent.name, parent.branch),
        seen.version,
        seen.total if kept is None else kept,
        reason,
    )
    try:
        await parent.log.append(name, NewEvent(forked, context), expected_version=0, branch=branch)
    except ConflictError as error:
        raise NameTakenError(name, branch, error.actual) from error
    return new
