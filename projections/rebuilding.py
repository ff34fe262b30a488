"""Deleting every snapshot and making new ones: nothing that anyone reads changes."""

from eventlog import EventLog
from projections.states import States


async def rebuild(log: EventLog, name: str | None = None) -> int:
    """Delete and refill the snapshots of one conversation, or of all; return how many were made.

    Safe while others read and write. Raises StoreError, CorruptEventError or ErasedError.
    """
    names = [name] if name is not None else [stream.name async for stream in log.streams()]
    made = 0
    for each in names:
        states = States(log, each)
        await states.drop()
        made += await states.save()
    return made
