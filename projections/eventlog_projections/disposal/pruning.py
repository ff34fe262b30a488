"""Pruning: erasing conversations by when they were used last, or by their owner."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from eventlog import EventLog, Signer
from eventlog.errors import CorruptEventError, HeldError, InvalidMomentError
from eventlog.format.envelope import to_microseconds
from eventlog.format.questions import check_count, check_text
from eventlog.operations.soundness import sign_covering
from eventlog_projections.disposal.activity import Activity, activities, is_labelled
from eventlog_projections.disposal.archives import Archive
from eventlog_projections.disposal.disposing import (
    Disposal,
    Disposed,
    Disposition,
    Progress,
    left_if_failed,
)
from eventlog_projections.disposal.erasing import erase
from eventlog_projections.disposal.keeping import ReceiptKeeper


async def prune(
    log: EventLog,
    before: datetime,
    *,
    by: str,
    reason: str,
    owner: str | None = None,
    tag: str | None = None,
    keep: int = 0,
    signer: Signer | None = None,
    receipts: ReceiptKeeper | None = None,
    archive: Archive | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> list[Disposed]:
    """Erase the conversations that were not used since `before`, the oldest last.

    Used is where something was said, taken back or paid for: labels and holds are no use.
    Only those with this `owner` and this `tag`, where given; of all these the `keep` that were used
    last stay, however old. Branches belong to their conversation. Conversations under a legal hold,
    with a fork that was not chosen and shares their content, that are used meanwhile, that are not
    as they were written (as `verify` finds), or whose archive or receipt cannot be kept are left,
    and the answer says so: one for each that was old enough.

    `archive` has kept evidence of a conversation, checked, before anything of it is erased; one
    signed head covers the run. `receipts` has each receipt before, as with `erase`.
    With `dry_run` nothing is archived, erased or written.
    Each conversation is erased as `erase` does it, `by` whom and for which `reason`; `signer` signs
    a receipt for each. What was interrupted is called again, and goes on with what is left.

    Raises InvalidMomentError for a naive `before`, InvalidNameError, InvalidOptionError,
    NoKeyError if labels are asked for and cannot be opened, UnsoundError if feed or tree are not
    sound and no head can be signed, or StoreError.
    """
    _check(before, owner, tag, keep)
    chosen, done = await _choose(log, to_microseconds(before), owner, tag, keep)
    signed = None
    if archive is not None and chosen and not dry_run:
        signed = (archive, await sign_covering(log, archive.signer))
    disposal = Disposal(log, chosen, by, reason, signer, receipts, signed)
    if progress is not None:
        for left in done:
            progress(left)
    for activity in chosen:
        done.append(await disposal.dispose(activity, dry_run=dry_run))
        if progress is not None:
            progress(done[-1])
    return done


async def erase_owner(
    log: EventLog,
    owner: str,
    *,
    by: str,
    reason: str,
    signer: Signer | None = None,
    receipts: ReceiptKeeper | None = None,
    even_unsound: bool = False,
    progress: Progress | None = None,
) -> list[Disposed]:
    """Erase every conversation whose label names `owner` now, with its branches and its forks.

    Forks go too, whoever owns them, as with `erase`. Conversations under a legal hold, or with a
    fork that is, and those that are unsound or whose receipt cannot be kept are left, and the
    answer says so. `signer`, `receipts` and `even_unsound` are as for `erase`, of each. Labels are
    content: they go too, and last, so that what was interrupted is called again and goes on. What
    the owner begins meanwhile may be left: call it again once nothing new can come.

    Raises InvalidNameError, NoKeyError if labels cannot be opened, or StoreError.
    """
    check_text("owner", owner)
    done: list[Disposed] = []
    theirs = [
        activity
        for activity in await activities(log)
        if await _is_chosen(log, activity, done, owner)
    ]
    how: dict[str, Any] = {"signer": signer, "receipts": receipts, "even_unsound": even_unsound}
    for activity in theirs:
        done.append(await _erase_one(log, activity, by, reason, how))
        if progress is not None:
            progress(done[-1])
    return done


async def _choose(
    log: EventLog, before: int, owner: str | None, tag: str | None, keep: int
) -> tuple[list[Activity], list[Disposed]]:
    """Return what was chosen, and what cannot be told because its labels are not sound."""
    chosen: list[Activity] = []
    left: list[Disposed] = []
    for activity in await activities(log):
        is_old = activity.last_at < before
        if keep < 1 and not is_old:
            continue
        if not await _is_chosen(log, activity, left, owner, tag):
            continue
        keep -= 1
        if keep < 0 and is_old:
            chosen.append(activity)
    return chosen, left


async def _is_chosen(
    log: EventLog,
    activity: Activity,
    left: list[Disposed],
    owner: str | None,
    tag: str | None = None,
) -> bool:
    """Tell whether labels are those; one whose labels cannot be read is left, and told."""
    try:
        return await is_labelled(log, activity.session_id, owner=owner, tag=tag)
    except CorruptEventError as error:
        name, last_at = activity.session_id, activity.last_at
        left.append(Disposed(name, Disposition.UNSOUND, last_at, (name,), why=str(error)))
        return False


async def _erase_one(
    log: EventLog, activity: Activity, by: str, reason: str, how: Mapping[str, Any]
) -> Disposed:
    found = Disposed(activity.session_id, Disposition.ERASED, activity.last_at)

    async def erase_it() -> Disposed:
        try:
            erased = await erase(log, found.session_id, by=by, reason=reason, **how)
        except HeldError as error:
            return found._replace(disposition=Disposition.HELD, because_of=(error.held,))
        return found._replace(erased=erased, why=erased.unkept)

    return await left_if_failed(found, erase_it)


def _check(before: datetime, owner: str | None, tag: str | None, keep: int) -> None:
    if not isinstance(cast(object, before), datetime):
        raise InvalidMomentError(f"before is an aware datetime, not {type(before).__name__}.")
    if before.tzinfo is None:
        raise InvalidMomentError(f"before {before.isoformat()} has no time zone. Say which.")
    check_count("keep", keep)
    for what, text in (("owner", owner), ("tag", tag)):
        if text is not None:
            check_text(what, text)
