"""What a change did, or would do: where it is in the log, what went and came, and the way back.

A change is one append. What it did is read from the versions before and behind it when somebody
asks, so that nobody pays for what nobody looks at, and so that a list that cannot be read, because
somebody changed or erased some of it, can still be cleared or restored.
"""

from collections.abc import Awaitable, Callable
from typing import Final, Generic, Protocol, TypeVar

from eventlog import Context
from eventlog.errors import InvalidOptionError
from eventlog.events import ConversationCleared, ConversationRewound, Event
from eventlog_projections.changing.archived import refuse_archived
from eventlog_projections.history.diff import Diff, compare
from eventlog_projections.history.salvage import first, read_intact
from eventlog_projections.stream import NO_CONTEXT, Decided, Stream

D = TypeVar("D")
"""Diff for a change of a list, LabelsDiff for one of labels."""
R_co = TypeVar("R_co", covariant=True)


class WayBack(Protocol[R_co]):
    """Makes what there is again what it was before a change."""

    async def __call__(self, reason: str | None, context: Context) -> R_co:
        """Store an event that does."""
        ...


class Change(Generic[D]):
    """A change of one conversation, or of one branch, that was stored, or that a dry run tells."""

    def __init__(
        self,
        before: int,
        version: int,
        diff: Callable[[], Awaitable[D]],
        back: "WayBack[Change[D]]",
    ) -> None:
        self.before: Final = before
        """The version that was changed: what there was at it went, and can be restored."""
        self.version: Final = version
        """The version that says so; of a dry run, `before`."""
        self._diff: Final = diff
        self._back: Final = back

    @property
    def is_dry_run(self) -> bool:
        """Whether nothing was stored."""
        return self.version == self.before

    async def diff(self) -> D:
        """Read what went and what came, as it was when the change was made.

        Raises ErasedError if some of it was erased since, and what else reading raises.
        """
        return await self._diff()

    async def take_back(
        self, *, reason: str | None = None, context: Context = NO_CONTEXT
    ) -> "Change[D]":
        """Make what there is again what it was before this change, by one more event.

        What others wrote since goes, too; the returned change says so. Raises ErasedError if some
        of it was erased, or InvalidOptionError for a dry run, and for a reason beside labels.
        """
        if self.is_dry_run:
            raise InvalidOptionError("Nothing was stored by a dry run, so nothing is taken back.")
        return await self._back(reason, context)

    def __repr__(self) -> str:
        return f"Change(before={self.before}, version={self.version})"


async def change_list(
    stream: Stream,
    decide: Callable[[], Awaitable[Decided]],
    context: Context,
    *,
    dry_run: bool = False,
) -> Change[Diff]:
    """Store what `decide` names for the list as it is, as `Stream.change` does, and tell of it."""
    if not dry_run:
        return changed(stream, (await stream.change(decide, context=context)).last)
    version, event = await decide()
    event.body()  # What cannot be stored is refused.
    await refuse_archived(stream, version)
    return _change(stream, version, version, *_left(event))


def changed(stream: Stream, version: int) -> Change[Diff]:
    """Return the change of a list that was stored as one event."""
    return _change(stream, version - 1, version, version, None)


async def go_back(
    stream: Stream, to: int, reason: str | None, context: Context, *, dry_run: bool = False
) -> Change[Diff]:
    """Make the list again what it was at a version that exists. Raises ErasedError."""
    await stream.refuse_erased(to)

    async def rewind() -> Decided:
        return Decided(await stream.version(), ConversationRewound(to, reason=reason))

    return await change_list(stream, rewind, context, dry_run=dry_run)


def _left(event: Event) -> tuple[int, int | None]:
    """Return of which version an event leaves the list, and how many items; None for all."""
    if isinstance(event, ConversationRewound):
        return event.to_version, event.kept
    if isinstance(event, ConversationCleared):
        return 0, None
    raise TypeError(f"{event.kind} is no change that can be planned.")


def _change(stream: Stream, before: int, version: int, then: int, kept: int | None) -> Change[Diff]:
    async def diff() -> Diff:
        old = (await read_intact(stream, before)).items
        new = (await read_intact(stream, then)).items
        return compare(old, new if kept is None else first(new, kept))

    async def back(reason: str | None, context: Context) -> Change[Diff]:
        return await go_back(stream, before, reason, context)

    return Change(before, version, diff, back)
