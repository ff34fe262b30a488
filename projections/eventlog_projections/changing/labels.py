"""Labels of a conversation: its title, its owner, its tags."""

from collections.abc import Iterable
from typing import NamedTuple

from eventlog import Appended, Context, InvalidInputError, NewEvent
from eventlog.events import ConversationLabelled
from eventlog_projections.stream import Stream


class Labels(NamedTuple):
    """What a conversation is labelled with; None and () where it is not."""

    title: str | None = None
    owner: str | None = None
    tags: tuple[str, ...] = ()


async def label(
    stream: Stream,
    title: str | None,
    owner: str | None,
    tags: Iterable[str] | None,
    context: Context,
) -> Appended:
    """Give the conversation a title, an owner or tags, as one event. Raises InvalidInputError."""
    if title is None and owner is None and tags is None:
        raise InvalidInputError("Give a title, an owner or tags to label a conversation with.")
    if isinstance(tags, str):
        raise InvalidInputError(f"tags are a list of texts, not the text {tags!r}.")
    labelled = ConversationLabelled(title, owner, None if tags is None else tuple(tags))
    return await stream.append(NewEvent(labelled, context))


async def labels(stream: Stream) -> Labels:
    """Return what the conversation is labelled with; reads only the events that label it."""
    now = Labels()
    async for recorded in await stream.events(kind=ConversationLabelled.kind):
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
