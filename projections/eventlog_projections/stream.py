"""The list of one stream, a conversation or a branch: read at a version, and changed there."""

import contextlib
import copy
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from eventlog import (
    Appended,
    ConflictError,
    Context,
    Event,
    EventLog,
    NewEvent,
    RecordedEvent,
    Results,
    telemetry,
)
from eventlog.format.names import MAIN, check_branch, check_name
from eventlog.format.questions import check_count
from eventlog.format.records import StreamRow
from eventlog.retrying import Tries, others_were_first
from eventlog.snapshots import EVERYTHING
from eventlog_projections.items.ancestors import ForkOrigin
from eventlog_projections.items.state import ListRead
from eventlog_projections.items.states import StateReader
from eventlog_projections.items.turns import start_of_last

FIRST_WINDOW: Final = 32
"""So many items are looked at first for the beginning of a turn; then four times as many."""

NO_CONTEXT: Final = Context()
"""Who writes, and in which run, is not known."""

BeforeUse = Callable[[], Awaitable[None]]
"""Awaited before each read and each append; what it does once, it has to remember itself."""


class Decided(NamedTuple):
    """An event that makes sense for the list at `version`."""

    version: int
    event: Event


class Stream:
    """The list of the conversation `name`, or of a branch of it. Raises InvalidNameError."""

    def __init__(
        self, log: EventLog, name: str, branch: str = MAIN, before_use: BeforeUse | None = None
    ) -> None:
        self.log: Final = log
        self.name: Final = check_name("session_id", name)
        self.branch: Final = check_branch(branch)
        self.before_use: Final = before_use
        self._states: Final = StateReader(log, name, branch)

    def beside(self, name: str, branch: str) -> "Stream":
        """Return another stream of the same log."""
        return Stream(self.log, name, branch, self.before_use)

    async def prepare(self) -> None:
        """Await what has to be done before the log is asked; every method here does."""
        if self.before_use is not None:
            await self.before_use()

    async def read(
        self, *, as_of: int | datetime | None = None, limit: int | None = None
    ) -> ListRead:
        """Return the items, or the last `limit` of them, now or as of a version or moment."""
        if limit is not None:
            check_count("limit", limit)
        await self.prepare()
        with telemetry.reading(self.name, self.branch):
            version = None if as_of is None else await self.version_at(as_of)
            return await self._states.read(version, EVERYTHING if limit is None else limit)

    async def read_turns(
        self, turns: int, *, as_of: int | datetime | None = None
    ) -> tuple[ListRead, int | None]:
        """Return the end of the list, and the index there at which its last turns begin.

        None where the list, which is all there then, has not as many. Decodes little more of it
        than the turns.
        """
        version = None if as_of is None else await self.version_at(as_of)
        limit = FIRST_WINDOW
        while True:
            seen = await self.read(as_of=version, limit=limit)
            whole = len(seen.items) == seen.total
            start = start_of_last(seen.items, turns, inner=seen.inner, is_whole_list=whole)
            if start is not None or whole:
                return seen, start
            limit *= 4

    async def version(self) -> int:
        """Return the version of the head, 0 where there is nothing."""
        await self.prepare()
        return await self.log.version(self.name, branch=self.branch)

    async def version_at(self, as_of: int | datetime) -> int:
        """Return the version that it was at. Raises InvalidMomentError."""
        await self.prepare()
        return await self.log.version_at(self.name, as_of, branch=self.branch)

    async def events(
        self, *, after: int = 0, until: int | None = None, kind: str | None = None
    ) -> Results[RecordedEvent]:
        """Return an iterator over the events with after < version <= until, of any kind or one."""
        await self.prepare()
        return self.log.read(self.name, after=after, until=until, kind=kind, branch=self.branch)

    async def row(self) -> StreamRow | None:
        """Return what the log knows of the stream; None where there is nothing."""
        await self.prepare()
        return await self.log.stream(self.name, branch=self.branch)

    async def origin(self) -> ForkOrigin:
        """Return what this fork began with. Raises CorruptEventError if it is none."""
        await self.prepare()
        return await self._states.origin()

    async def refuse_erased(self, version: int) -> None:
        """Raise ErasedError if the list at a version had items that were erased since."""
        row = await self.row()
        if row is not None and version < (row.erased_version or 0):
            await self.read(as_of=version)

    async def change(
        self, decide: Callable[[], Awaitable[Decided]], *, context: Context = NO_CONTEXT
    ) -> Appended:
        """Append what `decide` names for the list as it is; it decides anew if others were first.

        What `decide` raises comes through. Raises BusyError if others are first again and again.
        """
        async for _ in Tries():
            decided = await decide()
            event = NewEvent(decided.event, having_seen(decided.version, context))
            with contextlib.suppress(ConflictError):
                return await self.append(event, decided.version)
        raise others_were_first(self.name, "Nothing was changed. Try again.")

    async def append(
        self, events: NewEvent | Sequence[NewEvent], expected: int | None = None
    ) -> Appended:
        """Append events as one batch, with `expected` only at that version. Errors as EventLog."""
        if self.before_use is not None:
            events = copy.deepcopy(events)  # The caller may change them while that is awaited.
            await self.prepare()
        return await self.log.append(
            self.name, events, expected_version=expected, branch=self.branch
        )


class OnStream:
    """Whoever works on one stream."""

    def __init__(self, stream: Stream) -> None:
        self._stream: Final = stream


def having_seen(version: int, context: Context) -> Context:
    """Say what was seen where no run says it: a pop has read the version that it pops from."""
    if context.seen_version is not None:
        return context
    return msgspec.structs.replace(context, seen_version=version)
