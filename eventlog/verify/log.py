"""Verifying a log: streams, feed, tree and heads, and consistency with a head kept elsewhere.

Re-hashing proves that nobody edited, removed, inserted or reordered events without recomputing the
chain. Only a head that was kept elsewhere proves that nobody recomputed or truncated it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

from eventlog.errors import InvalidOptionError
from eventlog.format import chain
from eventlog.format.records import StreamRow
from eventlog.keys.data_keys import DataKeys
from eventlog.paging import PAGE
from eventlog.proof.checkpoint import TreeHead, Verifier
from eventlog.store.contract.log import Store
from eventlog.verify.faults import Fault, OnProgress, PendingPurge, Verification
from eventlog.verify.feed import FeedCheck
from eventlog.verify.streams import MISNAMED, StreamCheck

_T = TypeVar("_T")
_Part = Callable[[], Coroutine[Any, Any, _T]]


async def verify_conversation(
    store: Store,
    keys: DataKeys,
    main: StreamRow,
    branches: AsyncIterator[StreamRow],
    against: TreeHead | None,
    key: Verifier | None,
    progress: OnProgress | None,
    *,
    opens: bool = False,
) -> Verification:
    """Verify a conversation, whose main branch need not exist; with a head, the feed as well.

    With `opens`, contents are opened, too.
    """
    await _sees_all(store, against)
    check = StreamCheck(store, keys, progress, opens=opens)
    await check.check(main)
    conversations = 1 if check.events or check.faults else 0
    conversations += await _check_each(check, branches)
    check.find_moved()
    await check.check_forks()
    feed = FeedCheck(store.tree, store.feed.position, main.tenant)
    if against is not None:
        await feed.check_tree(against, key)
    pending = await _pending(store, main.tenant, main.name)
    faults = (*check.faults, *feed.faults)
    return Verification(conversations, check.events, faults, pending, check.erased)


async def verify_all(
    store: Store,
    keys: DataKeys,
    tenant: str,
    streams: AsyncIterator[StreamRow],
    against: TreeHead | None,
    key: Verifier | None,
    progress: OnProgress | None,
    *,
    opens: bool = False,
) -> Verification:
    """Verify every stream of `streams`, find events of no stream, verify the feed.

    A role of one tenant sees a part of the feed: its streams and their positions are verified. With
    `opens`, contents are opened, too.
    """
    sees_all = await _sees_all(store, against)
    check = StreamCheck(store, keys, progress, opens=opens)
    feed = FeedCheck(store.tree, store.feed.position, tenant)

    async def check_tree() -> None:
        if sees_all:
            await feed.check_tree(against, key)

    both = _together if store.runs_out_of_process else _in_turn
    conversations = await both(lambda: _check_each(check, streams), check_tree)
    check.find_moved()
    await check.check_forks()
    faults = check.faults + [fault async for fault in _find_strays(store, tenant)]
    known = {(fault.stream, fault.branch) for fault in faults}
    faults += await feed.check_positions(tenant, known, whole=sees_all)
    pending = await _pending(store, tenant)
    found = (*faults, *feed.faults)
    return Verification(conversations, check.events, found, pending, check.erased)


async def _pending(store: Store, tenant: str, name: str | None = None) -> tuple[PendingPurge, ...]:
    """Return the views that owe a purge, of a tenant or of one conversation."""
    return tuple(
        PendingPurge(each.conversation, each.branch, each.projection, each.schema)
        for each in await store.views.purges(tenant)
        if name in (None, each.conversation)
    )


async def _in_turn(first: _Part[int], second: _Part[None]) -> int:
    """Run both, one after the other; return the result of the first.

    SQLite reads in this process: hashing at the same time would slow down every row.
    """
    done = await first()
    await second()
    return done


async def _together(first: _Part[int], second: _Part[None]) -> int:
    """Run both concurrently; return the result of the first. A failure cancels the other."""
    one, other = asyncio.ensure_future(first()), asyncio.ensure_future(second())
    try:
        done, _ = await asyncio.wait((one, other), return_when=asyncio.FIRST_EXCEPTION)
        for part in done:
            part.result()
        return one.result()
    finally:
        one.cancel()
        other.cancel()
        await asyncio.gather(one, other, return_exceptions=True)


async def _sees_all(store: Store, against: TreeHead | None) -> bool:
    sees_all = (await store.rights()).sees_all
    if against is not None and not sees_all:
        raise InvalidOptionError(
            "A head commits to the feed of all tenants, and this role sees one. Verify as the"
            " log's reader, or have evidence gathered and check that."
        )
    return sees_all


async def _check_each(check: StreamCheck, streams: AsyncIterator[StreamRow]) -> int:
    """Check streams, small ones together; return how many there were."""
    checked = 0
    while group := await _next_group(streams):
        checked += len(group)
        await check.check_together(group)
    return checked


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


async def _find_strays(store: Store, tenant: str) -> AsyncIterator[Fault]:
    """Find events without a stream and streams under a wrong name, named by their stream_id."""
    for stray in await store.streams.strays():
        yield Fault(
            stray.hex(), 0, "missing", "there are events under this stream_id but no stream"
        )
    after = b""
    while page := await store.streams.unlisted(tenant, after, PAGE):
        for stream_id, *names in page:
            if chain.stream_id(*names) != stream_id:
                yield Fault(stream_id.hex(), 0, "moved", MISNAMED)
        after = page[-1][0]
