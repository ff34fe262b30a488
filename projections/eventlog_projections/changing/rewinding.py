"""Going back and forth: undo turns, redo what was undone, restore a version.

All three are one event, `ConversationRewound`, and nothing is lost by them. An undo keeps the first
items of the list that it finds, so it works wherever a turn begins: in the middle of a batch, in
what a compaction left, in what a fork inherited. It says which version that list was, and that is
where a redo goes back to.
"""

from datetime import datetime

from eventlog import Appended, Context
from eventlog.errors import NoSuchTurnError, NothingToRedoError
from eventlog.events import ConversationRewound
from eventlog.format.questions import check_count
from eventlog_projections.changing.branches import last_change
from eventlog_projections.items.turns import starts
from eventlog_projections.stream import Change, Stream


async def restore(
    stream: Stream, to: int | datetime, reason: str | None, context: Context
) -> Appended:
    """Make the list again what it was then. Raises InvalidMomentError or ErasedError."""
    version = await stream.version_at(to)
    await stream.refuse_erased(version)

    async def go_back() -> Change:
        return Change(await stream.version(), ConversationRewound(version, reason=reason))

    return await stream.change(go_back, context=context)


async def undo(stream: Stream, turns: int, reason: str | None, context: Context) -> Appended:
    """Take the last `turns` turns off the list. Raises NoSuchTurnError or InvalidInputError."""

    async def take_off() -> Change:
        version, kept = await undoing(stream, turns)
        return Change(version, ConversationRewound(version, kept, reason))

    return await stream.change(take_off, context=context)


async def undoing(stream: Stream, turns: int) -> tuple[int, int]:
    """Return which version, and how many items of it, would be left without the last turns."""
    check_count("turns", turns, least=1)
    seen, start = await stream.read_turns(turns)
    if start is None:
        raise _no_such_turn(stream, turns, len(starts(seen.items, seen.inner)))
    return seen.version, seen.total - len(seen.items) + start


async def redoing(stream: Stream) -> int:
    """Return the version that a redo would go back to. Raises NothingToRedoError."""
    return await _undone(stream, await stream.version())


async def redo(stream: Stream, reason: str | None, context: Context) -> Appended:
    """Take back the last undo that was not taken back yet. Raises NothingToRedoError."""

    async def go_forth() -> Change:
        head = await stream.version()
        return Change(head, ConversationRewound(await _undone(stream, head), reason=reason))

    return await stream.change(go_forth, context=context)


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
