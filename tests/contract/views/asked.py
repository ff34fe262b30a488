"""What the views say about one stream, in the words of the oracle."""

import pytest

from eventlog import EventLog
from eventlog.format.chain import stream_id
from eventlog.store.nouns.views import Views as StoredViews
from eventlog.store.postgres.views import PostgresViews
from eventlog_projections.views import Views, branches, tool_calls, turns
from eventlog_projections.views.conversations import ConversationRow
from eventlog_projections.views.search import ItemRow
from eventlog_projections.views.turns import UsageRow
from tests.contract.views.oracle import Told


async def ask(log: EventLog, views: Views, name: str, branch: str = "") -> Told:
    identity = stream_id(log.tenant, name, branch)
    items = await views.select(ItemRow, {"stream_id": identity})
    used = await views.select(UsageRow, {"stream_id": identity})
    spoken = [row for row in items if row.type == "message"]
    (row,) = await views.select(ConversationRow, {"conversation_id": stream_id(log.tenant, name)})
    (own,) = [row for row in await branches(views, name) if row.branch == branch]
    calls = await tool_calls(views, name, branch=branch)
    return Told(
        {(row.version, row.item, row.text, row.removed) for row in spoken},
        [
            (
                turn.usage.version,
                turn.usage.item,
                turn.items,
                turn.total_tokens,
                turn.context_tokens,
                turn.removed,
            )
            for turn in await turns(views, name, branch=branch)
        ],
        [(row.version, row.turn) for row in used],
        [
            (row.version, row.item, row.call_id, row.called_at is not None, bool(row.answered_at))
            for row in calls
        ],
        own.items,
        own.is_deleted,
        (row.title, row.owner),
        row.first_message,
    )


def small_batches(monkeypatch: pytest.MonkeyPatch, events: int) -> None:
    """Let every transaction take only so many events."""
    for source in (StoredViews, PostgresViews):
        monkeypatch.setattr(source, "batch", events)
