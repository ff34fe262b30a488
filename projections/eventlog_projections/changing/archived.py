"""Whether a conversation, or a branch, is closed to writers."""

from eventlog.errors import ArchivedError
from eventlog.events import ConversationArchived
from eventlog_projections.stream import Stream


async def is_archived(stream: Stream, version: int) -> bool:
    """Tell whether a stream was closed at a version."""
    last = await (await stream.events(after=max(0, version - 1), until=version)).all()
    return [event.kind for event in last] == [ConversationArchived.kind]


async def refuse_archived(stream: Stream, version: int) -> None:
    """Raise ArchivedError for a stream that is closed at its head, as an append to it would."""
    if await is_archived(stream, version):
        raise ArchivedError(stream.name, version)
