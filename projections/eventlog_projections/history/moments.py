"""When each item of a list was recorded, those that a fork inherited too."""

from collections.abc import Mapping
from datetime import UTC, datetime

from eventlog.format.questions import check_version
from eventlog_projections.history.events import timeline
from eventlog_projections.history.timeline import first, spans
from eventlog_projections.stream import Stream


async def moments(stream: Stream, version: int) -> list[datetime]:
    """Return the time of each item of the list at a version, in its order.

    Reads the events up to that version, and those of ancestors as far as items come from them.
    """
    check_version("version", version)
    found: list[list[datetime]] = []
    kept: int | None = None
    while version > 0:
        times: dict[int, datetime] = {}
        folded = await timeline(stream, version, times)
        stack = folded.now
        own = spans(stack if kept is None else first(stack, kept))
        found.append([_at(times, span.version) for span in own for _ in range(*span[1:])])
        if not own or own[0].version > 0:
            break
        kept, origin = own[0].stop, await stream.origin()
        del found[-1][:kept]
        stream, version = stream.beside(origin.row.name, origin.row.branch), origin.at_version
    return [moment for group in reversed(found) for moment in group]


def _at(times: Mapping[int, datetime], version: int) -> datetime:
    """Return when a version was recorded; what a fork began with, before all of them."""
    return times[version] if version else datetime.min.replace(tzinfo=UTC)
