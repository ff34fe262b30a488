"""Going back and forth: undo turns, redo what was undone, restore a version.

All three are one event, `ConversationRewound`, and nothing is lost by them. An undo keeps the first
items of the list that it finds, so it works wherever a turn begins: in the middle of a batch, in
what a compaction left, in what a fork inherited. It says which version that list was, and that is
where a redo goes back to.
"""

from datetime import datetime
from typing import Final

from eventlog import Appended, Context, InvalidInputError
from eventlog.errors import NoSuchTurnError, NothingToRedoError
from eventlog.events import ConversationRewound
from eventlog_projections.changing.branches import last_change
from eventlog_projections.conversation import NOBODY, Change, Conversation
from eventlog_projections.items.turns import is_user_message, start_of_last

FIRST_WINDOW: Final = 32
"""So many items are looked at first for the beginning of a turn; then four times as many."""


async def restore(
    chat: Conversation,
    to: int | datetime,
    *,
    reason: str | None = None,
    context: Context = NOBODY,
) -> Appended:
    """Make the list again what it was at a version or an aware datetime.

    What could be redone then can be redone again. Raises InvalidMomentError or ErasedError.
    """
    version = await chat.log.version_at(chat.name, to, branch=chat.branch)
    await chat.refuse_erased(version)

    async def go_back() -> Change:
        head = await chat.log.version(chat.name, branch=chat.branch)
        return Change(head, ConversationRewound(version, reason=reason))

    return await chat.change(go_back, context=context)


async def undo(
    chat: Conversation,
    turns: int = 1,
    *,
    reason: str | None = None,
    context: Context = NOBODY,
) -> Appended:
    """Take the last `turns` turns off the list: it ends before the user's message that began them.

    A call is not parted from its output: where one would be, the turn before goes too. Raises
    NoSuchTurnError if the list has not as many turns, and InvalidInputError for fewer than one.
    """
    if isinstance(turns, bool) or turns < 1:
        raise InvalidInputError(f"turns is a number from 1, not {turns!r}. Nothing was undone.")

    async def take_off() -> Change:
        limit = FIRST_WINDOW
        while True:
            seen = await chat.view(limit=limit)
            whole = len(seen.items) == seen.total
            start = start_of_last(seen.items, turns, is_whole_list=whole)
            if start is not None:
                kept = seen.total - len(seen.items) + start
                return Change(seen.version, ConversationRewound(seen.version, kept, reason))
            if whole:
                raise _no_such_turn(chat, turns, sum(map(is_user_message, seen.items)))
            limit *= 4

    return await chat.change(take_off, context=context)


async def redo(
    chat: Conversation, *, reason: str | None = None, context: Context = NOBODY
) -> Appended:
    """Take back the last undo that was not taken back yet.

    Raises NothingToRedoError if nothing was undone, or the list has changed since.
    """

    async def go_forth() -> Change:
        head = await chat.log.version(chat.name, branch=chat.branch)
        return Change(head, ConversationRewound(await _undone(chat, head), reason=reason))

    return await chat.change(go_forth, context=context)


async def _undone(chat: Conversation, version: int) -> int:
    """Return the version that the last undo before `version` was made at."""
    while (event := await last_change(chat, version)) is not None:
        header = event.header
        if event.kind != ConversationRewound.kind or header.to_version is None:
            break
        if header.kept is not None:
            return header.to_version
        version = header.to_version  # The list is what it was there, so is what can be redone.
    raise NothingToRedoError(
        f"Nothing can be redone in conversation {chat.name!r}: nothing was undone, or something"
        " else was written since. See its history, and restore the version that you want."
    )


def _no_such_turn(chat: Conversation, turns: int, there: int) -> NoSuchTurnError:
    return NoSuchTurnError(
        f"{turns} turns cannot be undone in conversation {chat.name!r}: its list has {there} that"
        " can. Nothing was undone. See its history, and restore an earlier version."
    )
