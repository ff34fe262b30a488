"""One conversation, or a branch of it: its items now and then, and the plain ways to change it."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from eventlog import (
    Appended,
    BusyError,
    ConflictError,
    Context,
    ConversationCleared,
    Event,
    EventLog,
    ItemPopped,
    ItemsAdded,
    ItemsReplaced,
    NewEvent,
    telemetry,
)
from eventlog.format.names import MAIN, check_branch, check_name
from eventlog.snapshots import EVERYTHING
from eventlog_projections.items.ancestors import Begun
from eventlog_projections.items.blocks import decode, last
from eventlog_projections.items.segments import UnreadableError
from eventlog_projections.items.state import State
from eventlog_projections.items.states import StateReader

NOBODY: Final = Context()
"""Nothing is known about who writes."""

MAX_TRIES: Final = 30
"""How often a change is decided anew because another writer was first."""


class ItemsRead(NamedTuple):
    """What a read returned: a version, its items or the last of them, and how many there are."""

    version: int
    items: list[Any]
    total: int


class _NothingThereError(Exception):
    """There is no item to pop."""


class Change(NamedTuple):
    """An event that makes sense for the list at `version`."""

    version: int
    event: Event


class Conversation:
    """A conversation of `log`, named by its session id, or a branch of it.

    Raises InvalidNameError.
    """

    def __init__(self, log: EventLog, name: str, branch: str = MAIN) -> None:
        self.log: Final = log
        self.name: Final = check_name("session_id", name)
        self.branch: Final = check_branch(branch)
        self._states: Final = StateReader(log, name, branch)

    async def items(
        self, *, as_of: int | datetime | None = None, limit: int | None = None
    ) -> list[Any]:
        """Return the items, or the last `limit` of them, now or as of a version or moment."""
        return (await self.view(as_of=as_of, limit=limit)).items

    async def view(
        self, *, as_of: int | datetime | None = None, limit: int | None = None
    ) -> ItemsRead:
        """Return the items beside the version they are of.

        `as_of` is a version up to the head, or an aware datetime. Raises InvalidMomentError,
        ErasedError, CorruptEventError or StoreError.
        """
        with telemetry.reading(self.name, self.branch):
            version = None
            if as_of is not None:
                version = await self.log.version_at(self.name, as_of, branch=self.branch)
            return await self._view(version, EVERYTHING if limit is None else limit)

    async def _view(self, version: int | None, wanted: int) -> ItemsRead:
        for read in (self._read, self._read_stored):
            with contextlib.suppress(UnreadableError):
                return _view(await read(version, wanted), wanted)
        return _view(await self._states.anew(version, wanted), wanted)

    async def refuse_erased(self, version: int) -> None:
        """Raise ErasedError if the list at a version had items that were erased since."""
        stream = await self.log.stream(self.name, branch=self.branch)
        if stream is not None and version < (stream.erased_version or 0):
            await self.view(as_of=version)

    async def _read_stored(self, version: int | None, wanted: int) -> State:
        await self._states.forget()
        return await self._read(version, wanted)

    async def _read(self, version: int | None, wanted: int) -> State:
        if version is None:
            return await self._states.current(wanted)
        return await self._states.at(version, wanted)

    async def begun(self) -> Begun:
        """Return what this fork began with. Raises CorruptEventError if it is none."""
        return await self._states.begun()

    async def add(
        self, items: Sequence[Any], *, context: Context = NOBODY, beside: Event | None = None
    ) -> Appended | None:
        """Append the items as one batch, all or nothing; without items nothing happens.

        Items are encoded before the first await. Commutes with what others append meanwhile.
        `beside` is appended with them, behind them.
        """
        if isinstance(items, list | tuple) and not items:
            self.log.spi.raise_if_closed()
            return None
        events = (ItemsAdded(items),) if beside is None else (ItemsAdded(items), beside)
        return await self.append([NewEvent(event, context) for event in events])

    async def pop(self, *, reason: str | None = None, context: Context = NOBODY) -> Any | None:
        """Take the last item off the list and return it, or None where there is none.

        Names the version it pops from, so two callers never get the same item.
        """
        popped: list[Any] = []

        async def pop_last() -> Change:
            version, popped[:], _ = await self.view(limit=1)
            if not popped:
                raise _NothingThereError
            return Change(version, ItemPopped(reason))

        with contextlib.suppress(_NothingThereError):
            await self.change(pop_last, context=context)
        return popped[0] if popped else None

    async def change(
        self, decide: Callable[[], Awaitable[Change]], *, context: Context = NOBODY
    ) -> Appended:
        """Append what `decide` names for the list as it is; it decides anew if others were first.

        What `decide` raises comes through. Raises BusyError if others are first again and again.
        """
        for attempt in range(MAX_TRIES):
            change = await decide()
            event = NewEvent(change.event, _having_seen(change.version, context))
            try:
                return await self.append(event, change.version)
            except ConflictError:
                await asyncio.sleep(random.uniform(0, 0.001 * 2 ** min(attempt, 6)))
        raise BusyError(
            f"Conversation {self.name!r}: other writers were first {MAX_TRIES} times in a row."
            " Nothing was changed. Try again."
        )

    async def replace(
        self, start: int, items: Sequence[Any], seen: ItemsRead, *, context: Context = NOBODY
    ) -> Appended:
        """Exchange the items from index `start` on, as one event, in the list that was `seen`.

        Raises ConflictError if the list has changed since.
        """
        replaced = NewEvent(ItemsReplaced(start, items), _having_seen(seen.version, context))
        return await self.append(replaced, seen.version)

    async def clear(self, *, reason: str | None = None, context: Context = NOBODY) -> Appended:
        """Empty the list; every event stays in the log."""
        return await self.append(NewEvent(ConversationCleared(reason), context))

    async def append(
        self, events: NewEvent | Sequence[NewEvent], expected: int | None = None
    ) -> Appended:
        """Append events as one batch, with `expected` only at that version. Errors as EventLog."""
        return await self.log.append(
            self.name, events, expected_version=expected, branch=self.branch
        )


def _view(state: State, wanted: int) -> ItemsRead:
    blocks = state.blocks if wanted == EVERYTHING else last(state.blocks, wanted)
    return ItemsRead(state.version, decode(blocks), state.total)


def _having_seen(version: int, context: Context) -> Context:
    """Say what was seen where no run says it: a pop has read the version that it pops from."""
    if context.seen_version is not None:
        return context
    return msgspec.structs.replace(context, seen_version=version)
