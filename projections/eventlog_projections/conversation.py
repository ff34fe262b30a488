"""One conversation, or a branch of it: its items now and then, its past, and how to change it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from eventlog import (
    Appended,
    Context,
    Event,
    EventLog,
    ItemsReplaced,
    NewEvent,
)
from eventlog.errors import InvalidOptionError
from eventlog.format.names import MAIN
from eventlog.format.questions import check_count
from eventlog_projections.changing import branches, forks, popping, rewinding
from eventlog_projections.changing.changed import Change
from eventlog_projections.changing.filing import Filed
from eventlog_projections.history.diff import Diff
from eventlog_projections.history.past import Past
from eventlog_projections.items.state import ItemsRead
from eventlog_projections.items.turns import as_added
from eventlog_projections.stream import NO_CONTEXT, BeforeUse, Stream, having_seen


class Conversation(Past, Filed):
    """A conversation of `log`, named by its session id, or a branch of it.

    `before_use` is awaited before each read and each append. `reason` and `context` are recorded
    with the event: why, and who in which run. Nothing is ever lost by a change: every event stays
    in the log. What takes items or labels away returns a `Change`: what went and came, and the way
    back. Raises InvalidNameError.
    """

    def __init__(
        self, log: EventLog, name: str, branch: str = MAIN, *, before_use: BeforeUse | None = None
    ) -> None:
        super().__init__(Stream(log, name, branch, before_use))
        self.log: Final = log
        self.name: Final = name
        self.branch: Final = branch

    async def items(
        self,
        *,
        as_of: int | datetime | None = None,
        limit: int | None = None,
        limit_turns: int | None = None,
    ) -> list[Any]:
        """Return the items, or the last of them, now or as of a version or moment: see `read`."""
        return (await self.read(as_of=as_of, limit=limit, limit_turns=limit_turns)).items

    async def read(
        self,
        *,
        as_of: int | datetime | None = None,
        limit: int | None = None,
        limit_turns: int | None = None,
    ) -> ItemsRead:
        """Return the items beside the version they are of.

        `as_of` is a version up to the head, or an aware datetime. `limit` is how many of the last
        items. `limit_turns` is how many of the last turns, whole: what an undo of as many would
        take off, so that no call is parted from its output; a list of fewer turns is returned as it
        is, with what comes before the first. Raises InvalidOptionError for both, InvalidInputError,
        InvalidMomentError, ErasedError, CorruptEventError or StoreError.
        """
        if limit_turns is None:
            return (await self._stream.read(as_of=as_of, limit=limit)).behind()
        if limit is not None:
            raise InvalidOptionError("Give one of limit and limit_turns.")
        if check_count("limit_turns", limit_turns) == 0:
            return (await self._stream.read(as_of=as_of, limit=0)).behind()
        seen, start = await self._stream.read_turns(limit_turns, as_of=as_of)
        return seen.behind(start)

    async def add(
        self,
        items: Sequence[Any],
        *,
        context: Context = NO_CONTEXT,
        beside: Event | Sequence[Event] | None = None,
    ) -> Appended | None:
        """Append the items as one batch, all or nothing; without items nothing happens.

        Items are encoded before the first await. Commutes with what others append meanwhile.
        `beside` is appended with them, behind them. With a `parent_run_id` in the context they
        begin no turn.
        """
        if isinstance(items, (list, tuple)) and not items:
            self.log.spi.raise_if_closed()
            return None
        others = [beside] if isinstance(beside, Event) else beside or ()
        new = [as_added(items, context), *others]
        return await self._stream.append([NewEvent(event, context) for event in new])

    async def append(
        self, events: NewEvent | Sequence[NewEvent], expected: int | None = None
    ) -> Appended:
        """Append events as one batch, with `expected` only at that version. Errors as EventLog."""
        return await self._stream.append(events, expected)

    async def pop(self, *, reason: str | None = None, context: Context = NO_CONTEXT) -> Any | None:
        """Take the last item off the list and return it, or None where there is none.

        Names the version it pops from, so two callers never get the same item.
        """
        return await popping.pop(self._stream, reason, context)

    async def replace(
        self, start: int, items: Sequence[Any], seen: ItemsRead, *, context: Context = NO_CONTEXT
    ) -> Appended:
        """Exchange the items from index `start` on, as one event, in the list that was `seen`.

        Raises ConflictError if the list has changed since.
        """
        replaced = NewEvent(ItemsReplaced(start, items), having_seen(seen.version, context))
        return await self.append(replaced, seen.version)

    async def clear(
        self,
        *,
        reason: str | None = None,
        context: Context = NO_CONTEXT,
        dry_run: bool = False,
    ) -> Change[Diff]:
        """Empty the list; every event stays in the log. With `dry_run` nothing is stored."""
        return await branches.clear(self._stream, reason, context, dry_run=dry_run)

    async def clear_all(
        self, *, reason: str | None = None, context: Context = NO_CONTEXT
    ) -> list[Change[Diff]]:
        """Empty the main branch, and then each of the others, by an event of its own.

        What was seen, as `context` says, is a version of this branch, and of no other.
        """
        return await branches.clear_all(self._stream, reason, context)

    async def undo(
        self,
        turns: int = 1,
        *,
        reason: str | None = None,
        context: Context = NO_CONTEXT,
        dry_run: bool = False,
    ) -> Change[Diff]:
        """Take the last `turns` turns off the list: it ends before the message that began them.

        A call is not parted from its output: where one would be, the turn before goes too. With
        `dry_run` nothing is stored. Raises NoSuchTurnError if the list has not as many turns,
        InvalidInputError for fewer than one.
        """
        return await rewinding.undo(self._stream, turns, reason, context, dry_run=dry_run)

    async def redo(
        self,
        *,
        reason: str | None = None,
        context: Context = NO_CONTEXT,
        dry_run: bool = False,
    ) -> Change[Diff]:
        """Take back the last undo that was not taken back yet. With `dry_run` nothing is stored.

        Raises NothingToRedoError if nothing was undone, or the list has changed since.
        """
        return await rewinding.redo(self._stream, reason, context, dry_run=dry_run)

    async def restore(
        self,
        to: int | datetime,
        *,
        reason: str | None = None,
        context: Context = NO_CONTEXT,
        dry_run: bool = False,
    ) -> Change[Diff]:
        """Make the list again what it was at a version or an aware datetime.

        What could be redone then can be redone again. With `dry_run` nothing is stored. Raises
        InvalidMomentError or ErasedError.
        """
        return await rewinding.restore(self._stream, to, reason, context, dry_run=dry_run)

    async def fork(
        self,
        name: str,
        *,
        branch: str = MAIN,
        at: int | datetime | None = None,
        kept: int | None = None,
        reason: str | None = None,
        context: Context = NO_CONTEXT,
    ) -> "Conversation":
        """Return a new conversation, or a new branch of one, that begins with this list.

        `at` is a version or an aware datetime; without it the fork begins with the list now. `kept`
        takes only so many items, from the first. One event, whatever the length of the list:
        nothing is copied, and what happens here afterwards changes nothing in the fork.

        Raises NameTakenError for a name that was ever used, InvalidMomentError for a moment that is
        not there yet or items that were not there then, ErasedError, InvalidNameError or
        StoreError.
        """
        new = self._stream.beside(name, branch)
        await forks.fork(self._stream, new, at, kept, reason, context)
        return _conversation(new)

    async def branches(self) -> "list[Conversation]":
        """Return the branches by age; the main one is none of them, deleted ones are not there."""
        return [_conversation(branch) for branch in await branches.branches(self._stream)]

    async def open_branch(self, branch: str) -> "Conversation":
        """Return a branch that is there. Raises NoSuchBranchError."""
        return _conversation(await branches.open_branch(self._stream, branch))

    async def delete_branch(
        self, *, reason: str | None = None, context: Context = NO_CONTEXT
    ) -> Change[Diff]:
        """Empty this branch and show it no more; its events, and its name, stay.

        Raises InvalidOptionError for the main one.
        """
        return await branches.delete(self._stream, reason, context)


def _conversation(stream: Stream) -> Conversation:
    return Conversation(stream.log, stream.name, stream.branch, before_use=stream.before_use)
