"""When conversations were used last: how they are filed, by labels or holds, is no use."""

from collections.abc import Callable
from typing import Final

from eventlog import EventLog, RecordedEvent
from eventlog.format.records import StreamRow
from eventlog_projections.items.changes import USES
from eventlog_projections.items.uses import use_time

FIRST_LOOK: Final = 1
"""So many streams are looked at first for the one that was used last; then four times as many."""


async def used_at(
    log: EventLog, row: StreamRow, when: Callable[[RecordedEvent], int] = use_time
) -> int:
    """Return when a stream was used last; one that never was, when it was begun."""
    until, window = row.head.version, 1
    while until > 0:
        after = max(0, until - window)
        events = await log.read(row.name, after=after, until=until, branch=row.branch).all()
        used = [when(event) for event in events if event.kind in USES]
        if used:
            return used[-1]
        until, window = after, window * 4
    return row.created_at


async def last_used(log: EventLog) -> StreamRow | None:
    """Return the stream of the tenant that was used last; None where there is none."""
    looks = FIRST_LOOK
    seen: set[bytes] = set()
    best: tuple[int, StreamRow] | None = None
    while True:
        rows = await log.spi.latest(looks)
        for row in [each for each in rows if each.stream_id not in seen]:
            if best is not None and row.head.at <= best[0]:
                return best[1]  # No later one was used later than it was written to.
            at = await used_at(log, row, _recorded)
            if best is None or at > best[0]:
                best = (at, row)
            if at == row.head.at:
                return best[1]  # The others were all written to before.
        if len(rows) < looks:
            return None if best is None else best[1]
        seen |= {row.stream_id for row in rows}
        looks *= 4


def _recorded(event: RecordedEvent) -> int:
    """Return when an event was recorded: the last that was imported is what was done last."""
    return event.stored.recorded_at
