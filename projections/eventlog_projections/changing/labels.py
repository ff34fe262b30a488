"""Labels of a conversation: its title, its owner, its tags."""

from collections.abc import Iterable
from typing import NamedTuple

from eventlog import Appended, Context, InvalidInputError, NewEvent
from eventlog.events import ConversationLabelled
from eventlog_projections.conversation import NOBODY, Conversation


class Labels(NamedTuple):
    """What a conversation is labelled with; None and () where it is not."""

    title: str | None = None
    owner: str | None = None
    tags: tuple[str, ...] = ()


async def label(
    chat: Conversation,
    *,
    title: str | None = None,
    owner: str | None = None,
    tags: Iterable[str] | None = None,
    context: Context = NOBODY,
) -> Appended:
    """Give the conversation a title, an owner or tags, as one event.

    None leaves what there is; an empty text, or no tags, removes it. Raises InvalidInputError.
    """
    if title is None and owner is None and tags is None:
        raise InvalidInputError("Give a title, an owner or tags to label a conversation with.")
    if isinstance(tags, str):
        raise InvalidInputError(f"tags are a list of texts, not the text {tags!r}.")
    labelled = ConversationLabelled(title, owner, None if tags is None else tuple(tags))
    return await chat.append(NewEvent(labelled, context))


async def labels(chat: Conversation) -> Labels:
    """Return what the conversation is labelled with now, but for what was erased.

    Reads only the events that label it.
    """
    now = Labels()
    kind = ConversationLabelled.kind
    async for recorded in chat.log.read(chat.name, kind=kind, branch=chat.branch):
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
