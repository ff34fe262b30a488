"""Keeping the feed growing, for those who read it without writing."""

import asyncio

from eventlog.log import EventLog


async def work(log: EventLog, stop: asyncio.Event) -> None:
    """Give committed events their positions until `stop` is set.

    Raises StoreError if it cannot begin; later it waits.
    """
    await log.position()  # A database that cannot be reached is an error only at first.
    async with log.spi.waiting() as waiter:
        await waiter.watch(stop)
