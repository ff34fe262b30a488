"""One conversation, or a branch of it: its items now and then, its past, and how to change it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from eventlog import (
    Appended,
    Context,
    ConversationCleared,
    Event,
    EventLog,
    ItemsAdded,
    ItemsReplaced,
    NewEvent,
    Results,
)
from eventlog.format.names import MAIN
from eventlog_projections.changing import branches, forks, labels, popping, rewinding
from eventlog_projections.changing.labels import Labels
from eventlog_projections.history import diff, events, moments, turn_usage
from eventlog_projections.history.diff import Diff
from eventlog_projections.history.events import HistoryEvent
from eventlog_projections.history.turn_usage import TurnUsage
from eventlog_projections.items.state import ItemsRead
from eventlog_projections.stream import NO_CONTEXT, BeforeUse, Stream, having_seen


class Conversation:
    """A conversation of `log`, named by its session id, or a branch of it.

    `before_use` is awaited before each read and each append. `reason` and `context` are recorded
    with the event: why, and who in which run. Nothing is ever lost by a change: every event stays
    in the log. Raises InvalidNameError.
    """

    def __init__(
        self, log: EventLog, name: str, branch: str = MAIN, *, before_use: BeforeUse | None = None
    ) -> None:
        self._stream: Final = Stream(log, name, branch, before_use)
        self.log: Final = log
        self.name: Final = name
        self.branch: Final = branch

    async def items(
        self, *, as_of: int | datetime | None = None, limit: int | None = None
    ) -> list[Any]:
        """Return the items, or the last `limit` of them, now or as of a version or moment."""
        return (await self._stream.read(as_of=as_of, limit=limit)).items

    async def read(
        self, *, as_of: int | datetime | None = None, limit: int | None = None
    ) -> ItemsRead:
        """Return the items beside the version they are of.

        `as_of` is a version up to the head, or an aware datetime. Raises InvalidMomentError,
        ErasedError, CorruptEventError or StoreError.
        """
        return await self._stream.read(as_of=as_of, limit=limit)

    async def add(
        self, items: Sequence[Any], *, context: Context = NO_CONTEXT, beside: Event | None = None
    ) -> Appended | None:
        """Append the items as one batch, all or nothing; without items nothing happens.

        Items are encoded before the first await. Commutes with what others append meanwhile.
        `beside` is appended with them, behind them.
        """
        if isinstance(items, list | tuple) and not items:
            self.log.spi.raise_if_closed()
            return None
        new = (ItemsAdded(items),) if beside is None else (ItemsAdded(items), beside)
        return await self.append([NewEvent(event, context) for event in new])

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

    async def clear(self, *, reason: str | None = None, context: Context = NO_CONTEXT) -> Appended:
        """Empty the list; every event stays in the log."""
        return await self.append(NewEvent(ConversationCleared(reason), context))

    async def clear_all(self, *, reason: str | None = None, context: Context = NO_CONTEXT) -> None:
        """Empty the main branch, and then each of the others, by an event of its own.

        What was seen, as `context` says, is a version of this branch, and of no other.
        """
        await branches.clear_all(self._stream, reason, context)

    async def undo(
        self, turns: int = 1, *, reason: str | None = None, context: Context = NO_CONTEXT
    ) -> Appended:
        """Take the last `turns` turns off the list: it ends before the message that began them.

        A call is not parted from its output: where one would be, the turn before goes too. Raises
        NoSuchTurnError if the list has not as many turns, InvalidInputError for fewer than one.
        """
        return await rewinding.undo(self._stream, turns, reason, context)

    async def redo(self, *, reason: str | None = None, context: Context = NO_CONTEXT) -> Appended:
        """Take back the last undo that was not taken back yet.

        Raises NothingToRedoError if nothing was undone, or the list has changed since.
        """
        return await rewinding.redo(self._stream, reason, context)

    async def restore(
        self, to: int | datetime, *, reason: str | None = None, context: Context = NO_CONTEXT
    ) -> Appended:
        """Make the list again what it was at a version or an aware datetime.

        What could be redone then can be redone again. Raises InvalidMomentError or ErasedError.
        """
        return await rewinding.restore(self._stream, to, reason, context)

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
    ) -> None:
        """Empty this branch and show it no more; its events, and its name, stay.

        Raises InvalidOptionError for the main one.
        """
        await branches.delete(self._stream, reason, context)

    async def label(
        self,
        *,
        title: str | None = None,
        owner: str | None = None,
        tags: Iterable[str] | None = None,
        context: Context = NO_CONTEXT,
    ) -> Appended:
        """Give the conversation a title, an owner or tags, as one event.

        None leaves what there is; an empty text, or no tags, removes it. Raises InvalidInputError.
        """
        return await labels.label(self._stream, title, owner, tags, context)

    async def labels(self) -> Labels:
        """Return what the conversation is labelled with now, but for what was erased."""
        return await labels.labels(self._stream)

    def history(self) -> Results[HistoryEvent]:
        """Iterate over every event there is, in order; one that cannot be read has an `error`."""
        return events.history(self._stream)

    async def diff(self, a: int | datetime | None = None, b: int | datetime | None = None) -> Diff:
        """Compare the list at `a` with the list at `b`: versions or aware datetimes, None for now.

        Items are compared by what they say, not by which event brought them. What cannot be read,
        because it was changed, is an `Unreadable` in its place. Raises InvalidMomentError.
        """
        return await diff.diff(self._stream, a, b)

    async def moments(self, version: int) -> list[datetime]:
        """Return when each item of the list at a version was recorded, in its order."""
        return await moments.moments(self._stream, version)

    async def usage_by_turn(self) -> list[TurnUsage]:
        """Return what was recorded as used on this branch, oldest first.

        A turn that was undone has used what it used: it counts for the turn that had its number.
        What a fork's parent used, the parent has. What was erased is not known any more. An event
        that cannot be read, because it was changed, is an entry with an `error`.
        """
        return await turn_usage.usage_by_turn(self._stream)


def _conversation(stream: Stream) -> Conversation:
    return Conversation(stream.log, stream.name, stream.branch, before_use=stream.before_use)
