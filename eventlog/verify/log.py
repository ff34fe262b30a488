"""Verifying a log: streams, feed, tree and heads, and consistency with a head kept elsewhere.

Re-hashing proves that nobody edited, removed, inserted or reordered events without recomputing the
chain. Only a head that was kept elsewhere proves that nobody recomputed or truncated it.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from eventlog.errors import InvalidOptionError, ReplicaBehindError, UnavailableError
from eventlog.format import chain
from eventlog.format.records import StreamRow
from eventlog.keys.data_keys import DataKeys
from eventlog.paging import PAGE
from eventlog.proof.checkpoint import TreeHead, Verifiers
from eventlog.store.contract.log import Store
from eventlog.store.contract.tree import IntegrityViolation
from eventlog.verify.diagnosis import Finding
from eventlog.verify.faults import (
    Fault,
    OnProgress,
    PendingPurge,
    Verification,
    VerifyWarning,
)
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
    key: Verifiers | None,
    progress: OnProgress | None,
    *,
    opens: bool = False,
) -> Verification:
    """Verify a conversation, whose main branch need not exist; with a head, the feed as well.

    With `opens`, contents are opened, too.
    """
    await check_sight(store, against)
    check = StreamCheck(store, keys, progress, opens=opens)
    await check.check(main)
    conversations = 1 if check.events or check.faults else 0
    conversations += await _check_each(check, branches)
    check.find_moved()
    await check.check_forks()
    feed = FeedCheck(store.tree, store.feed.position, main.tenant)
    if against is not None:
        await feed.check_tree(against, key)
    return Verification(
        conversations,
        check.events,
        (*check.faults, *feed.faults),
        await pending(store, main.tenant, main.name),
        (*check.warnings, *feed.warnings),
        check.erased,
    )


async def verify_all(
    store: Store,
    keys: DataKeys,
    tenant: str | None,
    streams: AsyncIterator[StreamRow],
    against: TreeHead | None,
    key: Verifiers | None,
    progress: OnProgress | None,
    *,
    opens: bool = False,
) -> Verification:
    """Verify every stream of `streams`, find events of no stream, verify the feed.

    They are those of a tenant, or with None of all tenants. A role of one tenant sees a part of the
    feed: its streams and their positions are verified. With `opens`, contents are opened, too.
    """
    sees_all = await check_sight(store, against)
    if tenant is None and not sees_all:
        raise InvalidOptionError(
            "All tenants are verified by who sees them all, and this role sees one. Connect as the"
            " log's reader or its owner."
        )
    check = StreamCheck(store, keys, progress, opens=opens)
    check.names_tenants = tenant is None
    feed = FeedCheck(store.tree, store.feed.position, tenant)
    guards = await store.guards.lost()
    conversations = 0
    unread: UnavailableError | None = None
    async with (
        _beside(store.guards.damage()) as damage,
        _beside(_contradicting(store, tenant)) as contradicting,
    ):
        try:
            conversations = await _check_all(
                store, check, feed, streams, contradicting, against, key, sees_all=sees_all
            )
        except UnavailableError as error:
            unread = error
        damaged = await feed.index_faults(await damage)
    if unread is not None and not (damaged or feed.faults):
        raise unread  # Otherwise it is known why not all of it could be read.
    return Verification(
        conversations,
        check.events,
        (*check.faults, *damaged, *feed.faults),
        await pending(store, tenant),
        (*map(unguarded, guards), *check.warnings, *feed.warnings),
        check.erased,
    )


async def _check_all(
    store: Store,
    check: StreamCheck,
    feed: FeedCheck,
    streams: AsyncIterator[StreamRow],
    contradicting: Awaitable[tuple[list[Fault], list[IntegrityViolation]]],
    against: TreeHead | None,
    key: Verifiers | None,
    *,
    sees_all: bool,
) -> int:
    """Check streams, what belongs to none, and the feed; return how many streams there were."""

    async def check_tree() -> None:
        if sees_all:
            await feed.check_tree(against, key)

    both = _together if store.runs_out_of_process else _in_turn
    conversations = await both(lambda: _check_each(check, streams), check_tree)
    check.find_moved()
    await check.check_forks()
    strays, violations = await contradicting
    check.faults += strays
    if sees_all:  # A role of one tenant is told nothing that another one may have left.
        check.warnings += [_keys_of_nobody(stray) for stray in await store.keys.strays()]
    known = {(fault.tenant, fault.stream, fault.branch) for fault in check.faults}
    check.faults += feed.position_faults(violations, known, whole=sees_all)
    return conversations


@contextlib.asynccontextmanager
async def _beside(work: Coroutine[Any, Any, _T]) -> AsyncGenerator[asyncio.Future[_T]]:
    """Run work that reads all there is while the block checks what it reads itself.

    The database is at it, not this process. It is cancelled where the block has not waited for it.
    """
    task = asyncio.ensure_future(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _keys_of_nobody(stream_id: bytes) -> VerifyWarning:
    detail = "there are keys under this stream_id but no stream"
    return VerifyWarning("keys", detail, stream_id.hex())


def unguarded(what: str) -> VerifyWarning:
    """Warn of a guard that is missing."""
    is_renewed = what.startswith(("trigger", "index"))
    how = "`eventlog migrate` makes it anew" if is_renewed else "its owner has to put it back"
    return VerifyWarning("protection", f"protection is missing: {what}; {how}")


async def pending(
    store: Store, tenant: str | None, name: str | None = None
) -> tuple[PendingPurge, ...]:
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


async def check_sight(store: Store, against: TreeHead | None) -> bool:
    """Tell whether this role sees every tenant. Raises InvalidOptionError if a head needs it."""
    sees_all = (await store.rights()).sees_all
    if against is not None and not sees_all:
        raise InvalidOptionError(
            "A head commits to the feed of all tenants, and this role sees one. Verify as the"
            " log's reader, or have evidence gathered and check that."
        )
    if against is not None:
        await _refuse_behind(store, against)
    return sees_all


async def _refuse_behind(store: Store, against: TreeHead) -> None:
    """Raise ReplicaBehindError if what a head commits to may still come to this server."""
    end = await store.feed.position()
    if against.size > end and await store.feed.is_standby():
        raise ReplicaBehindError(against.size, end)


async def _check_each(check: StreamCheck, streams: AsyncIterator[StreamRow]) -> int:
    """Check streams, small ones together; return how many there were."""
    checked = 0
    async with check.reader.groups(streams) as groups:
        async for group, events in groups:
            checked += len(group)
            await check.check_together(group, events)
    return checked


async def find_strays(store: Store, tenant: str | None) -> list[Fault]:
    """Find events without a stream and streams under a wrong name, named by their stream_id."""
    none = Finding("missing", "there are events under this stream_id but no stream")
    found = [Fault(stray.hex(), 0, *none) for stray in await store.streams.strays()]
    if tenant is None:
        return found  # Every stream was checked, whatever it is called.
    after = b""
    while page := await store.streams.unlisted(tenant, after, PAGE):
        for stream_id, *names in page:
            if chain.stream_id(*names) != stream_id:
                found.append(Fault(stream_id.hex(), 0, "moved", MISNAMED))
        after = page[-1][0]
    return found


async def _contradicting(
    store: Store, tenant: str | None
) -> tuple[list[Fault], list[IntegrityViolation]]:
    """Look at everything for rows of no stream, and for those that contradict the events."""
    return await find_strays(store, tenant), await store.tree.violations(tenant)
