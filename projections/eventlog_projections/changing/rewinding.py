"""Going back and forth: undo turns, redo what was undone, restore a version.

All three are one event, `ConversationRewound`, and nothing is lost by them. An undo keeps the first
items of the list that it finds, so it works wherever a turn begins: in the middle of a batch, in
what a compaction left, in what a fork inherited. It says which version that list was, and that is
where a redo goes back to.
"""

from datetime import datetime

from eventlog import Context
from eventlog.errors import NoSuchTurnError, NothingToRedoError
from eventlog.events import ConversationRewound
from eventlog.format.questions import check_count
from eventlog_projections.changing.branches import last_change
from eventlog_projections.changing.changed import Change, change_list, go_back
from eventlog_projections.history.diff import Diff
from eventlog_projections.items.turns import starts
from eventlog_projections.stream import Decided, Stream


async def restore(
    stream: Stream, to: int | datetime, reason: str | None, context: Context, *, dry_run: bool
) -> Change[Diff]:
    """Make the list again what it was then. Raises InvalidMomentError or ErasedError."""
    return await go_back(stream, await stream.version_at(to), reason, context, dry_run=dry_run)


async def undo(
    stream: Stream, turns: int, reason: str | None, context: Context, *, dry_run: bool
) -> Change[Diff]:
    """Take the last `turns` turns off the list. Raises NoSuchTurnError or InvalidInputError."""
    check_count("turns", turns, least=1)

    async def take_off() -> Decided:
        seen, start = await stream.read_turns(turns)
        if start is None:
            raise _no_such_turn(stream, turns, len(starts(seen.items, seen.inner)))
        kept = seen.total - len(seen.items) + start
        return Decided(seen.version, ConversationRewound(seen.version, kept, reason))

    return await change_list(stream, take_off, context, dry_run=dry_run)


async def redo(
    stream: Stream, reason: str | None, context: Context, *, dry_run: bool
) -> Change[Diff]:
    """Take back the last undo that was not taken back yet. Raises NothingToRedoError."""

    async def go_forth() -> Decided:
        head = await stream.version()
        return Decided(head, ConversationRewound(await _undone(stream, head), reason=reason))

    return await change_list(stream, go_forth, context, dry_run=dry_run)


async def _undone(stream: Stream, version: int) -> int:
    """Return the version that the last undo before `version` was made at."""
    while (event := await last_change(stream, version)) is not None:
        header = event.header
        if event.kind != ConversationRewound.kind or header.to_version is None:
            break
        if header.kept is not None:
            return header.to_version
        version = header.to_version  # The list is what it was there, so is what can be redone.
    raise NothingToRedoError(
        f"Nothing can be redone in conversation {stream.name!r}: nothing was undone, or something"
        " else was written since. See its history, and restore the version that you want."
    )


def _no_such_turn(stream: Stream, turns: int, there: int) -> NoSuchTurnError:
    return NoSuchTurnError(
        f"{turns} turns cannot be undone in conversation {stream.name!r}: its list has {there} that"
        " can. Nothing was undone. See its history, and restore an earlier version."
    )
