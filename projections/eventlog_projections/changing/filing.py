"""How a conversation is filed: its labels, and whether it is closed to writers."""

import contextlib
from collections.abc import Iterable

from eventlog import Appended, Context, NewEvent
from eventlog.errors import ConflictError, NoSuchConversationError
from eventlog.events import ConversationArchived, ConversationUnarchived
from eventlog.format.names import MAIN
from eventlog.retrying import Tries, others_were_first
from eventlog_projections.changing import labels
from eventlog_projections.changing.archived import is_archived
from eventlog_projections.changing.changed import Change
from eventlog_projections.changing.labels import Labels, LabelsDiff
from eventlog_projections.stream import NO_CONTEXT, OnStream, Stream

_Filed = ConversationArchived | ConversationUnarchived


class Filed(OnStream):
    """Labels a conversation, and archives it. Nothing of its lists is changed."""

    async def label(
        self,
        *,
        title: str | None = None,
        owner: str | None = None,
        tags: Iterable[str] | None = None,
        context: Context = NO_CONTEXT,
        dry_run: bool = False,
    ) -> Change[LabelsDiff]:
        """Give the conversation a title, an owner or tags, as one event.

        None leaves what there is; an empty text, or no tags, removes it. With `dry_run` nothing is
        stored. Raises InvalidInputError.
        """
        labelled = labels.labelled(title, owner, tags)
        return await labels.label(self._stream, labelled, context, dry_run=dry_run)

    async def labels(self) -> Labels:
        """Return what the conversation is labelled with now, but for what was erased."""
        return await labels.labels(self._stream)

    async def archive(
        self, *, reason: str | None = None, context: Context = NO_CONTEXT
    ) -> Appended:
        """Close the conversation, and then each of its branches, to whoever would still write.

        An append raises ArchivedError from then on, decided where it is stored; what is there can
        be read, held, forked into another conversation and erased. Returns where the main branch
        says so: of one that was closed before, `replayed`. Raises NoSuchConversationError.
        """
        return await _file(self._stream, ConversationArchived(reason), context, is_wanted=False)

    async def unarchive(
        self, *, reason: str | None = None, context: Context = NO_CONTEXT
    ) -> Appended:
        """Open the conversation and its branches again. Raises NoSuchConversationError."""
        return await _file(self._stream, ConversationUnarchived(reason), context, is_wanted=True)

    async def is_archived(self) -> bool:
        """Tell whether this conversation, or this branch, is closed."""
        return await is_archived(self._stream, await self._stream.version())


async def _file(stream: Stream, event: _Filed, context: Context, *, is_wanted: bool) -> Appended:
    """File the main branch, and then each other one, where that is archived or is not."""
    event.body()  # What cannot be stored is refused, even where nothing is to be stored.
    main = stream.beside(stream.name, MAIN)
    if not await main.version():
        raise NoSuchConversationError(f"There is no conversation {stream.name!r}.")
    filed = await _file_one(main, NewEvent(event, context), is_wanted=is_wanted)
    for row in await stream.log.branches(stream.name).all():
        branch = stream.beside(stream.name, row.branch)
        await _file_one(branch, NewEvent(event, context), is_wanted=is_wanted)
    return filed


async def _file_one(stream: Stream, new: NewEvent, *, is_wanted: bool) -> Appended:
    async for _ in Tries():
        version = await stream.version()
        if await is_archived(stream, version) is not is_wanted:
            return Appended(version, version, replayed=True)
        with contextlib.suppress(ConflictError):
            return await stream.append(new, version)
    raise others_were_first(stream.name, "It is as it was. Try again.")
