"""Where every view of a log is."""

from typing import Final, NamedTuple

from eventlog import EventLog
from eventlog.views import Checkpoint, NamedLetter

SHOWN: Final = 100
"""Maximum number of events set aside that are listed for each view."""


class SetAside(NamedTuple):
    """An event that a view goes on without, and why: never with anything of its content."""

    position: int
    stream_id: bytes
    version: int
    error: str
    conversation: str
    branch: str
    """Empty for the main one."""


class Status(NamedTuple):
    """Where a view is. `behind` counts events, `rate` is events/s of its last batch.

    `moved_at` is when it last moved, microseconds UTC; `is_serving` is False for one that is being
    filled beside the one that is read.
    """

    view: str
    schema: int
    position: int
    behind: int
    rate: int
    moved_at: int
    is_serving: bool
    set_aside: tuple[SetAside, ...]


async def status(log: EventLog) -> list[Status]:
    """Return where every view in the database is; moves nothing."""
    end = await log.position()
    return [await _status(log, point, end) for point in await log.spi.views.tables.checkpoints()]


async def set_aside(log: EventLog, point: Checkpoint, limit: int = SHOWN) -> list[SetAside]:
    """Return the tenant's events that a generation goes on without, the last first.

    Those that were acknowledged are left out.
    """
    tables = log.spi.views.tables
    found = await tables.asides(point.projection, point.generation, log.tenant, limit)
    return [as_set_aside(each) for each in found]


def as_set_aside(found: NamedLetter) -> SetAside:
    """Return a dead letter as people see it."""
    letter = found.letter
    return SetAside(
        letter.position,
        letter.stream_id,
        letter.version,
        letter.error,
        found.conversation,
        found.branch,
    )


async def _status(log: EventLog, point: Checkpoint, end: int) -> Status:
    return Status(
        point.projection,
        point.schema,
        point.position,
        max(0, end - point.position),
        point.rate,
        point.moved_at,
        point.is_serving,
        tuple(await set_aside(log, point)),
    )
