"""The fork point of a branch: where in the log the last row lies that it shares with its parent."""

from eventlog import EventLog, EventLogError, ItemsAdded
from eventlog.events import ConversationForked, ConversationImported, RowPreserved
from eventlog.format import chain
from eventlog_importing.rows import Fork, Origin
from eventlog_importing.turns import is_of_a_turn


class RefusedError(EventLogError):
    """The conversation cannot be copied, or no further; internal to an import."""


async def forked(log: EventLog, origin: Origin, fork: Fork) -> ConversationForked:
    """Return how a branch begins, now that its parent is in the log. Raises RefusedError.

    Only what was imported counts: that is before an event that says so, and nothing of anybody
    else's is.
    """
    rows = kept = 0
    found: ConversationForked | None = None
    parent = chain.stream_id(log.tenant, origin.name, fork.parent)
    async for event in log.read(origin.name, branch=fork.parent):
        if event.kind == ConversationImported.kind and rows >= fork.rows:
            return found or ConversationForked(parent, event.version, kept)
        if event.kind == ConversationForked.kind:
            rows, kept = fork.inherited, event.header.kept or 0
        elif event.kind == ItemsAdded.kind:
            taken = min(event.header.items or 0, max(0, fork.rows - rows))
            rows, kept = rows + taken, kept + taken
        elif event.kind == RowPreserved.kind and not is_of_a_turn(event.event_id):
            rows += 1
        if found is None and rows >= fork.rows > 0:
            found = ConversationForked(parent, event.version, kept)
    raise RefusedError(
        f"what it has in common with the branch {fork.parent or 'main'!r} is not in the log"
    )
