"""The conversations of a tenant with the time at which each was used last."""

import itertools
from collections.abc import Mapping
from typing import NamedTuple

from eventlog import EventLog
from eventlog.format.records import StreamRow
from eventlog.operations.erasure import is_erased
from eventlog_projections.conversation import Conversation
from eventlog_projections.history.last_use import used_at


class Activity(NamedTuple):
    """A conversation that has something to erase, with all its branches."""

    session_id: str
    last_at: int
    """When any of its branches was used last (`items.changes.USES`), microseconds UTC."""
    versions: Mapping[bytes, int]
    """The head of every branch, by stream_id."""


async def activities(log: EventLog) -> list[Activity]:
    """Return the conversations of the tenant, the latest first, without those that are erased.

    An erasure is no activity: a conversation whose erasure was interrupted is as old as it was.
    """
    rows = await log.streams(branches=True).all()
    found = [
        activity
        for _, group in itertools.groupby(rows, key=lambda row: row.name)
        if (activity := await _activity(log, list(group))) is not None
    ]
    return sorted(found, key=lambda activity: (-activity.last_at, activity.session_id))


async def is_labelled(
    log: EventLog, session_id: str, *, owner: str | None = None, tag: str | None = None
) -> bool:
    """Tell whether a conversation has this owner and this tag now; None is any."""
    if owner is None and tag is None:
        return True
    now = await Conversation(log, session_id).labels()
    return owner in (None, now.owner) and (tag is None or tag in now.tags)


async def _activity(log: EventLog, rows: list[StreamRow]) -> Activity | None:
    there = [row for row in rows if not await is_erased(log, row)]
    if not there:
        return None
    last_at = max([await used_at(log, row) for row in there])
    return Activity(rows[0].name, last_at, {row.stream_id: row.head.version for row in rows})
