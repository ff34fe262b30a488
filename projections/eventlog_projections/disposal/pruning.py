"""Pruning: erasing conversations by the age of their last append, or by their owner."""

from datetime import datetime
from typing import cast

from eventlog import EventLog, Signer
from eventlog.errors import HeldError, InvalidMomentError
from eventlog.format.envelope import to_microseconds
from eventlog.format.questions import check_count, check_text
from eventlog_projections.disposal.activity import Activity, activities, is_labelled
from eventlog_projections.disposal.archives import Archive
from eventlog_projections.disposal.disposing import Disposal, Disposed, Disposition, Progress
from eventlog_projections.disposal.erasing import erase


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
    archive: Archive | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> list[Disposed]:
    """Erase the conversations to which nothing was appended since `before`, the oldest last.

    Only those with this `owner` and this `tag`, where given; of all these the `keep` that were used
    last stay, however old. Branches belong to their conversation. Conversations under a legal hold,
    with a fork that was not chosen and shares their content, or that are used meanwhile are left,
    and the answer says so: one for each that was old enough.

    `archive` has kept evidence of a conversation before anything of it is erased; one signed head
    covers the run. With `dry_run` nothing is archived, erased or written.
    Each conversation is erased as `erase` does it, `by` whom and for which `reason`; `signer` signs
    a receipt for each. What was interrupted is called again, and goes on with what is left.

    Raises InvalidMomentError for a naive `before`, InvalidNameError, InvalidOptionError,
    NoKeyError if labels are asked for and cannot be opened, PublishingError or StoreError.
    """
    if not isinstance(cast(object, before), datetime):
        raise InvalidMomentError(f"before is an aware datetime, not {type(before).__name__}.")
    if before.tzinfo is None:
        raise InvalidMomentError(f"before {before.isoformat()} has no time zone. Say which.")
    check_count("keep", keep)
    for what, text in (("owner", owner), ("tag", tag)):
        if text is not None:
            check_text(what, text)
    chosen = await _choose(log, to_microseconds(before), owner, tag, keep)
    signed = None
    if archive is not None and chosen and not dry_run:
        signed = (archive, await log.tree.head(archive.signer))
    disposal = Disposal(log, chosen, by, reason, signer, signed)
    done: list[Disposed] = []
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
    progress: Progress | None = None,
) -> list[Disposed]:
    """Erase every conversation whose label names `owner` now, with its branches and its forks.

    Forks go too, whoever owns them, as with `erase`. Conversations under a legal hold, or with a
    fork that is, are left, and the answer says so. `signer` signs a receipt for each. Labels are
    content: they go too, and last, so that what was interrupted is called again and goes on. What
    the owner begins meanwhile may be left: call it again once nothing new can come.

    Raises InvalidNameError, NoKeyError if labels cannot be opened, or StoreError.
    """
    check_text("owner", owner)
    theirs = [
        activity
        for activity in await activities(log)
        if await is_labelled(log, activity.session_id, owner=owner)
    ]
    done: list[Disposed] = []
    for activity in theirs:
        done.append(await _erase_one(log, activity, by, reason, signer))
        if progress is not None:
            progress(done[-1])
    return done


async def _choose(
    log: EventLog, before: int, owner: str | None, tag: str | None, keep: int
) -> list[Activity]:
    chosen: list[Activity] = []
    for activity in await activities(log):
        is_old = activity.last_at < before
        if keep < 1 and not is_old:
            continue
        if not await is_labelled(log, activity.session_id, owner=owner, tag=tag):
            continue
        keep -= 1
        if keep < 0 and is_old:
            chosen.append(activity)
    return chosen


async def _erase_one(
    log: EventLog, activity: Activity, by: str, reason: str, signer: Signer | None
) -> Disposed:
    name, last_at = activity.session_id, activity.last_at
    try:
        erased = await erase(log, name, by=by, reason=reason, signer=signer)
    except HeldError as error:
        return Disposed(name, Disposition.HELD, last_at, (error.held,))
    return Disposed(name, Disposition.ERASED, last_at, erased=erased)
