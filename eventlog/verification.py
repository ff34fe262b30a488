"""Checking a log: streams, feed, tree and heads, and whether they continue a head kept elsewhere.

Re-hashing proves that nobody edited, removed, inserted or reordered events without recomputing the
chain. That nobody recomputed it, or cut the log off, only a head shows that was kept elsewhere.
"""

import asyncio
from collections.abc import AsyncIterator

from eventlog import chain
from eventlog.faults import Fault, Progress, Verification
from eventlog.paging import PAGE
from eventlog.records import StreamRow
from eventlog.store.base import Store
from eventlog.stream_check import MISNAMED, StreamCheck


async def verify_one(
    store: Store, stream: StreamRow, progress: Progress | None = None
) -> Verification:
    """Re-hash one stream in bounded memory."""
    streams = StreamCheck(store, progress)
    await streams.check(stream)
    found = 1 if streams.events or streams.faults else 0
    return Verification(found, streams.events, tuple(streams.faults))


async def verify_all(
    store: Store, streams: AsyncIterator[StreamRow], progress: Progress | None = None
) -> Verification:
    """Re-hash every stream of `streams`, and look for events that belong to none."""
    check = StreamCheck(store, progress)
    conversations = 0
    group = await _next_group(streams)
    reading = asyncio.ensure_future(check.read(group))
    try:
        while group:
            conversations += len(group)
            events, following = await reading, await _next_group(streams)
            reading = asyncio.ensure_future(check.read(following))  # While these are hashed.
            await asyncio.sleep(0)
            await check.check_together(group, events)
            group = following
    finally:
        reading.cancel()
    check.recognise()
    faults = check.faults + [fault async for fault in _find_strays(store, check.faults)]
    return Verification(conversations, check.events, tuple(faults))


async def _next_group(streams: AsyncIterator[StreamRow]) -> list[StreamRow]:
    """Return streams of at least a page of events together, the last ones, or none."""
    group: list[StreamRow] = []
    size = 0
    async for stream in streams:
        group.append(stream)
        size += stream.head.version
        if size >= PAGE:
            break
    return group


async def _find_strays(store: Store, known: list[Fault]) -> AsyncIterator[Fault]:
    """Find what no tenant's list shows: events without a stream, streams under a false name.

    Whose they were cannot be told any more, so they are named by their stream_id.
    """
    for stray in await store.strays():
        yield Fault(
            stray.hex(), 0, "missing", "there are events under this stream_id but no stream"
        )
    told = {fault.stream for fault in known if fault.problem == "moved"}
    after = b""
    while page := await store.identities(after, PAGE):
        for stream_id, tenant, name in page:
            if chain.stream_id(tenant, name) != stream_id and name not in told:
                yield Fault(stream_id.hex(), 0, "moved", MISNAMED)
        after = page[-1][0]
