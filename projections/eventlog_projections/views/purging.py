"""What an erasure leaves to do in the views: no row may keep what is gone from the log."""

from eventlog import EventLog
from eventlog.errors import EncryptedError, PoisonEventError
from eventlog.views import Checkpoint
from eventlog_projections.views.projection import Projection, specs
from eventlog_projections.views.runner import Runner
from eventlog_projections.views.search import PLAIN_SEARCH
from eventlog_projections.views.views import BUILT_IN


async def purge_views(log: EventLog) -> None:
    """Bring every generation of the views that are ours past the erasures that were committed.

    One that cannot be, because its function fails or the log has no keyring, is deleted: the next
    read makes it anew. Views of one's own follow when their runner does. Raises
    StoreError.
    """
    known = {projection.name: projection for projection in (*BUILT_IN, PLAIN_SEARCH)}
    for point in await log.spi.views.tables.checkpoints():
        projection = known.get(point.projection)
        if projection is not None and projection.schema == point.schema:
            await _purge(log, projection, point)


async def _purge(log: EventLog, projection: Projection, point: Checkpoint) -> None:
    runner = Runner(log, [projection])
    try:
        await runner.fill(point)
    except (PoisonEventError, EncryptedError):
        tables = specs(projection)
        await log.spi.views.tables.drop(projection.name, point.generation, tables)
