"""Labels of a conversation: its title, its owner, its tags."""

from collections.abc import Iterable
from typing import NamedTuple

from eventlog import Context, InvalidInputError, NewEvent
from eventlog.errors import InvalidOptionError
from eventlog.events import ConversationLabelled
from eventlog_projections.changing.archived import refuse_archived
from eventlog_projections.changing.changed import Change
from eventlog_projections.stream import Stream


class Labels(NamedTuple):
    """What a conversation is labelled with; None and () where it is not."""

    title: str | None = None
    owner: str | None = None
    tags: tuple[str, ...] = ()


class LabelsDiff(NamedTuple):
    """What a conversation was labelled with before a change, and behind it."""

    before: Labels
    after: Labels


def labelled(
    title: str | None, owner: str | None, tags: Iterable[str] | None
) -> ConversationLabelled:
    """Return the event that gives a conversation these labels. Raises InvalidInputError."""
    if title is None and owner is None and tags is None:
        raise InvalidInputError("Give a title, an owner or tags to label a conversation with.")
    if isinstance(tags, str):
        raise InvalidInputError(f"tags are a list of texts, not the text {tags!r}.")
    return ConversationLabelled(title, owner, None if tags is None else tuple(tags))


async def label(
    stream: Stream, event: ConversationLabelled, context: Context, *, dry_run: bool = False
) -> Change[LabelsDiff]:
    """Give the conversation labels."""
    if dry_run:
        event.body()  # What cannot be stored is refused.
        before = version = await stream.version()
        await refuse_archived(stream, version)
    else:
        version = (await stream.append(NewEvent(event, context))).last
        before = version - 1

    async def diff() -> LabelsDiff:
        was = await labels(stream, before)
        return LabelsDiff(was, _labelled(was, event))

    async def back(reason: str | None, context: Context) -> Change[LabelsDiff]:
        if reason is not None:
            raise InvalidOptionError("A change of labels records no reason.")
        was = await labels(stream, before)
        return await label(stream, _giving_back(was, event), context)

    return Change(before, version, diff, back)


async def labels(stream: Stream, until: int | None = None) -> Labels:
    """Return the labels now or at a version; reads only the events that label."""
    now = Labels()
    async for recorded in await stream.events(until=until, kind=ConversationLabelled.kind):
        event = None if recorded.is_erased else recorded.event
        if isinstance(event, ConversationLabelled):
            now = _labelled(now, event)
    return now


def _labelled(before: Labels, event: ConversationLabelled) -> Labels:
    return Labels(
        before.title if event.title is None else event.title or None,
        before.owner if event.owner is None else event.owner or None,
        before.tags if event.tags is None else event.tags,
    )


def _giving_back(was: Labels, event: ConversationLabelled) -> ConversationLabelled:
    """Return the event that gives back what another one changes."""
    return ConversationLabelled(
        None if event.title is None else was.title or "",
        None if event.owner is None else was.owner or "",
        None if event.tags is None else was.tags,
    )
