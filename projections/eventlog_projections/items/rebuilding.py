"""Deleting every snapshot and making new ones: nothing that anyone reads changes."""

from eventlog import EventLog
from eventlog.format.names import MAIN
from eventlog_projections.items.states import StateReader


async def rebuild(log: EventLog, name: str | None = None) -> int:
    """Delete and refill the snapshots of one conversation with its branches, or of all.

    Returns how many were made.
    Safe while others read and write. Raises StoreError, CorruptEventError or ErasedError.
    """
    if name is None:
        streams = [(row.name, row.branch) async for row in log.streams(branches=True)]
    else:
        streams = [(name, MAIN), *[(name, row.branch) async for row in log.branches(name)]]
    made = 0
    for each, branch in streams:
        states = StateReader(log, each, branch)
        await states.drop()
        made += await states.save()
    return made
