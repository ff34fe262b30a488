"""What an erasure leaves to do in the views: no row may keep what is gone from the log.

Rule: a view that cannot be purged is told of, and is nobody's error: the worker goes on trying.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from eventlog import EventLog, EventLogError
from eventlog.format.chain import stream_id
from eventlog.views import Checkpoint
from eventlog_projections.views.batches.refolding import Named
from eventlog_projections.views.letters import reason_of
from eventlog_projections.views.projection import Projection
from eventlog_projections.views.runner import Runner
from eventlog_projections.views.search import PLAIN_SEARCH
from eventlog_projections.views.views import BUILT_IN

Unpurged = tuple[str, int, str]
"""A view, its schema number, and why it may still hold something."""

UNKNOWN: Final = (
    "another program's: the conversation's rows are deleted; what they were added up to in others"
    " is so until that program comes to the erasure, or makes the view anew"
)

_KNOWN: Final = {projection.name: projection for projection in (*BUILT_IN, PLAIN_SEARCH)}


async def purge_views(log: EventLog, streams: Iterable[tuple[str, bytes]]) -> list[Unpurged]:
    """Take what was erased from streams, by conversation and id, out of every view that is there.

    Of views that are ours the conversations are folded anew where the view is; from others, rows
    of the conversations are deleted. Returns what could not be purged: an erasure noted it for the
    worker. Raises StoreError if the views cannot be looked at.
    """
    of_name: dict[str, list[bytes]] = {}
    for name, identity in streams:
        of_name.setdefault(name, []).append(identity)
    points = await log.spi.views.tables.checkpoints()
    found: list[Unpurged] = []
    for point in points:
        try:
            why = await _purge(log, point, of_name, points)
        except EventLogError as error:
            why = reason_of(error)
        if why is not None:
            found.append((point.projection, point.schema, why))
    return found


async def _purge(
    log: EventLog,
    point: Checkpoint,
    of_name: Mapping[str, Sequence[bytes]],
    points: Sequence[Checkpoint],
) -> str | None:
    projection = _KNOWN.get(point.projection)
    if projection is None or projection.schema != point.schema:
        own = [stream_id(log.tenant, name) for name in of_name]
        every = dict.fromkeys([*own, *itertools.chain.from_iterable(of_name.values())])
        await log.spi.views.tables.wipe(point, list(every), _tables_of_known(point, points))
        return UNKNOWN
    runner = Runner(log, [projection])
    try:
        for name, identities in of_name.items():
            of = Named(log.tenant, name)
            await runner.refold(point.key, of, retries=False, purged=identities)
    except EventLogError:
        if not await runner.drop_broken([point]):
            raise
    return None


def _tables_of_known(point: Checkpoint, points: Sequence[Checkpoint]) -> list[str]:
    """Return the tables of our views that have the number of a generation of somebody else's."""
    return [
        kind.table
        for each in points
        if each.generation == point.generation and _is_ours(_KNOWN.get(each.projection), each)
        for kind in _KNOWN[each.projection].tables
    ]


def _is_ours(projection: Projection | None, point: Checkpoint) -> bool:
    return projection is not None and projection.schema == point.schema
