"""Erasing a conversation for good: its content leaves every place where we keep any of it."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

from eventlog import EventLog, Signer
from eventlog.errors import PublishingError
from eventlog.format.names import MAIN
from eventlog.operations.erasure import (
    Check,
    Due,
    ErasedStream,
    Plan,
    erase_content,
    erase_event_content,
)
from eventlog.operations.receipts import sign_planned, sign_receipt
from eventlog.operations.soundness import refuse_unsound
from eventlog.settle import settle
from eventlog_projections.disposal.keeping import ReceiptKeeper
from eventlog_projections.items.states import StateReader


class Unpurged(NamedTuple):
    """A view that may still hold what was erased, and why."""

    view: str
    schema: int
    reason: str


class Erased(NamedTuple):
    """What was erased, by whom and why, and where the log says so."""

    session_id: str
    by: str
    reason: str
    streams: tuple[ErasedStream, ...]
    """The conversation, its branches, and the forks that shared its content."""
    receipt: str | None = None
    """A signed note of it, if somebody signs: see `eventlog.operations.read_receipt`."""
    pending: tuple[Unpurged, ...] = ()
    """Views that may still hold something; a worker goes on trying, and `verify` tells of it."""
    unkept: str | None = None
    """Why the receipt is not where it should be: `eventlog.operations.receipt` makes another."""


async def erase(
    log: EventLog,
    session_id: str,
    *,
    by: str,
    reason: str,
    with_forks: bool = True,
    signer: Signer | None = None,
    receipts: ReceiptKeeper | None = None,
    even_unsound: bool = False,
    seen: Mapping[bytes, int] | None = None,
) -> Erased:
    """Destroy what was said in a conversation and in its branches, and who said it, for good.

    A `ConversationErased` says that it happened, `by` whom and for which `reason`; both are codes
    that stay readable for ever. Forks that began with content of it are erased as a whole too; with
    `with_forks=False`, SharedContentError if there are any. The list is empty then and starts anew,
    encrypted under a new key if there is a keyring; what is asked for before raises ErasedError.
    One transaction a stream: if it was interrupted, call it again. No view keeps it from being
    erased: `pending` names those that may still hold something. Settles if the caller is
    cancelled. docs/erasure.md says what is to be done about free pages, write-ahead logs and
    backups.

    What was changed behind the log's back is left, or nobody could find that any more:
    UnsoundError. `even_unsound` erases it all the same.

    `signer`: who signs a receipt; asked for again, it is signed again. `receipts` has it before
    anything is erased, or nothing is: PublishingError.
    `seen`: the version of each stream (by stream_id) that may go; ConflictError if one has moved.

    Raises InvalidNameError, HeldError, SharedContentError, ConflictError, UnsoundError,
    PublishingError or StoreError.
    """
    work = _Work(log, session_id, None, signer, receipts)
    streams, pending = await work.do(
        lambda: erase_content(
            log,
            session_id,
            by,
            reason,
            with_forks=with_forks,
            seen=seen,
            check=_check(log, even_unsound=even_unsound),
            plan=work.plan,
        )
    )
    return await work.told(by, reason, streams, pending)


async def erase_event(
    log: EventLog,
    session_id: str,
    version: int,
    *,
    by: str,
    reason: str,
    branch: str = MAIN,
    signer: Signer | None = None,
    receipts: ReceiptKeeper | None = None,
    even_unsound: bool = False,
) -> Erased:
    """Destroy the content and the context of one event for good; its items leave the list.

    An `EventErased` says so. The bytes go, with or without encryption: one key for each stream
    cannot shred one event. Lists of the past that had items of it raise ErasedError.

    `signer`, `receipts` and `even_unsound` are as for `erase`.

    Raises InvalidMomentError, SharedContentError if a fork began with a list of this version or a
    later one (erase, or leave, the fork first), InvalidNameError, HeldError, UnsoundError,
    PublishingError or StoreError.
    """
    work = _Work(log, session_id, version, signer, receipts)

    async def erased() -> list[ErasedStream]:
        check = _check(log, even_unsound=even_unsound)
        stream = await erase_event_content(
            log, session_id, version, by, reason, branch=branch, check=check, plan=work.plan
        )
        return [stream]

    streams, pending = await work.do(erased)
    return await work.told(by, reason, streams, pending)


class _Work:
    """An erasure that is under way, and its receipt, which is kept before anything goes."""

    def __init__(
        self,
        log: EventLog,
        session_id: str,
        only: int | None,
        signer: Signer | None,
        receipts: ReceiptKeeper | None,
    ) -> None:
        self._log = log
        self._session_id = session_id
        self._only = only
        self._signer = signer
        self._receipts = receipts if signer is not None else None
        self.plan = Plan(None if self._receipts is None else self._announce)

    async def do(
        self, erase: Callable[[], Awaitable[list[ErasedStream]]]
    ) -> tuple[list[ErasedStream], list[Unpurged]]:
        """Erase, and purge the views; take the receipt back if nothing was erased."""

        async def erased() -> tuple[list[ErasedStream], list[Unpurged]]:
            try:
                streams = await erase()
            except BaseException:
                if self._receipts is not None and not self.plan.is_begun:
                    with contextlib.suppress(PublishingError):  # What went wrong before is told.
                        await self._receipts.withdraw(self._session_id)
                raise
            return streams, await _purge(self._log, streams)

        return await settle(asyncio.ensure_future(erased()))

    async def told(
        self, by: str, reason: str, streams: Sequence[ErasedStream], pending: Sequence[Unpurged]
    ) -> Erased:
        """Return what was erased, with its receipt."""
        receipt, unkept = await self._receipt(streams)
        return Erased(
            self._session_id,
            by,
            reason,
            tuple(streams),
            receipt,
            pending=tuple(pending),
            unkept=unkept,
        )

    async def _receipt(self, streams: Sequence[ErasedStream]) -> tuple[str | None, str | None]:
        """Return the receipt, and why it is not kept where it should be."""
        if self._signer is None:
            return None, None
        note = await sign_receipt(self._log, self._signer, self._session_id, streams, self._only)
        try:
            if self._receipts is not None:
                await self._receipts.keep(self._session_id, note)
        except PublishingError as error:
            return note, str(error)
        return note, None

    async def _announce(self, planned: Sequence[Due]) -> None:
        if self._signer is not None and self._receipts is not None:
            note = await sign_planned(self._log, self._signer, self._session_id, planned)
            await self._receipts.plan(self._session_id, note)


def _check(log: EventLog, *, even_unsound: bool) -> Check | None:
    async def check(names: Sequence[str]) -> None:
        await refuse_unsound(log, names, "Nothing of it was erased")

    return None if even_unsound else check


async def _purge(log: EventLog, streams: list[ErasedStream]) -> list[Unpurged]:
    for stream in streams:
        await StateReader(log, stream.name, stream.branch).leave_tombstone(stream.version)
    from eventlog_projections.views.purging import purge_views  # Who reads lists loads no views.

    found = await purge_views(log, [(stream.name, stream.stream_id) for stream in streams])
    return [Unpurged._make(each) for each in found]
